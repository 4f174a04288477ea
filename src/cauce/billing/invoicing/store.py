"""The slice's tables, many rows at a time: invoices with their lines, numbers, amounts, pending lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from cauce.billing.invoicing.rules import Invoice, NewInvoice
from cauce.kernel.errors import NotFound
from cauce.pricing.invoice_lines import PricedLine
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)
_QUANTITY_DECIMALS = 12


async def take_numbers(tx: Tx, series: str, prefix: str, count: int) -> list[tuple[int, str]]:
    """The next `count` numbers of a series, without gaps: (sequence, number). Its row stays locked until the commit."""
    row = await tx.row(QUERIES.take_numbers, tx.org, series, prefix, count)
    assert row is not None
    first = row["last"] - count + 1
    return [(sequence, f"{row['prefix']}{sequence:06d}") for sequence in range(first, row["last"] + 1)]


async def insert(tx: Tx, invoices: Sequence[NewInvoice], series: str, numbers: Sequence[tuple[int, str]]) -> None:
    """Final invoices with their numbers."""
    await tx.run(
        QUERIES.insert_invoices,
        tx.org,
        series,
        [one.id for one in invoices],
        [sequence for sequence, _ in numbers],
        [number for _, number in numbers],
        [one.customer_id for one in invoices],
        [one.subscription_id for one in invoices],
        [one.term for one in invoices],
        [one.reason for one in invoices],
        [one.status for one in invoices],
        [one.currency for one in invoices],
        [one.period_start for one in invoices],
        [one.period_end for one in invoices],
        [one.priced.subtotal_minor for one in invoices],
        [one.priced.discount_minor for one in invoices],
        [one.priced.tax_minor for one in invoices],
        [one.total_minor for one in invoices],
        [one.from_credit_minor for one in invoices],
        [one.collection for one in invoices],
        [one.snapshot for one in invoices],
        [one.issued_on for one in invoices],
        [one.payable_on for one in invoices],
        [one.due_at for one in invoices],
        [one.issued_at for one in invoices],
        [one.granted_minor for one in invoices],
        [one.notice_at for one in invoices],
    )


async def write_lines(tx: Tx, invoices: Sequence[NewInvoice]) -> None:
    """The lines of invoices that are issued in the same transaction."""
    rows = [
        _line_values(one, number, line) for one in invoices for number, line in enumerate(one.priced.lines, start=1)
    ]
    if rows:
        await tx.run(QUERIES.insert_lines, tx.org, *[list(column) for column in zip(*rows, strict=True)])


def _line_values(invoice: NewInvoice, number: int, line: PricedLine) -> tuple[object, ...]:
    charge = line.charge
    period = charge.period
    return (
        invoice.id,
        number,
        charge.kind,
        charge.description,
        invoice.subscription_id,
        charge.item_id,
        charge.price_id,
        charge.product_id,
        decimal_of(charge.quantity),
        period.start if period else None,
        period.end if period else None,
        charge.starts_at,
        charge.amount_minor,
        line.discount_minor,
        decimal_of(charge.tax.percent),
        charge.tax.inclusive,
        line.tax_minor,
        line.net_minor,
        line.total_minor,
        charge.deferred,
        _details(line),
    )


def _details(line: PricedLine) -> dict[str, object] | None:
    """The tiers of a line; of one with a commitment, what percentages took of it and what part they keep of any amount."""
    found: dict[str, object] = {}
    if line.charge.tiers:
        found["tiers"] = list(line.charge.tiers)
    if line.percent_off is not None and line.percent_off.kept != 1:
        found["percent_off"] = {"minor": line.percent_off.minor, "kept": str(line.percent_off.kept)}
    return found or None


def decimal_of(value: Fraction | int) -> Decimal:
    """A quantity or percentage as a decimal; one that has no end is cut for display after twelve decimals."""
    if isinstance(value, int):
        return Decimal(value)
    if value.denominator == 1:
        return Decimal(value.numerator)
    scaled = value.numerator * 10**_QUANTITY_DECIMALS // value.denominator
    return Decimal(scaled).scaleb(-_QUANTITY_DECIMALS).normalize()


async def lock(tx: Tx, ids: Iterable[str]) -> dict[str, Invoice]:
    """Lock invoices in order of id and read them."""
    wanted = sorted(set(ids))
    rows = await tx.rows(QUERIES.lock_invoices, tx.org, wanted) if wanted else []
    return {row["id"]: _invoice(row) for row in rows}


async def lock_one(tx: Tx, invoice_id: str) -> Invoice:
    """Lock one invoice and read it; `NotFound` otherwise."""
    found = (await lock(tx, [invoice_id])).get(invoice_id)
    if found is None:
        raise NotFound(f"there is no invoice {invoice_id}", param="invoice")
    return found


async def read(tx: Tx, ids: Iterable[str]) -> dict[str, Invoice]:
    """Invoices without locking them."""
    return {row["id"]: _invoice(row) for row in await tx.rows(QUERIES.invoices, tx.org, sorted(set(ids)))}


async def lock_open_of(tx: Tx, subscription_ids: Sequence[str]) -> list[Invoice]:
    """The open invoices of subscriptions, locked in order of id."""
    return [_invoice(row) for row in await tx.rows(QUERIES.lock_open_of, tx.org, list(subscription_ids))]


async def forget_notices(tx: Tx, invoice_ids: Sequence[str]) -> None:
    """It has been told that these will be due."""
    await tx.run(QUERIES.forget_notices, tx.org, list(invoice_ids))


async def mark_disputed(tx: Tx, invoice_id: str, *, disputed: bool) -> None:
    """Whether a payment of the invoice is contested."""
    await tx.run(QUERIES.mark_disputed, tx.org, invoice_id, disputed)


async def save(tx: Tx, invoices: Sequence[Invoice], at: datetime) -> None:
    """Write the status and amounts of locked invoices."""
    if invoices:
        await tx.run(
            QUERIES.save_amounts,
            tx.org,
            [one.id for one in invoices],
            [one.status for one in invoices],
            [one.paid_minor for one in invoices],
            [one.credit_minor for one in invoices],
            [one.credited_minor for one in invoices],
            [one.lost_minor for one in invoices],
            [one.due_at for one in invoices],
            at,
        )


@dataclass(frozen=True, slots=True)
class PendingLine:
    """An amount that waits for the next invoice of a subscription; negative is a credit.

    `net_of_percent`: no percentage is taken off any more.
    """

    id: str
    customer_id: str
    subscription_id: str
    currency: str
    description: str
    amount_minor: int
    kind: str = "pending"
    product_id: str | None = None
    item_id: str | None = None
    price_id: str | None = None
    quantity: Decimal = Decimal(1)
    tax_category: str = "standard"
    tax_inclusive: bool = False
    period_start: date | None = None
    period_end: date | None = None
    state: str = "waiting"
    invoice_now: bool = False
    starts_at: datetime | None = None
    net_of_percent: bool = False


async def insert_pending(tx: Tx, lines: Sequence[PendingLine], now: datetime) -> None:
    """New pending lines."""
    if lines:
        rows = [
            (
                line.id, line.customer_id, line.subscription_id, line.currency, line.kind, line.description, line.product_id, line.item_id,
                line.price_id, line.quantity, line.amount_minor, line.tax_category, line.tax_inclusive, line.period_start, line.period_end,
                line.state, line.invoice_now, line.starts_at, now, line.net_of_percent,
            )
            for line in lines
        ]  # fmt: skip
        await tx.run(QUERIES.insert_pending, tx.org, *[list(column) for column in zip(*rows, strict=True)])


async def find_pending(tx: Tx, pending_line_id: str) -> Row | None:
    """A pending line with what became of it; None for one that there is not."""
    return await tx.row(QUERIES.find_pending, tx.org, pending_line_id)


async def invoice_pending(tx: Tx, pairs: Sequence[tuple[str, str]]) -> None:
    """(pending line, invoice): these lines stand on these invoices now."""
    if pairs:
        await tx.run(QUERIES.invoice_pending, tx.org, [line for line, _ in pairs], [invoice for _, invoice in pairs])


def _invoice(row: Row) -> Invoice:
    return Invoice(**dict(row))
