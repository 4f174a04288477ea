"""Mails that come back and complaints: only for a mail of ours, once, and nothing more goes to the address (K2)."""

from __future__ import annotations

import pytest

from cauce.billing.outreach.delivery_reports import Report, ReportKind, read_report

MESSAGE = "msg_01jd7q2v5w8x9y0z1a2b3c4d5e"


def dsn(
    status: str = "5.1.1", *, action: str = "failed", message_id: str = f"<{MESSAGE}@shop.example>", full: bool = True
) -> bytes:
    """A bounce as Postfix writes one; `full` quotes the mail, else its headers alone."""
    quoted = "message/rfc822" if full else "text/rfc822-headers"
    body = "\r\nHello\r\n" if full else ""
    return (
        "From: MAILER-DAEMON@mx.example\r\nTo: bounces@shop.example\r\nSubject: Undelivered Mail\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nI am sorry.\r\n\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; gone@customers.example\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 <gone@customers.example>:\r\n Recipient address rejected: User unknown\r\n\r\n"
        f"--b\r\nContent-Type: {quoted}\r\n\r\n"
        f"From: shop@shop.example\r\nTo: gone@customers.example\r\nMessage-ID: {message_id}\r\nSubject: Hi\r\n{body}\r\n"
        "--b--\r\n"
    ).encode()


def complaint(kind: str = "abuse", message_id: str = f"<{MESSAGE}@shop.example>") -> bytes:
    """A feedback report as mailbox providers send it."""
    return (
        "From: fbl@provider.example\r\nTo: bounces@shop.example\r\nSubject: complaint\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nThis is an email abuse report.\r\n\r\n"
        f"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: {kind}\r\nVersion: 1\r\nUser-Agent: P/1\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nFrom: shop@shop.example\r\nMessage-ID: {message_id}\r\n\r\nHi\r\n\r\n--b--\r\n"
    ).encode()


@pytest.mark.parametrize("full", [True, False])
def test_a_bounce_is_read_with_its_reason(full: bool) -> None:
    told = "5.1.1 smtp; 550 5.1.1 <gone@customers.example>: Recipient address rejected: User unknown"
    assert read_report(dsn(full=full)) == Report(ReportKind.DEAD, MESSAGE, told)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (dsn("5.2.1"), ReportKind.DEAD),
        (dsn("5.2.2"), ReportKind.FAILED),
        (dsn("5.7.1"), ReportKind.FAILED),
        (complaint(), ReportKind.COMPLAINT),
        (complaint("fraud"), ReportKind.COMPLAINT),
    ],
)
def test_what_stops_an_address_and_what_does_not(raw: bytes, kind: ReportKind) -> None:
    report = read_report(raw)
    assert report is not None
    assert report.kind is kind


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\x00\xff" * 40, b"From: a@b.example\r\n\r\nHello", dsn("4.4.1", action="delayed"), dsn(action="delivered"), dsn("nonsense"),
        dsn(message_id="<somebody@else.example>"), dsn(message_id="<msg_x@shop.example>"), complaint("not-spam"),
        complaint(message_id="<>"), dsn()[:400], dsn().replace(b'boundary="b"', b'boundary="c"'),
    ],
)  # fmt: skip
def test_other_mails_are_no_reports(raw: bytes) -> None:
    assert read_report(raw) is None
