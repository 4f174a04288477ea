"""One signed exchange with WeChat Pay: sign the bytes that go out, verify the bytes that come back.

Nothing here repeats a call. An answer that cannot be trusted (no, old or wrong signature, not JSON) leaves the
outcome `Unknown`; only the file download is unsigned by the vendor's own rule.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

from cauce.gateway.errors import BadSignature, BadStatement
from cauce.gateway.outcome import Access, Unknown
from cauce.gateway.provider import Channel, HttpAnswer, Kit, TransportFailure
from cauce.kernel.errors import Unavailable
from cauce.providers.wechat import signing
from cauce.providers.wechat.contract import Contract
from cauce.providers.wechat.keyring import Keyring, UnknownSerial, certificates_in
from cauce.providers.wechat.mapping import addresses
from cauce.providers.wechat.mapping.problems import ASK_SECONDS, THROTTLED_SECONDS

TIMEOUT_SECONDS = 15
DOWNLOAD_SECONDS = 120
USER_AGENT = "cauce"


@dataclass(frozen=True, slots=True)
class Reply:
    """A verified answer. `body` is empty for 204."""

    status: int
    body: Mapping[str, Any]

    @property
    def is_good(self) -> bool:
        """Whether it is the vendor's yes."""
        return self.status in (200, 204)


class Wire:
    """The connection of one channel."""

    def __init__(self, channel: Channel, contract: Contract, kit: Kit) -> None:
        self._contract = contract
        self._kit = kit
        self.keyring = Keyring(contract, channel.id, kit.cache)

    async def ask(self, operation: str, target: str, correlation: str = "") -> Reply | Unknown:
        """GET."""
        return await self._exchange(operation, "GET", target, b"", correlation, "")

    async def tell(
        self, operation: str, target: str, body: Mapping[str, Any], correlation: str = "", serial: str = ""
    ) -> Reply | Unknown:
        """POST `body`; `serial` names the key that its names were encrypted with."""
        return await self._exchange(operation, "POST", target, msgspec.json.encode(body), correlation, serial)

    async def certificates(self) -> dict[str, str]:
        """Download the platform certificates and keep them; empty where the contract has a public key instead.

        The answer is verified with a certificate that came in it: its content is sealed with our own key.
        """
        try:
            answer = await self._send("certificates", "GET", addresses.CERTIFICATES, b"", "", "")
            if answer.status != 200:
                return {}
            found = certificates_in(msgspec.json.decode(answer.body, type=dict[str, Any]), self._contract.api_v3_key)
            self.keyring.check(answer.headers, answer.body, self._kit.now(), also=found)
        except (TransportFailure, BadSignature, ValueError, KeyError, TypeError):
            return {}
        await self.keyring.keep(found, self._kit.now())
        return found

    async def encryption_key(self) -> tuple[str, str]:
        """(serial, PEM) of the key for names in a request."""
        return await self.keyring.encryption_key(self.certificates)

    async def download(self, url: str) -> bytes:
        """A file from the address that a bill's answer gave; signed by us, unsigned by the vendor."""
        target = self._target_of(url)
        try:
            answer = await self._send("statement.download", "GET", target, b"", "", "", DOWNLOAD_SECONDS)
        except TransportFailure as exc:
            raise Unavailable(f"the file could not be read: {exc.reason}") from exc
        if answer.status != 200:
            raise Unavailable(f"the file could not be read: WeChat Pay answered {answer.status}")
        return answer.body

    def sign(self, message: bytes) -> str:
        """Our signature of a message, for what a payer's client invokes."""
        return signing.sign(self._contract.private_key, message)

    def stamp(self) -> tuple[str, str]:
        """(timestamp, nonce) for a signature made now."""
        return str(int(self._kit.now().timestamp())), secrets.token_hex(16)

    async def _exchange(
        self, operation: str, method: str, target: str, body: bytes, correlation: str, serial: str
    ) -> Reply | Unknown:
        try:
            answer = await self._send(operation, method, target, body, correlation, serial)
        except TransportFailure as exc:
            return Unknown(exc.reason, ASK_SECONDS)
        if answer.status >= 500:  # may come from a proxy and be unsigned: it says nothing about the operation
            return Unknown(f"WeChat Pay answered {answer.status}", ASK_SECONDS)
        if (
            answer.status == 429
        ):  # so may its front, whose throttling nobody signs; the number is asked about first anyway
            return Unknown("WeChat Pay answered 429", THROTTLED_SECONDS, is_undone=True, code="429")
        try:
            await self._verify(answer)
            parsed = msgspec.json.decode(answer.body, type=dict[str, Any]) if answer.body else {}
        except BadSignature as exc:
            return Unknown(f"the answer ({answer.status}) cannot be trusted: {exc.message}", ASK_SECONDS, Access.ANSWER)
        except msgspec.DecodeError as exc:
            return Unknown(f"the answer cannot be read: {exc}", ASK_SECONDS)
        return Reply(answer.status, parsed)

    async def _verify(self, answer: HttpAnswer) -> None:
        for load in (self.keyring.recall, self.certificates):
            try:
                return self.keyring.check(answer.headers, answer.body, self._kit.now())
            except UnknownSerial:
                await load()
        return self.keyring.check(answer.headers, answer.body, self._kit.now())

    async def _send(
        self,
        operation: str,
        method: str,
        target: str,
        body: bytes,
        correlation: str,
        serial: str,
        timeout_seconds: int = TIMEOUT_SECONDS,
    ) -> HttpAnswer:
        contract = self._contract
        timestamp, nonce = self.stamp()
        signature = self.sign(signing.request_message(method, target, timestamp, nonce, body))
        authorization = signing.authorization(contract.mchid, contract.certificate_serial, nonce, timestamp, signature)
        headers = {
            "authorization": authorization,
            "content-type": "application/json",
            "accept": "application/json",
            "user-agent": USER_AGENT,
        }
        named = serial or (contract.encrypt_serial if contract.by_public_key else "")
        if named:
            headers["wechatpay-serial"] = named
        return await self._kit.transport.send(
            operation,
            method,
            contract.base_url + target,
            headers=headers,
            body=body,
            timeout_seconds=timeout_seconds,
            correlation=correlation,
        )

    def _target_of(self, url: str) -> str:
        """Path and query of a download address, which must be at the vendor's own host."""
        base = self._contract.base_url
        if url.startswith(base + "/"):
            return url[len(base) :]
        there, here = urlsplit(url), urlsplit(base)
        if there.scheme != "https" or there.hostname is None or not there.hostname.endswith(".mch.weixin.qq.com"):
            raise BadStatement(f"the file lies at {there.hostname}, which is not WeChat Pay's ({here.hostname})")
        return there._replace(scheme="", netloc="").geturl()
