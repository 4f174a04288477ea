"""Which words of a mail are its writer's own, as common mail programs write them, and that nothing in a mail breaks the reader."""

from __future__ import annotations

import random

import pytest

from cauce.billing.conversations.mails import BadMail, read_mail
from cauce.billing.conversations.quotes import own_words, text_of_html
from cauce.kernel.errors import InvalidRequest

PLAIN = {
    "nothing quoted": ("Yes.\r\nSee you.", "Yes.\nSee you."),
    "below, the attribution on one line": ("Yes.\n\nOn 15 Jan 2026, Shop wrote:\n> Hello\n> there", "Yes."),
    "the attribution on two lines": (
        "Yes.\n\nOn Thu, 15 Jan 2026, Shop <a@b.example>\nwrote:\n\n> Hello\n>\n> x",
        "Yes.",
    ),
    "Spanish": ("Sí.\n\nEl jue, 15 ene 2026 a las 10:02, Shop (<a@b.example>) escribió:\n\n> Hola", "Sí."),
    "Chinese": ("好的。\n\n在 2026年1月15日 10:02，Shop <a@b.example> 写道：\n\n> 您好", "好的。"),
    "German": ("Ja.\n\nAm 15.01.2026 um 10:02 schrieb Shop:\n> Hallo", "Ja."),
    "answers between and below": ("> Do you?\nI do.\n\n> And she?\n\nShe too.", "I do.\n\nShe too."),
    "an original below its head": ("Yes.\n\n-----Original Message-----\nFrom: Shop\nSent: today\n\nHello", "Yes."),
    "a rule, then the head": (
        "Yes.\n\n________________________________\nFrom: Shop <a@b.example>\nSent: x\n\nHello",
        "Yes.",
    ),
    "the head alone": ("Yes.\n\nDe: Shop <a@b.example>\nEnviado: jueves\nPara: V\nAsunto: x\n\nHola", "Yes."),
    "a signature": ("Yes.\n-- \nVera\nHead of all", "Yes."),
    "words that look like a head": ("From: Madrid we go on.\nIs 5 fine?", "From: Madrid we go on.\nIs 5 fine?"),
    "words that end with a colon": ("He wrote:\nnothing.", "He wrote:\nnothing."),
    "a quotation alone": ("On 15 Jan 2026, Shop wrote:\n> Hello", ""),
    "many empty lines": ("a\n\n\n\n\nb", "a\n\nb"),
}
HTML = {
    "gmail": (
        '<div dir="ltr">Yes.<br>Fine.</div><div class="gmail_quote"><div>On x wrote</div>old</div>',
        "Yes.\nFine.",
    ),
    "outlook": ("<html><head><style>p{}</style></head><p>Yes.</p><p>&amp; more</p></html>", "Yes.\n\n& more"),
    "apple": ("<div>Yes.</div><blockquote type=cite>old <p>older</p></blockquote><div>After.</div>", "Yes.\n\nAfter."),
    "a script says nothing": ("Yes<script>alert(1)</script>.", "Yes."),
    "never closed": ("<blockquote><p>old", ""),
}


@pytest.mark.parametrize("text, own", PLAIN.values(), ids=PLAIN)
def test_the_writers_own_words_remain(text: str, own: str) -> None:
    assert own_words(text) == own


@pytest.mark.parametrize("html, own", HTML.values(), ids=HTML)
def test_an_html_mail_says_what_it_shows(html: str, own: str) -> None:
    assert own_words(text_of_html(html)) == own


def test_an_html_only_mail_in_an_unknown_character_set_is_read_as_far_as_it_can_be() -> None:
    raw = b"From: V <v@x.example>\nContent-Type: text/html; charset=klingon\n\n<p>Sal\xc3\xbat \xff</p>"
    mail = read_mail(raw)
    assert (mail.sender, mail.text, mail.files) == ("v@x.example", "Salút �", ())


def test_a_mail_without_an_id_is_named_by_its_bytes() -> None:
    one, two = (read_mail(b"From: v@x.example\n\n" + words) for words in (b"a", b"b"))
    assert one.ref != two.ref == read_mail(b"From: v@x.example\n\nb").ref


def test_nothing_in_a_mail_breaks_the_reader() -> None:
    whole = (
        b'From: "V, of X" <v@x.example>\nTo: chat+1-x@y.example\nMessage-ID: <a@b>\nMIME-Version: 1.0\n'
        b'Content-Type: multipart/mixed; boundary="b"\n\n--b\nContent-Type: text/plain; charset="utf-8"\n'
        b"Content-Transfer-Encoding: base64\n\nSGVsbG8=\n--b\nContent-Type: image/png; name*=utf-8''a%20b.png\n"
        b'Content-Disposition: attachment; filename="=?utf-8?q?=C3=A1?=.png"\n\nx\n--b--\n'
    )
    assert (read_mail(whole).text, read_mail(whole).files) == ("Hello", ("á.png",))
    chance = random.Random(7)
    for _ in range(3_000):
        raw = bytearray(whole)
        for _ in range(chance.randint(1, 12)):
            place = chance.randrange(len(raw))
            raw[place : place + chance.choice((0, 1, 5))] = chance.choice(
                (b"\n", b"\x00", b'"', b";", b"=", b"<", b"\xff", b"(", b"*", b"--b", b"=?utf-8?b?", b":", b"\\")
            )
        try:
            read_mail(bytes(raw))
        except InvalidRequest:
            continue


@pytest.mark.parametrize("raw", [b"", b"\n", b"Hello", b"To: a@b.example\n\nHello", b"From: nobody\n\nHello"])
def test_what_names_no_sender_is_no_mail(raw: bytes) -> None:
    with pytest.raises(BadMail):
        read_mail(raw)
