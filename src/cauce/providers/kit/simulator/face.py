"""What a vendor's simulator is to the engine: a `Face`, and the values that pass between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from cauce.providers.kit.simulator.callbacks import Callback
from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.kit.simulator.timers import Timer


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came. `path` is without the prefix under which the face is mounted, `wire_path` with it.

    Header names are lower case; `received_at` is wall time; `base_url` is the face's own address as the caller sees
    it, for links that the face gives out.
    """

    method: str
    path: str
    wire_path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    base_url: str

    def text(self) -> str:
        """What a fault's `contains` is looked for in."""
        key = self.headers.get("idempotency-key", "")
        return f"{self.path}?{self.query}\n{key}\n{self.body.decode('utf-8', 'replace')}"


def call_to_plain(call: Call) -> dict[str, Any]:
    """A call as JSON values."""
    return {**asdict(call), "body": call.body.decode("latin-1"), "received_at": call.received_at.isoformat()}


def call_from_plain(plain: dict[str, Any]) -> Call:
    """The call that `call_to_plain` wrote down."""
    received_at = datetime.fromisoformat(plain["received_at"])
    return Call(**{**plain, "body": plain["body"].encode("latin-1"), "received_at": received_at})


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int
    body: bytes = b""
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(status: int, value: object, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer of JSON."""
    return Answer(status, msgspec.json.encode(value), headers=headers or {})


class Refused(Exception):
    """A request that cannot be routed: no credential, no such address. Carries the vendor's own answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Routed:
    """Whose request it is and what it asks. `detail` is the face's own and is handed to `handle`."""

    tenant: str
    operation: str
    detail: Any = None


@dataclass(frozen=True, slots=True)
class Signed:
    """A callback as it goes over the wire."""

    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"


def _nothing(*_: object) -> None:
    return None


def _refuse_control(_: Tenant, verb: str, __: Mapping[str, Any], ___: str) -> dict[str, Any]:
    raise KeyError(verb)


def _no_page(_: Tenant, __: Call) -> Answer:
    return Answer(404, b"no such page", "text/plain")


def _plain_error(kind: str, status: int) -> Answer:
    return Answer(status, kind.encode(), "text/plain")


def _spoil(answer: Answer) -> Answer:
    return Answer(answer.status, b"\x00" + answer.body[: len(answer.body) // 2], answer.media_type, answer.headers)


@dataclass(frozen=True, slots=True)
class Face:
    """One vendor's simulator.

    * `route(call)` names tenant and operation, or raises `Refused`; it may not change anything.
    * `handle(tenant, call, routed)` does it and answers; refusals of the vendor are answers too.
    * `fire(tenant, timer)` does what a timer says.
    * `sign(tenant, callback, at)` makes the wire form of a callback, as of wall time `at`; the flaw
      `bad_signature` of the callback must be honoured, `stale` is already in `at`.
    * `accepts(status, body)` says whether our reply counts as received; `retry_seconds` are the pauses between tries.
    * `open(tenant, registration)` prepares a new tenant with what `sandbox_channel` gave.
    * `opens_unknown` lets a tenant be opened by its first request (else it must be registered first).
    * `error(kind, status)` is the vendor's answer for the faults `error_*` and `rate_limited`; `spoil` breaks the
      signature of an answer.
    * `control(tenant, verb, body, base_url)` serves `POST /_sim/<verb>`: by agreement `payer`
      (`{"ref" or "key", "act": "approve" | "decline" | "abandon", "method": …}`), `merchant` (`{"name": …}` ->
      `{"ref": …}`, a seller ready to receive) and whatever else the vendor needs. KeyError for an unknown verb.
    * `page(tenant, call)` serves `/_sim/pages/<tenant>/…`: what people see in a browser. No faults, no log.
    """

    name: str
    route: Callable[[Call], Routed]
    handle: Callable[[Tenant, Call, Routed], Answer]
    sign: Callable[[Tenant, Callback, datetime], Signed]
    fire: Callable[[Tenant, Timer], None] = _nothing
    accepts: Callable[[int, bytes], bool] = lambda status, _: 200 <= status < 300
    retry_seconds: tuple[int, ...] = (60, 300, 1800, 7200)
    open: Callable[[Tenant, Mapping[str, Any]], None] = _nothing
    error: Callable[[str, int], Answer] = _plain_error
    spoil: Callable[[Answer], Answer] = _spoil
    control: Callable[[Tenant, str, Mapping[str, Any], str], dict[str, Any]] = _refuse_control
    page: Callable[[Tenant, Call], Answer] = _no_page
    opens_unknown: bool = False
