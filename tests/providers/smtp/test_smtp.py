"""Mail: what it looks like on the wire, and what each ending of a delivery means."""

from __future__ import annotations

import asyncio
import itertools
import smtplib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from cauce.gateway.errors import ChannelSettingsError
from cauce.gateway.outcome import Declined, Done, Outcome, Refusal, Unknown
from cauce.gateway.provider import Channel, Kit
from cauce.gateway.reaching import Message, SentMessage
from cauce.kernel.clock import wall_now
from cauce.kernel.ids import new_id
from cauce.kernel.scope import transaction_scope
from cauce.providers.kit.cache import MemoryCache
from cauce.providers.kit.channel import SandboxChannel
from cauce.providers.kit.control import SandboxControl
from cauce.providers.kit.transport import HttpTransport
from cauce.providers.smtp import PROVIDER, mapping
from cauce.providers.smtp.simulator import smtp_face
from tests.providers.running import running_sandbox

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SENDER = mapping.Sender("billing@tienda.example", "Tienda Río", "bounces@tienda.example")
_numbers = itertools.count(1)


def message(**changes: Any) -> Message:
    fields: dict[str, Any] = {
        "key": "msg_1",
        "to_address": "ana@example.com",
        "to_name": "Ana Pérez, «la jefa» 王",
        "subject": "Tu prueba termina el viernes · 试用",
        "text": "Hola Ana,\n.una línea con punto\n" + "largo " * 40,
        "html": "<p>Hola <b>Ana</b> 你好</p>",
        "unsubscribe_url": "https://tienda.example/u/" + "a" * 120,
    }
    return Message(**{**fields, **changes})


def read(content: bytes) -> EmailMessage:
    mail = message_from_bytes(content, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def test_the_mail_has_text_and_html_names_in_utf8_and_one_click_unsubscription() -> None:
    made = mapping.compose(message(reply_to="help@tienda.example", headers={"X-Campaign": "trial"}), SENDER, AT)
    mail = read(made.content)
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert mail["To"].addresses[0].display_name == "Ana Pérez, «la jefa» 王"
    assert mail["Subject"] == "Tu prueba termina el viernes · 试用"
    assert mail["From"].addresses[0].display_name == "Tienda Río" and mail["Reply-To"] == "help@tienda.example"
    assert mail["List-Unsubscribe"] == f"<{message().unsubscribe_url}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"List-Unsubscribe: <{message().unsubscribe_url}>\r\n".encode() in made.content, "on one line, as it is"
    assert mail["Message-ID"] == "<msg_1@tienda.example>" == made.message_id
    assert mail["X-Campaign"] == "trial" and mail["Auto-Submitted"] == "auto-generated"
    assert (made.sender, made.recipient) == ("bounces@tienda.example", "ana@example.com")
    assert made.content.isascii() and max(map(len, made.content.split(b"\r\n"))) <= 998
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text and text.get_content().replace("\r\n", "\n").startswith("Hola Ana,\n.una línea")
    assert html and "你好" in html.get_content()


def test_one_key_is_one_mail_to_the_byte() -> None:
    first, again = (mapping.compose(message(), SENDER, AT) for _ in range(2))
    assert first == again
    assert mapping.compose(message(key="msg_2"), SENDER, AT).message_id != first.message_id


def test_the_recorded_mail_is_what_is_sent() -> None:
    recorded = files("cauce.providers.smtp").joinpath("fixtures/trial_ending.eml").read_bytes()
    plain = message(text="Hola Ana.\n", html="<p>Hola Ana.</p>\n", unsubscribe_url="https://tienda.example/u/1")
    assert mapping.compose(plain, SENDER, AT).content == recorded


@pytest.mark.parametrize(
    "changes",
    [
        {"to_address": "ana@example.com\r\nBcc: eve@example.com"},
        {"to_address": "ana"},
        {"to_address": "a b@example.com"},
        {"to_address": "<ana@example.com>"},
        {"to_address": "ana@exa mple.com"},
        {"to_address": ".ana@example.com"},
        {"to_address": "a" * 65 + "@example.com"},
        {"reply_to": "x@y\nz"},
        {"unsubscribe_url": "https://e.com/\r\nBcc: e@e.com"},
        {"unsubscribe_url": "mailto:x@e.com"},
        {"headers": {"Bcc": "eve@example.com"}},
        {"headers": {"X-A: b\r\nBcc": "eve@example.com"}},
    ],
)
def test_what_could_change_the_envelope_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(mapping.BadMessage):
        mapping.compose(message(**changes), SENDER, AT)


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=50))
def test_whatever_stands_in_subject_and_name_makes_no_header(subject: str, name: str, value: str) -> None:
    made = mapping.compose(message(subject=subject, to_name=name, headers={"X-Note": value}), SENDER, AT)
    mail = read(made.content)
    assert set(mail.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Note", "MIME-Version", "Content-Type",
        "List-Unsubscribe", "List-Unsubscribe-Post",
    }  # fmt: skip
    assert len(mail["To"].addresses) == 1 and mail["To"].addresses[0].addr_spec == "ana@example.com"


