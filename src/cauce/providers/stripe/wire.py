"""One request to Stripe's API and its answer: authorization, version, form bodies, pages of lists.

`post` carries our key as `Idempotency-Key`. Whatever is not a usable answer (no connection, no JSON, busy, an error
of the server) becomes `Unknown`, so callers see an answer or an `Unknown`, never an exception.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from cauce.gateway.outcome import Declined, Outcome, Refusal, Unknown
from cauce.gateway.provider import Channel, HttpAnswer, Kit, TransportFailure
from cauce.providers.stripe import assumptions, limits, mapping

API = "https://api.stripe.com"
VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS = 20
"""Confirming a payment waits for the card's bank."""

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refused:
    """A complete answer that is not 200. `stored` says that Stripe gave an earlier answer of this key again."""

    status: int
    error: Json
    stored: bool = False

    def outcome(self) -> Declined | Unknown:
        """What it means for the operation."""
        return mapping.classify_error(self.status, self.error)

    def outcome_is(self, refusal: Refusal) -> bool:
        """Whether it is a final answer of this class."""
        outcome = self.outcome()
        return isinstance(outcome, Declined) and outcome.refusal is refusal


class AskingFailed(Exception):
    """A read did not work, so nothing can be said."""

    def __init__(self, unknown: Unknown | Declined) -> None:
        super().__init__(unknown)
        self.outcome = unknown


@dataclass(frozen=True, slots=True)
class Wire:
    """Stripe's API for one channel."""

    channel: Channel
    kit: Kit

    async def post(
        self, operation: str, path: str, params: Mapping[str, Any], *, key: str, account: str = ""
    ) -> Json | Refused | Unknown:
        """POST with `key` as the idempotency key, for `account` ("" is the platform)."""
        body = urlencode(mapping.form(params)).encode()
        headers = {"content-type": "application/x-www-form-urlencoded", "idempotency-key": key}
        return await self._exchange(operation, "POST", path, headers, body, key=key, account=account)

    async def get(
        self, operation: str, path: str, params: Mapping[str, Any], *, account: str = ""
    ) -> Json | Refused | Unknown:
        """GET one object or page."""
        query = urlencode(mapping.form(params))
        return await self._exchange(operation, "GET", f"{path}?{query}" if query else path, {}, b"", account=account)

    async def delete(self, operation: str, path: str, *, key: str = "", account: str = "") -> Json | Refused | Unknown:
        """DELETE one object."""
        return await self._exchange(operation, "DELETE", path, {}, b"", key=key, account=account)

    async def read(self, operation: str, path: str, params: Mapping[str, Any], *, account: str = "") -> Json | None:
        """GET one object; None when there is none; `AskingFailed` when the question did not work."""
        answer = await self.get(operation, path, params, account=account)
        if isinstance(answer, Refused):
            if answer.status == 404:
                return None
            raise AskingFailed(answer.outcome())
        if isinstance(answer, Unknown):
            raise AskingFailed(answer)
        return answer

    async def pages(
        self, operation: str, path: str, params: Mapping[str, Any], *, account: str = "", pages_max: int = 0
    ) -> AsyncIterator[Json]:
        """Every object of a list, newest first. `AskingFailed` when a page fails or `pages_max` (0: none) is passed."""
        after: str | None = None
        number = 0
        while True:
            page = await self.read(
                operation,
                path,
                {**params, "limit": limits.PAGE_LENGTH.value, "starting_after": after},
                account=account,
            )
            for item in page["data"] if page else ():
                yield item
            if not page or not page["has_more"]:
                return
            after, number = page["data"][-1]["id"], number + 1
            if number == pages_max:
                raise AskingFailed(Unknown(f"{path} is longer than {pages_max} pages", ask_after_seconds=600))

    async def _exchange(
        self,
        operation: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        key: str = "",
        account: str = "",
    ) -> Json | Refused | Unknown:
        all_headers = {
            "authorization": f"Bearer {self.channel.setting('api_key')}",
            "stripe-version": VERSION,
            **({"stripe-account": account} if account else {}),
            **headers,
        }
        url = (self.channel.base_url or API) + path
        try:
            answer = await self.kit.transport.send(
                operation,
                method,
                url,
                headers=all_headers,
                body=body,
                timeout_seconds=TIMEOUT_SECONDS,
                correlation=key,
            )
        except TransportFailure as failure:
            return Unknown(failure.reason, ask_after_seconds=5)
        return self._understood(answer)

    def _understood(self, answer: HttpAnswer) -> Json | Refused | Unknown:
        try:
            decoded = msgspec.json.decode(answer.body)
        except msgspec.DecodeError:
            return Unknown(f"Stripe's answer ({answer.status}) cannot be read", ask_after_seconds=5)
        if not isinstance(decoded, dict):
            return Unknown("Stripe's answer is not an object", ask_after_seconds=5)
        if answer.status != 200:
            return Refused(answer.status, decoded.get("error") or {}, assumptions.is_replay(dict(answer.headers)))
        if decoded.get("livemode", self.channel.livemode) is not self.channel.livemode:
            # Live and test data must never meet: no outcome may be concluded from the other world.
            return Refused(400, {"code": "livemode_mismatch", "message": "the answer is of the other mode"})
        return decoded


Answer = Json | Refused | Unknown
"""What a request brought."""


def understood(answer: Answer, make: Callable[[Json], Outcome[T]]) -> Outcome[T]:
    """The outcome of an answer; `make` reads a good one."""
    if isinstance(answer, Unknown):
        return answer
    return answer.outcome() if isinstance(answer, Refused) else make(answer)


async def settled(
    answer: Answer, make: Callable[[Json], Outcome[T]], look_up: Callable[[], Awaitable[Outcome[T]]]
) -> Outcome[T]:
    """Like `understood`, for an operation that may have been done although its answer is a kept error of the server.

    Such an answer comes back for that key for ever, so the object itself is looked for; when there is none, the key is
    burnt and nothing moved.
    """
    if not isinstance(answer, Refused) or answer.status < 500 or not answer.stored:
        return understood(answer, make)
    found = await look_up()
    if isinstance(found, Declined) and found.refusal is Refusal.NOT_FOUND:
        return Declined("stored_error", Refusal.DECLINED, "Stripe failed and did nothing; try again under a new key")
    return found
