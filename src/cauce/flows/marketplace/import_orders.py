"""Import of order files: in chunks by time of purchase, resumable, with a report of what was refused and why.

An imported order is taken as any other; what the files know of its later life (delivery, cancellation) happens at
its own time on the organization's clock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cauce.flows.context import Context
from cauce.flows.marketplace.order_files import FiledOrder, FiledOrders, OrderFiles, opened
from cauce.flows.marketplace.orders import Taken, take_orders
from cauce.kernel.errors import CauceError, Conflict, InvalidRequest
from cauce.kernel.ids import new_id
from cauce.kernel.money import parse_major
from cauce.marketplace.merchants.rules import UnknownMerchant
from cauce.marketplace.merchants.service import ids_by_external
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.rules import NewLine, NewOrder, NewPayment, OrderMalformed
from cauce.storage.database import Row, insist

ORDERS_A_CHUNK = 500
CHUNKS_AT_ONCE = 2
"""One is planned while the database writes the other; a third would wait for the accounts that all post to."""

CANCELED_AFTER = timedelta(days=1)
"""Files do not say when an order was canceled; it is a day after its approval."""

Progress = Callable[[int, int], None]
"""Told (read so far, of how many) after each chunk."""


@dataclass(frozen=True, slots=True)
class ImportTerms:
    """How imported orders are taken. `every` moves each instant on to the next whole step, e.g. a day (None: exact).

    A payment that the files name with the provider's number is recorded as paid when the order was placed; with `paid_ref`
    any is, under that prefix and its place.
    """

    channel_id: str
    currency: str
    rule_id: str
    every: timedelta | None = None
    paid_ref: str = ""


class ImportRuns(Conflict):
    """Another process imports the same files right now."""

    code = "import_runs"


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import."""

    import_id: str
    read: int
    accepted: int
    refused: int


async def import_orders(
    context: Context, files: OrderFiles, terms: ImportTerms, *, again: bool = False, progress: Progress | None = None
) -> Imported:
    """Import order files; the same files go on where a killed import stood, and do nothing once it is done.

    `again` reads them from the start: what was taken stays as it is, what was refused is tried anew. Sellers are known by
    their external ids beforehand (`sellers_in`). `bad_order_file` when a file cannot be read, `import_runs` while
    another process imports them.
    """
    source = f"{files.fingerprint()}:{terms.channel_id}"
    async with context.transaction() as tx:
        begun = await order_store.begin_import(tx, new_id("imp"), source, await context.now(tx))
        if again:
            begun = await order_store.restart_import(tx, begun["id"])
    if begun["done_at"] is None:
        with opened(files) as filed:
            await _run(context, filed, (files, terms), begun, progress)
    async with context.transaction() as tx:
        row = await order_store.begin_import(tx, new_id("imp"), source, await context.now(tx))
    return Imported(row["id"], row["read_rows"], row["accepted"], row["refused"])


def sellers_in(files: OrderFiles) -> list[str]:
    """Every seller that the files name, once, so that they can be made and connected first."""
    with opened(files) as filed:
        return filed.sellers()


async def _run(
    context: Context, filed: FiledOrders, how: tuple[OrderFiles, ImportTerms], begun: Row, progress: Progress | None
) -> None:
    """Chunk by chunk, their progress kept in order: while one is being written, the next one is planned."""
    total, read = filed.count(), 0
    known: dict[str, str] = {}
    under_way: deque[tuple[int, int, asyncio.Task[list[Taken]]]] = deque()

    async def finish() -> None:
        before, after, task = under_way.popleft()
        await _note(context, begun["id"], (before, after), await task, is_last=after >= total)
        if progress is not None:
            progress(after, total)

    try:
        for chunk in filed.chunks(ORDERS_A_CHUNK):
            before, read = read, read + len(chunk)
            if read <= begun["read_rows"]:
                continue
            await _learn_sellers(context, chunk, known)
            under_way.append((before, read, asyncio.create_task(_take(context, chunk, how, known))))
            if len(under_way) >= CHUNKS_AT_ONCE:
                await finish()
        while under_way:
            await finish()
    finally:
        for _, _, task in under_way:
            task.cancel()
        await asyncio.gather(*(task for _, _, task in under_way), return_exceptions=True)