def test_a_domain_beyond_ascii_is_written_in_its_ascii_form() -> None:
    assert (
        mapping.compose(message(to_address="ana@españa.example"), SENDER, AT).recipient == "ana@xn--espaa-rta.example"
    )


@pytest.mark.parametrize(
    ("code", "text", "refusal", "enhanced"),
    [
        (550, "5.1.1 no such user", Refusal.HARD, "5.1.1"),
        (550, "user unknown", Refusal.HARD, "5.1.1"),
        (550, "5.7.1 blocked", Refusal.FORBIDDEN, "5.7.1"),
        (552, "5.2.2 full", Refusal.LIMIT_EXCEEDED, "5.2.2"),
        (451, "4.7.1 greylisted", Refusal.LIMIT_EXCEEDED, "4.7.1"),
        (452, "no space", Refusal.LIMIT_EXCEEDED, "4.3.1"),
        (554, "5.1.1 with version 4.2.1 of the software", Refusal.HARD, "5.1.1"),
        (554, "no", Refusal.DECLINED, "5.0.0"),
        (-1, "gibberish", Refusal.LIMIT_EXCEEDED, "4.4.1"),
    ],
)
def test_a_reply_has_a_class(code: int, text: str, refusal: Refusal, enhanced: str) -> None:
    declined = mapping.declined(code, text)
    assert (declined.refusal, declined.code) == (refusal, enhanced)


class Relay:
    """A fresh relay at the simulator and a channel to it."""

    def __init__(self, made: SandboxChannel, control: SandboxControl, http: httpx2.AsyncClient) -> None:
        self.made = made
        self.control = control
        self.http = http

    def gateway(self, **changes: str) -> Any:
        settings = {**self.made.settings, **{k: v for k, v in changes.items() if k != "password"}}
        secrets = {"password": changes.get("password", self.made.secrets["password"])}
        return connected(settings, secrets, self.http)

    async def send(self, **changes: Any) -> Outcome[SentMessage]:
        outcome: Outcome[SentMessage] = await self.gateway().send(message(**changes))
        return outcome

    async def inbox(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.control.verb("smtp", "messages", {}))["messages"]
        return found


def connected(settings: dict[str, str], secrets: dict[str, str], http: httpx2.AsyncClient) -> Any:
    channel = Channel("ch_1", 1, "smtp", False, "", settings, secrets)
    return PROVIDER.connect(channel, Kit(HttpTransport(channel, http), MemoryCache(), wall_now, new_id))


@pytest.fixture(scope="module")
def sandbox_url() -> Iterator[str]:
    with running_sandbox({"smtp": smtp_face()}) as url:
        yield url


@pytest.fixture
async def relay(sandbox_url: str, http: httpx2.AsyncClient) -> Relay:
    assert PROVIDER.sandbox_channel is not None
    control = SandboxControl(http, sandbox_url, f"shop{next(_numbers)}")
    made = PROVIDER.sandbox_channel(control.tenant, control.face_url("smtp"), "")
    await control.register("smtp", made.registration)
    await control.set_clock(AT)
    return Relay(made, control, http)


