"""A year of many subscriptions: most pay by bank transfer, some by card; the billing run, late payers, figures at the end.

Who pays late and who never does is decided by the customer's number, so every run tells the same story.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import NewPlan, NewPrice
from cauce.billing.customers.rules import CustomerData
from cauce.entrypoints.demo.shop import CURRENCY, Shop, add_card
from cauce.entrypoints.demo.stage import Shown, Stage, side_by_side
from cauce.flows.billing import correct
from cauce.flows.billing.correct import PayByHand
from cauce.flows.billing.signup import Signup, sign_up
from cauce.kernel.clock import monotonic_seconds
from cauce.kernel.money import major_text
from cauce.reports import analytics, billing_story
from cauce.storage.database import Row

PLAN = "team-monthly"
NET_DAYS = 14
DAYS_PER_MONTH = 31  # at least one renewal of everybody
TRANSFER_DAYS = 10  # so long after an invoice the transfers of those who pay in time arrive
LATE_EVERY, NEVER_EVERY, REFUSED_EVERY = 50, 400, 40
_TRIAL_DAYS = 7
_TRANSFERS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Size:
    """How large the year is: subscriptions by bank transfer and by card, and for how many months."""

    by_transfer: int
    by_card: int
    months: int


@dataclass(frozen=True, slots=True)
class Year:
    """What it came to, in minor units of its currency. `seconds`: how long the months took."""

    subscriptions: int
    invoices: int
    invoiced_minor: int
    collected_minor: int
    outstanding_minor: int
    mrr_minor: int
    seconds: int

    @property
    def invoices_per_second(self) -> int:
        """Invoices that were made, told of and paid, per second of the months."""
        return self.invoices // max(self.seconds, 1)


async def play(stage: Stage, shop: Shop, size: Size) -> Year:
    """From the sign-ups to the end of the last month."""
    await _open_plan(stage)
    stage.tell(
        f"{size.by_transfer + size.by_card} teams subscribe: {size.by_card} put a card on file, the others pay by bank transfer."
    )
    with stage.progress("sign-ups") as shown:
        await side_by_side([partial(_subscribe, stage, number) for number in range(size.by_transfer)], shown)
    with stage.progress("cards") as shown:
        await side_by_side([partial(_subscribe_by_card, stage, shop, number) for number in range(size.by_card)], shown)
    await stage.settle()
    began, started = await stage.now(), monotonic_seconds()
    with stage.progress("months") as shown:
        for month in range(1, size.months + 1):
            await _month(stage, month, shown, size)
    return await _result(stage, size, int(monotonic_seconds() - started), (await stage.now() - began).days)


async def _open_plan(stage: Stage) -> None:
    async with stage.context.transaction() as tx:
        now, actor = await stage.context.now(tx), stage.context.actor.name
        product_id = await catalog.create_product(tx, "team", "Team", now=now, actor=actor)
        prices = (
            NewPrice("base", CURRENCY, {"type": "flat", "amount_minor": 2_900}, nickname="Team, per month"),
            NewPrice("seats", CURRENCY, {"type": "per_unit", "unit_amount": "500"}, nickname="Seats"),
        )
        await catalog.put_tax_rate(tx, "", "21")
        await catalog.create_plan(tx, NewPlan(PLAN, product_id, "Team", prices), now=now, actor=actor)


async def _subscribe(stage: Stage, number: int) -> None:
    customer = CustomerData(f"team-{number}", email=f"team-{number}@example.com", name=f"Team {number}")
    command = Signup(
        customer,
        PLAN,
        CURRENCY,
        quantities={"seats": str(1 + number % 9)},
        collection="send_invoice",
        net_days=NET_DAYS,
    )
    await sign_up(stage.context, command)


async def _subscribe_by_card(stage: Stage, shop: Shop, number: int) -> None:
    customer = CustomerData(f"card-{number}", email=f"card-{number}@example.com", name=f"Card {number}")
    command = Signup(customer, PLAN, CURRENCY, quantities={"seats": str(1 + number % 9)}, trial_days=_TRIAL_DAYS)
    signed = await sign_up(stage.context, command)
    refused = number % REFUSED_EVERY == REFUSED_EVERY - 1
    await add_card(stage, shop, signed, "insufficient_funds" if refused else "good")


async def _month(stage: Stage, month: int, shown: Shown, size: Size) -> None:
    """Transfers for the invoices of the month arrive, except of who is late or never pays; then the month goes by."""
    await stage.advance(await stage.now() + timedelta(days=TRANSFER_DAYS))
    async with stage.context.transaction() as tx:
        owed = await billing_story.open_transfers(tx)
        today = (await stage.context.now(tx)).date()
    paying = [row for row in owed if _pays(row, (today - row["issued_on"]).days)]
    for start in range(0, len(paying), _TRANSFERS_AT_ONCE):
        await correct.pay_many_by_hand(stage.context, _transfers(paying[start : start + _TRANSFERS_AT_ONCE]))
    await stage.advance(await stage.now() + timedelta(days=DAYS_PER_MONTH - TRANSFER_DAYS))
    shown(month, size.months)


def _pays(row: Row, age_days: int) -> bool:
    number = int(row["external_id"].rsplit("-", 1)[-1])
    if number % NEVER_EVERY == NEVER_EVERY - 1:
        return False
    return number % LATE_EVERY != LATE_EVERY - 1 or age_days > DAYS_PER_MONTH


def _transfers(rows: Sequence[Row]) -> list[PayByHand]:
    return [PayByHand(row["id"], row["due_minor"], f"transfer {row['number']}", "bank_transfer") for row in rows]


async def _result(stage: Stage, size: Size, seconds: int, days: int) -> Year:
    async with stage.context.transaction() as tx:
        today = (await stage.context.now(tx)).date()
        (found,) = await analytics.summary(tx, today - timedelta(days=days + DAYS_PER_MONTH), today)
    year = Year(
        size.by_transfer + size.by_card,
        found["invoices"],
        found["invoiced_minor"],
        found["collected_minor"],
        found["outstanding_minor"],
        found["mrr_minor"],
        seconds,
    )
    text = partial(major_text, currency=CURRENCY)
    stage.tell(
        f"{size.months} months later: {year.invoices} invoices over {text(year.invoiced_minor)} EUR, {text(year.collected_minor)} EUR came in, "
        f"{text(year.outstanding_minor)} EUR is open; recurring revenue is {text(year.mrr_minor)} EUR a month."
    )
    return year
