"""One request to Intercom's API and its answer: authorization, pinned version, JSON.

Whatever is not a usable answer (no connection, 408, 429, an error of the server, no JSON) becomes `Unknown`, so callers
see an answer or an `Unknown`, never an exception. Repeating is safe: every call but `/messages` is idempotent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from cauce.gateway.outcome import Declined, Unknown
from cauce.gateway.provider import Channel, HttpAnswer, Kit, TransportFailure
from cauce.providers.intercom import limits, mapping, naming

API_VERSION = "2.15"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer below 500 that can be read."""

    status: int
    body: dict[str, Any]

    @property
    def is_success(self) -> bool:
        """Whether it was done."""
        return 200 <= self.status < 300

    def refusal(self) -> Declined:
        """What it refuses."""
        return mapping.classify_error(self.status, self.body)


class Wire:
    """The requests of one channel."""

    def __init__(self, channel: Channel, kit: Kit) -> None:
        self.channel = channel
        self.kit = kit
        api, self.messenger_host = naming.hosts(channel.settings.get("region", ""))
        self._base_url = (channel.base_url or api).rstrip("/")
        self._headers = {
            "authorization": f"Bearer {channel.setting('access_token')}",
            "intercom-version": API_VERSION,
            "accept": "application/json",
            "content-type": "application/json",
        }

    async def ask(
        self, operation: str, method: str, path: str, body: dict[str, Any] | None = None, correlation: str = ""
    ) -> Answer | Unknown:
        """Send once."""
        try:
            answer = await self.kit.transport.send(
                operation,
                method,
                self._base_url + path,
                headers=self._headers,
                body=b"" if body is None else msgspec.json.encode(body),
                timeout_seconds=limits.TIMEOUT_SECONDS.value,
                correlation=correlation,
            )
        except TransportFailure as exc:
            return Unknown(exc.reason, limits.ASK_AFTER_SECONDS.value)
        return self._read(answer)

    def _read(self, answer: HttpAnswer) -> Answer | Unknown:
        if answer.status in (408, 429) or answer.status >= 500 or 300 <= answer.status < 400:
            now_seconds = int(self.kit.now().timestamp())
            return Unknown(f"Intercom answered {answer.status}", mapping.wait_seconds(answer.headers, now_seconds))
        if not answer.body.strip():
            return Answer(answer.status, {})
        try:
            decoded = msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, ValueError):
            decoded = None
        if isinstance(decoded, dict):
            return Answer(answer.status, decoded)
        if answer.status >= 400:
            return Answer(answer.status, {})
        return Unknown("the answer is not a JSON object", limits.ASK_AFTER_SECONDS.value)