async def test_a_mail_arrives_as_it_was_written(relay: Relay) -> None:
    assert await relay.send() == Done(SentMessage("<msg_1@shop.example>"))
    [kept] = await relay.inbox()
    assert kept["to"] == ["ana@example.com"] and kept["at"] == AT.isoformat()
    assert kept["text"].startswith("Hola Ana,") and ".una línea con punto" in kept["text"] and "你好" in kept["html"]
    url = f"{relay.control.face_url('smtp')}/_sim/pages/{relay.control.tenant}"
    assert "Tu prueba" in (await relay.http.get(f"{url}/")).text
    assert "frame-src" in (await relay.http.get(f"{url}/{kept['id']}")).headers["content-security-policy"]


@pytest.mark.parametrize(
    ("mailbox", "refusal", "code"),
    [
        ("unknown", Refusal.HARD, "5.1.1"),
        ("blocked", Refusal.FORBIDDEN, "5.7.1"),
        ("full", Refusal.LIMIT_EXCEEDED, "4.2.2"),
    ],
)
async def test_a_mailbox_that_refuses_has_its_class_and_nothing_is_kept(
    relay: Relay, mailbox: str, refusal: Refusal, code: str
) -> None:
    refused = await relay.send(to_address=f"{mailbox}@example.com")
    assert isinstance(refused, Declined) and (refused.refusal, refused.code) == (refusal, code)
    assert await relay.inbox() == []


async def test_greylisting_is_a_refusal_that_passes(relay: Relay) -> None:
    first = await relay.send(to_address="greylisted@example.com")
    assert isinstance(first, Declined) and first.code.startswith("4")
    assert isinstance(await relay.send(to_address="greylisted@example.com"), Done)
    assert len(await relay.inbox()) == 1


@pytest.mark.parametrize("step", ["auth", "mail", "rcpt"])
@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error_before", "rate_limited", "garbled"])
async def test_a_break_before_the_content_is_safe_to_repeat(relay: Relay, step: str, fault: str) -> None:
    await relay.control.fault("smtp", fault, step, status=451, times=2)  # a client may offer a second way to sign in
    broken = await relay.send()
    assert isinstance(broken, Declined) and broken.refusal is Refusal.LIMIT_EXCEEDED and broken.code.startswith("4")
    assert await relay.inbox() == []
    await relay.control.clear_faults("smtp")
    assert isinstance(await relay.send(), Done)
    assert len(await relay.inbox()) == 1


@pytest.mark.parametrize(("fault", "kept"), [("drop_before", 0), ("drop_after", 1), ("garbled", 1)])
async def test_a_break_after_the_content_is_unknown(relay: Relay, fault: str, kept: int) -> None:
    await relay.control.fault("smtp", fault, "data")
    assert isinstance(await relay.send(), Unknown)
    assert len(await relay.inbox()) == kept


@pytest.mark.parametrize(("status", "refusal"), [(451, Refusal.LIMIT_EXCEEDED), (554, Refusal.DECLINED)])
async def test_a_refusal_after_the_content_is_believed(relay: Relay, status: int, refusal: Refusal) -> None:
    await relay.control.fault("smtp", "error_before", "data", status=status)
    refused = await relay.send()
    assert isinstance(refused, Declined) and refused.refusal is refusal
    assert await relay.inbox() == []


async def test_a_wrong_password_or_a_refused_sender_is_for_the_operator(relay: Relay) -> None:
    refused = await relay.gateway(password="wrong").send(message())
    assert isinstance(refused, Declined) and refused.refusal is Refusal.AUTH
    await relay.control.fault("smtp", "error_before", "mail", status=550)
    refused = await relay.send()
    assert isinstance(refused, Declined) and refused.refusal is Refusal.CONFIG