async def _note(
    context: Context, import_id: str, rows: tuple[int, int], taken: Sequence[Taken], *, is_last: bool
) -> None:
    refused = [(one.external_id, one.refused.code, one.refused.message) for one in taken if one.refused]
    async with context.transaction() as tx:
        done_at = await context.now(tx) if is_last else None
        accepted = len(taken) - len(refused)
        if not await order_store.import_progress(tx, import_id, rows, accepted, len(refused), done_at):
            raise ImportRuns(param="items")
        await order_store.insert_refused(tx, import_id, refused)


async def _learn_sellers(context: Context, chunk: Sequence[FiledOrder], known: dict[str, str]) -> None:
    strangers = {item[0] for filed in chunk for item in filed.items} - set(known)
    if strangers:
        async with context.transaction() as tx:
            known |= await ids_by_external(tx, sorted(strangers))


async def _take(
    context: Context, chunk: Sequence[FiledOrder], how: tuple[OrderFiles, ImportTerms], known: dict[str, str]
) -> list[Taken]:
    orders: list[NewOrder] = []
    refused: list[Taken] = []
    for filed in chunk:
        try:
            orders.append(_order_of(filed, how[1], known, is_major=how[0].map.is_major))
        except CauceError as exc:
            refused.append(Taken(filed.number, refused=exc))
    return [*refused, *(await insist(lambda: take_orders(context, orders)) if orders else [])]


def _order_of(filed: FiledOrder, terms: ImportTerms, known: dict[str, str], *, is_major: bool) -> NewOrder:
    """The order that the files describe; `OrderMalformed` or `UnknownMerchant` where they do not."""

    def minor(text: str, what: str) -> int:
        return _minor(text, what, terms.currency if is_major else "")

    if not filed.items:
        raise OrderMalformed("the order has no items", param="items")
    if not filed.payments:
        raise OrderMalformed("the order has no payments", param="payments")
    placed_at = _instant(filed.placed_at, "purchased_at", terms)
    if placed_at is None:
        raise OrderMalformed("the order has no time of purchase", param="purchased_at")
    approved_at = _instant(filed.approved_at, "approved_at", terms) or placed_at
    canceled = filed.status in ("canceled", "cancelled")
    return NewOrder(
        external_id=filed.number,
        channel_id=terms.channel_id,
        currency=terms.currency,
        lines=tuple(
            NewLine(_seller(seller, known), minor(price, "price"), minor(freight, "freight"))
            for seller, price, freight in filed.items
        ),
        rule_id=terms.rule_id,
        placed_at=placed_at,
        payments=tuple(
            NewPayment(
                minor(amount, "amount"),
                method,
                ref=f"{terms.paid_ref}{filed.number}:{place}" if terms.paid_ref else ref,
                paid_at=placed_at if terms.paid_ref or ref else None,
                fee_minor=minor(fee or "0", "fee"),
            )
            for place, (method, amount, ref, fee) in enumerate(filed.payments, 1)
        ),
        deliver_at=None if canceled else _instant(filed.delivered_at, "delivered_at", terms),
        cancel_at=approved_at + CANCELED_AFTER if canceled else None,
        metadata={"status": filed.status},
    )


def _seller(external_id: str, known: dict[str, str]) -> str:
    try:
        return known[external_id]
    except KeyError:
        raise UnknownMerchant(f"there is no merchant with the number {external_id!r}", param="seller") from None


def _minor(text: str, what: str, major_currency: str) -> int:
    if major_currency:
        try:
            return parse_major(text, major_currency)
        except InvalidRequest as exc:
            raise OrderMalformed(
                f"the {what} {text!r} is not an amount of {major_currency.upper()}", param=what
            ) from exc
    if not text.isascii() or not text.isdigit():
        raise OrderMalformed(f"the {what} {text!r} is not a whole number of minor units", param=what)
    return int(text)


def _instant(text: str, what: str, terms: ImportTerms) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as exc:
        raise OrderMalformed(f"{what} {text!r} is not an instant", param=what) from exc
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    if terms.every is None:
        return at
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    steps = -((midnight - at) // terms.every)
    return midnight + steps * terms.every
