"""Money that a provider settles in another currency than the customer's (G14): valued, booked late, brought to zero.

A payment, refund or dispute is valued at the book rate of its day. Where there is none it is valued at what was settled,
without a difference; the close of its month finds the rest, and wants rates for it. What a provider tells only some
time after the payment (its fee, what it settled) is asked for by a job.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from cauce.billing.payments import service as payments
from cauce.billing.payments.rules import Payment
from cauce.flows.billing.issue import Batch, write
from cauce.flows.context import Context
from cauce.gateway.charging import Charge
from cauce.gateway.collecting import FetchRequest, Operation
from cauce.gateway.outcome import Done
from cauce.kernel.calendar.zones import zone_of
from cauce.kernel.money import Money
from cauce.ledger import rates
from cauce.ledger.recipes import billing as recipes
from cauce.ledger.recipes.exchange import Settlement, currencies_valued, settled_abroad, settled_late
from cauce.ledger.rules import Journal
from cauce.pricing.exchange import converted_minor
from cauce.storage import jobs
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import read_org
from cauce.storage.jobs import Job, NewJob

SETTLEMENT_JOB = "payments.settlement"
ASK_AGAIN_HOURS = (1, 6, 24, 72, 240)
"""When a provider is asked for the fee and settlement of a payment that it has not told, after the payment."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What the customer paid or got, what moved on our balance at the provider (None: not told), and when."""

    own: Money
    settled: Money | None
    at: datetime

    @property
    def is_abroad(self) -> bool:
        """Whether another currency moved than the customer's."""
        return self.settled is not None and self.settled.currency != self.own.currency


async def valued(tx: Tx, moves: Sequence[Moved]) -> list[Settlement | None]:
    """The settlement of each move in another currency, valued at the book rate of its day; None where it is the same."""
    if not any(one.is_abroad for one in moves):
        return [None] * len(moves)
    zone = zone_of((await read_org(tx, tx.org)).timezone)
    ways = {
        (one.own.currency, one.settled.currency, one.at.astimezone(zone).date())
        for one in moves
        if one.settled is not None and one.is_abroad
    }
    found = await rates.crossings(tx, ways)
    settled: list[Settlement | None] = []
    for one in moves:
        if one.settled is None or not one.is_abroad:
            settled.append(None)
            continue
        way = (one.own.currency, one.settled.currency, one.at.astimezone(zone).date())
        moved_minor = abs(one.settled.amount_minor)
        worth = converted_minor(abs(one.own.amount_minor), *way[:2], found[way]) if way in found else moved_minor
        settled.append(Settlement(one.settled.currency, moved_minor, worth))
    return settled


def abroad(journal: Journal | None, channel_id: str, currency: str, settlement: Settlement | None) -> Journal | None:
    """The journal of a movement, as the provider settled it."""
    if journal is None or settlement is None:
        return journal
    return settled_abroad(journal, channel_id, currency, settlement)


def ask_for_settlement(attempt_id: str, paid_at: datetime, asked: int = 0) -> NewJob:
    """The job that asks a provider for the fee and settlement which it has not told yet; `asked`: how often it was."""
    due_at = paid_at + timedelta(hours=ASK_AGAIN_HOURS[asked])
    return NewJob(SETTLEMENT_JOB, due_at, {"attempt": attempt_id, "asked": asked}, key=f"settlement:{attempt_id}")


async def learn_settlement(context: Context, job: Job) -> None:
    """The job: what a payment cost and became at the provider is booked when it is known; asked again some times."""
    async with context.transaction() as tx:
        payment = await payments.payment_of_attempt(tx, job.payload["attempt"])
    if payment is None or payment.fee_minor or payment.settled_currency:
        return
    _, gateway = await context.gateway(payment.channel_id)
    answer = await gateway.fetch(FetchRequest(Operation.CHARGE, payment.instruction_key, payment.reference))
    charge = answer.value if isinstance(answer, Done) and isinstance(answer.value, Charge) else None
    if charge is not None and charge.fee_minor is not None:
        await _book_late(context, payment.attempt_id or "", charge)
    elif job.payload["asked"] + 1 < len(ASK_AGAIN_HOURS):
        async with context.transaction() as tx:
            await jobs.enqueue(
                tx, [ask_for_settlement(payment.attempt_id or "", payment.paid_at, job.payload["asked"] + 1)]
            )
            await context.finish_job(tx)


async def _book_late(context: Context, attempt_id: str, charge: Charge) -> None:
    async with context.transaction() as tx:
        payment = await payments.payment_of_attempt(tx, attempt_id)
        if payment is None or payment.fee_minor or payment.settled_currency:
            return
        now, batch = await context.now(tx), Batch()
        (settlement,) = await valued(tx, [Moved(charge.amount, charge.settled, payment.paid_at)])
        after = with_settlement(replace(payment, fee_minor=charge.fee_minor or 0), settlement)
        await payments.tell_settlement(tx, after)
        if settlement is not None:
            batch.add(
                settled_late(
                    payment.id, payment.currency, now, channel_id=payment.channel_id, amount_minor=payment.amount_minor,
                    settlement=settlement, evidence=payment.instruction_key or None,
                )
            )  # fmt: skip
        batch.add(fee_of(after, now))
        await write(tx, batch, context.actor.name, context.cause)


def with_settlement(payment: Payment, settlement: Settlement | None) -> Payment:
    """The payment with what was settled for it."""
    if settlement is None:
        return payment
    return replace(payment, settled_currency=settlement.currency, settled_minor=settlement.moved_minor)


def fee_of(payment: Payment, at: datetime) -> Journal | None:
    """What the provider kept of a payment, in the currency in which it settles."""
    currency = payment.settled_currency or payment.currency
    return recipes.payment_fee(payment.id, currency, at, channel_id=payment.channel_id, fee_minor=payment.fee_minor)


async def value_month(tx: Tx, month: str, until_at: datetime, actor: str) -> None:
    """Bring what `fx_clearing` sums to at a month's closing rates to zero (B18); without rates nothing is posted.

    `month` like 2026-03; `until_at` is its end. The caller holds the month's row, so that it is valued once at a time.
    """
    try:
        base, sum_minor = await rates.clearing_value(tx, until_at, await closing_day(tx, until_at))
    except rates.NoRate:
        return
    batch = Batch()
    number = await rates.valued_so_far(tx, month) + 1
    batch.add(currencies_valued(month, number, base, until_at - timedelta(seconds=1), amount_minor=sum_minor))
    await write(tx, batch, actor, "month.close")


async def closing_day(tx: Tx, until_at: datetime) -> date:
    """The last day of a month that ends at `until_at`, in the organization's zone."""
    zone = zone_of((await read_org(tx, tx.org)).timezone)
    return (until_at - timedelta(seconds=1)).astimezone(zone).date()
