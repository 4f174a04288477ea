"""Import of order files: in chunks by time of purchase, resumable, with a report of what was refused and why.

An imported order is taken as any other; what the files know of its later life (delivery, cancellation) happens at
its own time on the organization's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cauce.flows.context import Context
from cauce.flows.marketplace.order_files import FiledOrder, FiledOrders, OrderFiles, opened
from cauce.flows.marketplace.orders import Taken, take_orders
from cauce.kernel.errors import CauceError
from cauce.kernel.ids import new_id
from cauce.marketplace.merchants.rules import UnknownMerchant
from cauce.marketplace.merchants.service import ids_by_external
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.rules import NewLine, NewOrder, NewPayment, OrderMalformed
from cauce.storage.database import Row

ORDERS_A_CHUNK = 500
CANCELED_AFTER = timedelta(days=1)
"""Files do not say when an order was canceled; it is a day after its approval."""

Progress = Callable[[int, int], None]
"""Told (read so far, of how many) after each chunk."""


@dataclass(frozen=True, slots=True)
class ImportTerms:
    """How imported orders are taken. `every` moves each instant on to the next whole step, e.g. a day (None: exact).

    With `paid_ref` a payment that the files name is recorded as paid already, under that prefix and its place.
    """

    channel_id: str
    currency: str
    rule_id: str
    every: timedelta | None = None
    paid_ref: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import."""

    import_id: str
    read: int
    accepted: int
    refused: int


async def import_orders(
    context: Context, files: OrderFiles, terms: ImportTerms, *, progress: Progress | None = None
) -> Imported:
    """Import order files; the same files again go on where a killed import stood, and do nothing once it is done.

    Sellers are known by their external ids beforehand (`sellers_in`). `bad_order_file` when a file cannot be read.
    """
    async with context.transaction() as tx:
        source = f"{files.fingerprint()}:{terms.channel_id}"
        begun = await order_store.begin_import(tx, new_id("imp"), source, await context.now(tx))
    if begun["done_at"] is None:
        with opened(files) as filed:
            await _run(context, filed, terms, begun, progress)
    async with context.transaction() as tx:
        row = await order_store.begin_import(tx, new_id("imp"), source, await context.now(tx))
    return Imported(row["id"], row["read_rows"], row["accepted"], row["refused"])


def sellers_in(files: OrderFiles) -> list[str]:
    """Every seller that the files name, once, so that they can be made and connected first."""
    with opened(files) as filed:
        return filed.sellers()


async def _run(context: Context, filed: FiledOrders, terms: ImportTerms, begun: Row, progress: Progress | None) -> None:
    total, read = filed.count(), 0
    known: dict[str, str] = {}
    for chunk in filed.chunks(ORDERS_A_CHUNK):
        read += len(chunk)
        if read <= begun["read_rows"]:
            continue
        await _learn_sellers(context, chunk, known)
        taken = await _take(context, chunk, terms, known)
        refused = [(one.external_id, one.refused.code, one.refused.message) for one in taken if one.refused]
        async with context.transaction() as tx:
            done_at = await context.now(tx) if read >= total else None
            await order_store.insert_refused(tx, begun["id"], refused)
            await order_store.import_progress(tx, begun["id"], read, len(taken) - len(refused), len(refused), done_at)
        if progress is not None:
            progress(read, total)


async def _learn_sellers(context: Context, chunk: Sequence[FiledOrder], known: dict[str, str]) -> None:
    strangers = {item[0] for filed in chunk for item in filed.items} - set(known)
    if strangers:
        async with context.transaction() as tx:
            known |= await ids_by_external(tx, sorted(strangers))


async def _take(
    context: Context, chunk: Sequence[FiledOrder], terms: ImportTerms, known: dict[str, str]
) -> list[Taken]:
    orders: list[NewOrder] = []
    refused: list[Taken] = []
    for filed in chunk:
        try:
            orders.append(order_of(filed, terms, known))
        except CauceError as exc:
            refused.append(Taken(filed.number, refused=exc))
    return [*refused, *(await take_orders(context, orders) if orders else [])]


def order_of(filed: FiledOrder, terms: ImportTerms, known: dict[str, str]) -> NewOrder:
    """The order that the files describe; `OrderMalformed` or `UnknownMerchant` where they do not."""
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
            NewLine(_seller(seller, known), _minor(price, "price"), _minor(freight, "freight"))
            for seller, price, freight in filed.items
        ),
        rule_id=terms.rule_id,
        placed_at=placed_at,
        payments=tuple(
            NewPayment(
                _minor(amount, "amount"),
                method,
                ref=f"{terms.paid_ref}{filed.number}:{place}" if terms.paid_ref else "",
                paid_at=placed_at if terms.paid_ref else None,
            )
            for place, (method, amount) in enumerate(filed.payments, 1)
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


def _minor(text: str, what: str) -> int:
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