async def test_an_address_beyond_ascii_is_delivered_where_the_relay_takes_it(relay: Relay) -> None:
    assert isinstance(await relay.send(to_address="пример@example.com"), Done)
    assert (await relay.inbox())[0]["to"] == ["пример@example.com"]


async def test_a_relay_that_is_not_there_is_a_refusal_that_may_pass(relay: Relay) -> None:
    refused = await relay.gateway(port="1").send(message())
    assert isinstance(refused, Declined) and refused.code == "4.4.1"


async def test_a_relay_without_encryption_is_refused_when_encryption_is_wanted(relay: Relay) -> None:
    refused = await relay.gateway(security="starttls").send(message())
    assert isinstance(refused, Declined) and refused.refusal is Refusal.CONFIG
    assert await relay.inbox() == []


async def test_no_mail_is_sent_inside_a_transaction(relay: Relay) -> None:
    with transaction_scope(), pytest.raises(AssertionError):
        await relay.send()


async def test_the_relay_speaks_with_the_standard_librarys_client(relay: Relay) -> None:
    def talk() -> None:
        with smtplib.SMTP("127.0.0.1", int(relay.made.settings["port"]), timeout=10) as client:
            with pytest.raises(smtplib.SMTPSenderRefused):
                client.sendmail("a@example.com", ["b@example.com"], b"Subject: x\r\n\r\nx")
            client.login(relay.made.settings["username"], relay.made.secrets["password"])
            refused = client.sendmail(
                "a@example.com", ["b@example.com", "unknown@example.com"], b"Subject: x\r\n\r\n..x"
            )
            assert list(refused) == ["unknown@example.com"]
            assert client.docmd("EXPN", "list")[0] == 502 and client.noop()[0] == 250

    await asyncio.to_thread(talk)
    [kept] = await relay.inbox()
    assert kept["to"] == ["b@example.com"] and kept["text"].strip() == "..x"


@asynccontextmanager
async def scripted(answer: Callable[[bytes], Awaitable[bytes]]) -> AsyncIterator[int]:
    """A listener that replies to each line as told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        while line := await reader.readline():
            writer.write(await answer(line))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_relay_that_talks_nonsense_never_makes_a_mail_sent(http: httpx2.AsyncClient) -> None:
    async def nonsense(line: bytes) -> bytes:
        return b"hello to you too\r\n"

    async with scripted(nonsense) as port:
        settings = {"host": "127.0.0.1", "port": str(port), "security": "none", "from_address": "a@shop.example"}
        outcome = await connected(settings, {}, http).send(message())
    assert isinstance(outcome, Declined) and outcome.code == "4.4.1"


async def test_a_relay_whose_certificate_nobody_vouches_for_is_refused(
    tmp_path: Path, http: httpx2.AsyncClient
) -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0, ssl=self_signed(tmp_path))
    async with server:
        port = str(server.sockets[0].getsockname()[1])
        settings = {"host": "localhost", "port": port, "security": "tls", "from_address": "a@shop.example"}
        refused = await connected(settings, {}, http).send(message())
    assert isinstance(refused, Declined) and refused.refusal is Refusal.CONFIG


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate that it made itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(wall_now() - timedelta(days=1)).not_valid_after(wall_now() + timedelta(days=1))
    certificate = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    pem = Encoding.PEM
    content = key.private_bytes(pem, PrivateFormat.PKCS8, NoEncryption())
    (folder / "relay.pem").write_bytes(content + certificate.sign(key, hashes.SHA256()).public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "relay.pem")
    return context


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"security": "none", "host": "relay.example.com"}, "security"),
        ({"security": "maybe"}, "security"),
        ({"port": "99999"}, "port"),
        ({"from_address": ""}, "from_address"),
    ],
)
async def test_settings_that_make_no_sense_are_refused(
    changes: dict[str, str], param: str, http: httpx2.AsyncClient
) -> None:
    with pytest.raises(ChannelSettingsError) as caught:
        connected(
            {"host": "localhost", "port": "25", "security": "none", "from_address": "a@b.example", **changes}, {}, http
        )
    assert caught.value.param == param
