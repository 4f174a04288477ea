"""`/v1/ledger`: journals by hand, one or a thousand at once, and what the books say. Plain routes: this is a hot door.

A journal written by hand touches accounts of the platform book under `user:` alone; every other movement of money has
its recipe and its own door. A journal's key makes it happen once: the same request again is answered with the first
journal, another one under the same key is refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cauce.entrypoints.api import ledger_shapes as shapes
from cauce.entrypoints.api import problems
from cauce.entrypoints.api.ledger_shapes import BulkBody, JournalBody, Page
from cauce.kernel.errors import CauceError, InvalidRequest
from cauce.ledger import reading
from cauce.ledger.refusals import refusal_of
from cauce.ledger.rules import Item, Journal, Result, check_journal
from cauce.storage.database import Database, Tx
from cauce.storage.directory.keys import KeyHolder
from cauce.storage.orgclock import org_now

BODY_BYTES_MAX = 4 * 1024 * 1024
WRITE_SCOPE, READ_SCOPE = "ledger:write", "read"

_one = msgspec.json.Decoder(JournalBody)
_many = msgspec.json.Decoder(BulkBody)
_encode = msgspec.json.Encoder().encode
_T = TypeVar("_T")


class Posts(Protocol):
    """Posts items of one organization; durable when it returns. The coalescer does."""

    async def post(self, org_id: int, items: Sequence[Item]) -> list[Result]:
        """One result per item."""
        ...


@dataclass(frozen=True, slots=True)
class LedgerDoors:
    """What the routes work with."""

    database: Database
    posts: Posts
    authenticate: Callable[[Request], Awaitable[KeyHolder]]


class BodyTooLarge(InvalidRequest):
    """The body is larger than this route takes."""

    code = "body_too_large"
    http_status = 413


Handler = Callable[[LedgerDoors, Request], Awaitable[Response]]


def routes(doors: LedgerDoors) -> list[Route]:
    """The routes of the ledger over their doors."""
    table: tuple[tuple[str, str, Handler], ...] = (
        ("POST", "/v1/ledger/journals", _post_one),
        ("POST", "/v1/ledger/journals/bulk", _post_many),
        ("GET", "/v1/ledger/journals/{journal}", _journal),
        ("GET", "/v1/ledger/accounts", _accounts),
        ("GET", "/v1/ledger/accounts/{account}", _account),
        ("GET", "/v1/ledger/accounts/{account}/entries", _entries),
        ("GET", "/v1/ledger/trial_balance", _trial_balance),
        ("GET", "/v1/ledger/holds", _holds),
    )
    return [Route(path, _guarded(doors, handler), methods=[method]) for method, path, handler in table]


def _guarded(doors: LedgerDoors, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return await handler(doors, request)
        except CauceError as error:
            if error.http_status >= 500:
                return await problems.on_cauce_error(request, error)
            return problems.of_error(error)

    return endpoint


async def _post_one(doors: LedgerDoors, request: Request) -> Response:
    holder = await _holder(doors, request, WRITE_SCOPE)
    body = _decoded(_one, await _body(request))
    (journal,) = await _journals(doors, holder, [body], header_key=request.headers.get("idempotency-key"))
    (result,) = await doors.posts.post(holder.org_id, [journal])
    if not result.code.stands:
        raise refusal_of(result.code)
    replayed = bool(result.code)
    headers = {"Idempotent-Replayed": "true"} if replayed else None
    return _json(shapes.posted(journal, result), 200 if replayed else 201, headers)


async def _post_many(doors: LedgerDoors, request: Request) -> Response:
    holder = await _holder(doors, request, WRITE_SCOPE)
    body = _decoded(_many, await _body(request))
    journals = await _journals(doors, holder, body.journals)
    results = await doors.posts.post(holder.org_id, journals)
    pairs = zip(journals, results, strict=True)
    return _json({"object": "list", "data": [shapes.answered(journal, result) for journal, result in pairs]})


async def _journal(doors: LedgerDoors, request: Request) -> Response:
    number = shapes.number_in(request.path_params["journal"], "jrn", reading.NoSuchJournal)
    head, legs = await _read(doors, request, lambda tx: reading.journal(tx, number))
    return _json(shapes.journal(head, legs))


async def _accounts(doors: LedgerDoors, request: Request) -> Response:
    page, asked = Page.of(request.query_params), request.query_params
    book = shapes.book_in(asked.get("book"))
    found = await _read(
        doors,
        request,
        lambda tx: reading.standings(
            tx, after=page.after, rows_max=page.limit + 1, book=book, channel_id=asked.get("channel"),
            currency=asked.get("currency"), owner_id=asked.get("owner"), code_prefix=asked.get("code_prefix"),
        ),
    )  # fmt: skip
    return _json(page.listing([shapes.account(one) for one in found], [one.id for one in found]))


async def _account(doors: LedgerDoors, request: Request) -> Response:
    number = shapes.number_in(request.path_params["account"], "acc", reading.NoSuchAccount)
    effective_at = shapes.instant_in(request.query_params.get("effective_at"), "effective_at")
    recorded_at = shapes.instant_in(request.query_params.get("recorded_at"), "recorded_at")

    async def read(tx: Tx) -> dict[str, Any]:
        shown = shapes.account(await reading.standing(tx, number))
        if effective_at is not None:
            shown["balance_effective"] = await reading.balance_effective(tx, number, effective_at)
        if recorded_at is not None:
            shown["balance_recorded"] = await reading.balance_recorded(tx, number, recorded_at)
        return shown

    return _json(await _read(doors, request, read))


async def _entries(doors: LedgerDoors, request: Request) -> Response:
    page = Page.of(request.query_params)
    number = shapes.number_in(request.path_params["account"], "acc", reading.NoSuchAccount)

    async def read(tx: Tx) -> tuple[reading.Standing, list[Any]]:
        found = await reading.standing(tx, number)
        return found, await reading.statement(tx, number, after=page.after, rows_max=page.limit + 1)

    found, rows = await _read(doors, request, read)
    return _json(page.listing([shapes.entry(found, row) for row in rows], [row["journal_id"] for row in rows]))


async def _trial_balance(doors: LedgerDoors, request: Request) -> Response:
    effective_at = shapes.instant_in(request.query_params.get("effective_at"), "effective_at")
    totals = await _read(doors, request, lambda tx: reading.trial_balance(tx, effective_at=effective_at))
    return _json({"object": "trial_balance", "data": [shapes.total(one) for one in totals]})


async def _holds(doors: LedgerDoors, request: Request) -> Response:
    page, asked = Page.of(request.query_params), request.query_params
    account = asked.get("account")
    number = shapes.number_in(account, "acc", reading.NoSuchAccount) if account else None
    rows = await _read(
        doors,
        request,
        lambda tx: reading.holds(
            tx, after=page.after, rows_max=page.limit + 1, account_id=number, state=asked.get("state")
        ),
    )
    return _json(page.listing([shapes.hold(row) for row in rows], [row["id"] for row in rows]))


async def _holder(doors: LedgerDoors, request: Request, scope: str) -> KeyHolder:
    holder = await doors.authenticate(request)
    holder.require(scope)
    return holder


async def _read(doors: LedgerDoors, request: Request, work: Callable[[Tx], Awaitable[_T]]) -> _T:
    holder = await _holder(doors, request, READ_SCOPE)
    async with doors.database.transaction(holder.org_id) as tx:
        return await work(tx)


async def _journals(
    doors: LedgerDoors, holder: KeyHolder, bodies: Sequence[JournalBody], *, header_key: str | None = None
) -> list[Journal]:
    """The journals that the caller wrote, each checked by itself; what has no date takes effect now."""
    now: datetime | None = None
    if any(body.effective_at is None for body in bodies):
        async with doors.database.transaction(holder.org_id) as tx:
            now = await org_now(tx)
    journals = []
    for place, body in enumerate(bodies):
        try:
            journal = shapes.journal_of(body, now, header_key)
            check_journal(journal)
        except CauceError as error:
            if len(bodies) > 1 or header_key is None:
                error.fields.setdefault("position", place)
            raise
        journals.append(journal)
    return journals


async def _body(request: Request) -> bytes:
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > BODY_BYTES_MAX:
        raise BodyTooLarge()
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLarge()
    return bytes(body)


def _decoded(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as exc:
        message, _, place = str(exc).partition(" - at `$")
        raise InvalidRequest(message, param=place.rstrip("`").lstrip(".") or None) from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidRequest(f"the body is not JSON: {exc}") from exc


def _json(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(_encode(content), status, headers, media_type="application/json")
