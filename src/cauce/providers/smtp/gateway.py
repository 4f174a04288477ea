"""Sends messages by mail through one relay: connect, envelope, content, each step told apart.

Up to the content nothing has been handed over, so whatever goes wrong is a refusal and the message may be sent again.
Once the content is on its way and no reply comes, nobody knows whether it was taken, and nobody can be asked.
"""

from __future__ import annotations

import contextlib
import ssl

import aiosmtplib

from cauce.gateway.capabilities import Can, Capabilities
from cauce.gateway.errors import ChannelSettingsError
from cauce.gateway.outcome import Declined, Done, Outcome, Refusal, Unknown
from cauce.gateway.provider import Channel, Kit
from cauce.gateway.reaching import Message, SentMessage
from cauce.kernel.scope import assert_outside_transaction
from cauce.providers.smtp import limits, mapping

SECURITIES = ("starttls", "tls", "none")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def capabilities(_: Channel) -> Capabilities:
    """The capability record."""
    return Capabilities(can=frozenset({Can.SENDS_MESSAGES}))


def connect(channel: Channel, kit: Kit) -> SmtpGateway:
    """The gateway of a channel whose settings make sense; `ChannelSettingsError` otherwise."""
    return SmtpGateway(channel, kit)


class SmtpGateway:
    """Speaks for one channel; every message has a connection of its own."""

    def __init__(self, channel: Channel, kit: Kit) -> None:
        self._kit = kit
        self._host = channel.setting("host")
        self._port = _port(channel.settings.get("port") or "587")
        self._security = _security(channel, self._host)
        self._username = channel.settings.get("username", "")
        self._password = channel.secrets.get("password", "")
        self._sender = mapping.Sender(
            channel.setting("from_address"),
            channel.settings.get("from_name", ""),
            channel.settings.get("return_path", ""),
        )

    async def send(self, message: Message) -> Outcome[SentMessage]:
        """See `SendsMessages`. The ref is the mail's Message-ID, made of the message's key."""
        assert_outside_transaction("a mail is sent")
        try:
            mail = mapping.compose(message, self._sender, self._kit.now())
        except mapping.BadMessage as exc:
            return Declined("5.6.0", Refusal.INVALID_REQUEST, str(exc))
        client = self._client()
        try:
            refused = await self._begin(client, mail)
            return refused if refused is not None else await _hand_over(client, mail)
        finally:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit()
            client.close()

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            username=self._username or None,
            password=self._password or None,
            use_tls=self._security == "tls",
            start_tls=self._security == "starttls",
            tls_context=None if self._security == "none" else ssl.create_default_context(),
            timeout=limits.TIMEOUT_SECONDS.value,
        )

    async def _begin(self, client: aiosmtplib.SMTP, mail: mapping.Mail) -> Declined | None:
        """Connection and envelope; a refusal, or None when the relay waits for the content."""
        try:
            await client.connect()
            if mail.needs_utf8 and not client.supports_extension("smtputf8"):
                return Declined("5.6.7", Refusal.INVALID_REQUEST, "the relay does not take addresses beyond ASCII")
            encoding = "utf-8" if mail.needs_utf8 else "ascii"
            await client.mail(mail.sender, options=["SMTPUTF8"] if mail.needs_utf8 else [], encoding=encoding)
            await client.rcpt(mail.recipient, encoding=encoding)
        except aiosmtplib.SMTPAuthenticationError as exc:
            return _for_operator(mapping.declined(exc.code, exc.message), Refusal.AUTH)
        except aiosmtplib.SMTPSenderRefused as exc:
            return _for_operator(mapping.declined(exc.code, exc.message), Refusal.CONFIG)
        except aiosmtplib.SMTPResponseException as exc:
            return mapping.declined(exc.code, exc.message)
        except (aiosmtplib.SMTPException, OSError) as exc:
            reason = f"{type(exc).__name__}: {exc}"
            # The library's bare base class means that the relay does not offer what was asked for.
            is_setup = type(exc) is aiosmtplib.SMTPException or isinstance(exc, aiosmtplib.SMTPNotSupported)
            if is_setup or _is_untrusted(exc):
                return Declined("5.7.4", Refusal.CONFIG, reason)
            return mapping.not_connected(reason)
        return None


async def _hand_over(client: aiosmtplib.SMTP, mail: mapping.Mail) -> Outcome[SentMessage]:
    try:
        await client.data(mail.content, timeout=limits.DATA_TIMEOUT_SECONDS.value)
    except aiosmtplib.SMTPResponseException as exc:
        if 400 <= exc.code < 600:
            return mapping.declined(exc.code, exc.message)  # a reply: the relay says that it did not take it
        return Unknown(f"the relay replied {exc.code} {exc.message}", limits.ASK_AFTER_SECONDS.value)
    except (aiosmtplib.SMTPException, OSError) as exc:
        reason = f"the content was sent and no reply came ({type(exc).__name__}: {exc})"
        return Unknown(reason, limits.ASK_AFTER_SECONDS.value)
    return Done(SentMessage(mail.message_id))


def _is_untrusted(exc: BaseException | None) -> bool:
    """Whether the relay's certificate is behind `exc`."""
    while exc is not None:
        if isinstance(exc, ssl.SSLCertVerificationError):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def _for_operator(refused: Declined, refusal: Refusal) -> Declined:
    """`refused` with the class `refusal` if it is final."""
    return Declined(refused.code, refusal, refused.message) if refused.code.startswith("5") else refused


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise ChannelSettingsError("the port is a number from 1 to 65535", param="port")
    return int(text)


def _security(channel: Channel, host: str) -> str:
    chosen = channel.settings.get("security", "") or SECURITIES[0]
    if chosen not in SECURITIES:
        raise ChannelSettingsError(f"security is one of {', '.join(SECURITIES)}", param="security")
    if chosen == "none" and host not in _LOOPBACK:
        raise ChannelSettingsError("without encryption only the own machine may be the relay", param="security")
    return chosen
