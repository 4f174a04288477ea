"""Random lives of subscriptions: whatever happens in whatever order, the books and the invoices agree to the cent."""

from __future__ import annotations

import random
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import available_timezones

import pytest

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import (
    CancelCredit,
    ChangeTiming,
    NewPhase,
    NewPrice,
    PlanPolicy,
    PriceKind,
    ProrationBehavior,
)
from cauce.billing.catalog.service import NewCoupon
from cauce.billing.usage.rules import UsageEvent
from cauce.flows.billing.cancel import Cancel, cancel, reactivate, undo
from cauce.flows.billing.changes import Change, change, preview_change
from cauce.flows.billing.correct import CreditInvoice, PayByHand, credit_invoice, pay_by_hand, void, write_off
from cauce.flows.billing.extra import ExtraCharge, add_charge
from cauce.flows.billing.pausing import pause_now
from cauce.flows.billing.recognize import recognize_revenue
from cauce.flows.billing.resuming import resume_now
from cauce.flows.billing.trial_dates import move_trial_end
from cauce.flows.billing.upcoming import NothingUpcoming, upcoming_invoice
from cauce.flows.billing.usage import create_meter, record_usage
from cauce.kernel.errors import CauceError
from cauce.pricing.schedule import Billing
from tests.flows.billing.shop import Shop, flat, per_unit
from tests.support.counts import PROGRAMS

ZONES = sorted(available_timezones())
DAY = timedelta(days=1)
STEPS = 25
BUSINESSES, BUSINESSES_SOAK = PROGRAMS // 2, 1_000
"""Each lets some two customers subscribe, so these are about 200 lives of subscriptions, and 2,000."""


def in_phases() -> tuple[NewPrice, NewPrice]:
    """A fee that is free for ten days, low for two months, then regular; seats at a third for a month."""
    free, low = NewPhase({"type": "flat", "amount_minor": 0}, 10, "day"), {"type": "flat", "amount_minor": 499}
    seats = NewPhase({"type": "per_unit", "unit_amount": "111.1"})
    return flat(1_999, phases=(free, NewPhase(low, 2))), per_unit("333.3", phases=(seats,))


class Life:
    """One random program on one seller."""

    def __init__(self, seller: Shop, seed: int) -> None:
        self.seller = seller
        self.dice = random.Random(seed)
        self.subscriptions: list[str] = []
        self.told: list[str] = []

    async def prepare(self) -> None:
        """Plans that differ in price, interval, tax, trial, usage and policy."""
        seller = self.seller
        await create_meter(seller.context, "calls", "sum")
        async with seller.context.transaction() as tx:
            now = await seller.context.now(tx)
            await catalog.put_tax_rate(tx, "", "21")
            await catalog.put_tax_rate(tx, "ES", "19.6")
            await catalog.create_coupon(tx, NewCoupon("P", "33", duration="forever"), now=now)
            await catalog.create_coupon(
                tx, NewCoupon("F", amount_minor=777, currency="eur", duration="repeating", duration_periods=3), now=now
            )
        calls = NewPrice(
            "calls", "eur", {"type": "per_unit", "unit_amount": "0.37"}, kind=PriceKind.USAGE, billing=Billing.IN_ARREARS,
            meter_key="calls",
        )  # fmt: skip
        await seller.plan("small", flat(999), per_unit("333.3"), calls)
        await seller.plan("large", flat(4_999, tax_inclusive=True), per_unit("1000"), trial_days=10)
        await seller.plan("weekly", flat(701, interval="week"), policy=PlanPolicy(cancel_credit=CancelCredit.CREDIT))
        await seller.plan("yearly", flat(59_988, interval="year"), per_unit("12000", interval="year"))
        await seller.plan("late", flat(1_501, billing=Billing.IN_ARREARS))
        await seller.plan("easy", *in_phases(), policy=PlanPolicy(anchor_day=self.dice.choice([None, 1, 31])))

    async def step(self) -> None:
        """One thing happens; a refusal is an answer like any other, but must leave nothing behind."""
        acts = [
            self.sign_up,
            self.sign_up,
            self.wait,
            self.wait,
            self.wait,
            self.wait,
            self.change,
            self.change,
            self.change,
        ]
        acts += [
            self.cancel,
            self.undo,
            self.reactivate,
            self.pause,
            self.credit,
            self.credit,
            self.by_hand,
            self.use,
            self.use,
        ]
        acts += [self.extra, self.cards, self.close_invoice, self.recognize, self.trial]
        act = self.dice.choice(acts)
        try:
            await act()
            self.told.append(act.__name__)
        except CauceError as refused:
            self.told.append(f"{act.__name__} refused: {refused.code}")
        await self.seller.work()

    def any_one(self) -> str:
        """A subscription."""
        return self.dice.choice(self.subscriptions) if self.subscriptions else "sub_none"

    async def sign_up(self) -> None:
        """A customer subscribes."""
        dice, who = self.dice, f"c{len(self.subscriptions)}"
        if dice.random() < 0.8:
            await self.seller.card(who, dice.choice(["good", "good", "good", "poor", "slow"]))
        more: dict[str, Any] = {"timezone": dice.choice(ZONES), "country": dice.choice(["", "ES", "DE"])}
        plan = dice.choice(["small", "large", "weekly", "yearly", "late", "easy"])
        if plan in ("small", "large", "yearly", "easy"):
            more["quantities"] = {"seats": dice.choice(["0", "1", "2.5", "7"])}
        if dice.random() < 0.4:
            more["coupon"] = dice.choice(["P", "F"])
        if dice.random() < 0.2:
            more |= {"collection": "send_invoice", "net_days": dice.choice([0, 14])}
        self.subscriptions.append((await self.seller.sign_up(who, plan, **more)).subscription_id)

    async def wait(self) -> None:
        """Time goes by; where nothing else happens the upcoming invoice is the one that comes."""
        one = self.any_one()
        upcoming = None
        if self.subscriptions:
            try:
                upcoming = await upcoming_invoice(self.seller.context, one)
            except NothingUpcoming:
                upcoming = None
        await self.seller.advance(self.dice.choice([1, 3, 9, 31, 45]) * DAY + timedelta(hours=self.dice.randrange(24)))
        if upcoming is not None:
            found = [each for each in await self.seller.invoices(one) if each["finalized_at"] == upcoming.at]
            if found:
                amounts = [line["amount_minor"] for line in found[0]["lines"]]
                assert amounts == [line.charge.amount_minor for line in upcoming.bill.priced.lines]

    async def change(self) -> None:
        """Another plan or quantity; the preview's lines are those that are booked."""
        dice = self.dice
        command = Change(
            self.any_one(),
            plan=dice.choice([None, "small", "large", "yearly", "easy"]),
            quantities=dice.choice([{}, {"seats": dice.choice(["0", "1", "3", "12"])}]),
            timing=dice.choice([None, ChangeTiming.NOW, ChangeTiming.NOW]),
            proration=dice.choice([None, *ProrationBehavior]),
        )
        preview = await preview_change(self.seller.context, command)
        done = await change(self.seller.context, command)
        assert [line.total_minor for line in done.lines] == [line.total_minor for line in preview.lines]

    async def cancel(self) -> None:
        """An end, now or later."""
        dice = self.dice
        command = Cancel(
            self.any_one(), dice.random() < 0.5, "random", dice.choice([None, *CancelCredit]), dice.random() < 0.5
        )
        await cancel(self.seller.context, command)

    async def undo(self) -> None:
        """The end is withdrawn."""
        await undo(self.seller.context, self.any_one())

    async def reactivate(self) -> None:
        """A return."""
        await reactivate(self.seller.context, self.any_one())

    async def pause(self) -> None:
        """A rest, or its end."""
        one = self.any_one()
        if self.dice.random() < 0.5:
            await resume_now(self.seller.context, one)
            return
        async with self.seller.context.transaction() as tx:
            now = await self.seller.context.now(tx)
        await pause_now(self.seller.context, one, resume_at=self.dice.choice([None, now + 20 * DAY]))

    async def credit(self) -> None:
        """A credit note, whole or part."""
        invoices = await self.seller.invoices(self.any_one())
        if invoices:
            total = self.dice.choice([None, 1, 100, 333])
            await credit_invoice(
                self.seller.context,
                CreditInvoice(self.dice.choice(invoices)["id"], "random", {}, total, self.dice.random() < 0.5),
            )

    async def by_hand(self) -> None:
        """Money at the operator's own bank."""
        invoices = await self.seller.invoices(self.any_one())
        if invoices:
            one = self.dice.choice(invoices)
            await pay_by_hand(
                self.seller.context, PayByHand(one["id"], self.dice.choice([1, 500, one["total_minor"] or 1]))
            )

    async def close_invoice(self) -> None:
        """An invoice is voided or written off."""
        invoices = await self.seller.invoices(self.any_one())
        if invoices:
            act = self.dice.choice([void, write_off])
            await act(self.seller.context, self.dice.choice(invoices)["id"])

    async def use(self) -> None:
        """Somebody uses something, and says so twice."""
        async with self.seller.context.transaction() as tx:
            now = await self.seller.context.now(tx)
        who = self.seller.names[(await self.seller.subscription(self.any_one())).customer_id]
        event = UsageEvent("app", f"{self.dice.random()}", "calls", who, Decimal(self.dice.randrange(1_000)), now)
        await record_usage(self.seller.context, [event, event])

    async def extra(self) -> None:
        """A one-off charge or gift."""
        amount = self.dice.choice([-450, 120, 9_999])
        await add_charge(self.seller.context, ExtraCharge(self.any_one(), amount, "Extra", self.dice.random() < 0.5))

    async def cards(self) -> None:
        """Every card behaves otherwise from now on; slow charges end."""
        behaviour = self.dice.choice(["good", "good", "poor", "stolen", "old", "auth"])
        self.seller.cards.cards = dict.fromkeys(self.seller.cards.cards, behaviour)
        for key, outcome in list(self.seller.cards.done.items()):
            if type(outcome).__name__ == "Pending":
                self.seller.cards.finish(key, well=self.dice.random() < 0.6)

    async def recognize(self) -> None:
        """Revenue is earned up to today."""
        async with self.seller.context.transaction() as tx:
            now = await self.seller.context.now(tx)
        await recognize_revenue(self.seller.context, now.date())

    async def trial(self) -> None:
        """A trial is moved or ended."""
        async with self.seller.context.transaction() as tx:
            now = await self.seller.context.now(tx)
        await move_trial_end(self.seller.context, self.any_one(), self.dice.choice([None, now + 5 * DAY]))

    async def prove(self) -> None:
        """The seller's own proof, and that no day of a term is billed twice or left out."""
        await self.seller.prove()
        for one in self.subscriptions:
            invoices = [each for each in await self.seller.invoices(one) if each["reason"] in ("cycle", "change")]
            for a, b in pairwise(invoices):  # a change in between may credit the rest of a long period
                if a["term"] == b["term"] and a["reason"] == b["reason"] == "cycle":
                    assert a["period_end"] <= b["period_start"], (one, a["number"], b["number"])
        paid = sum(request.amount.amount_minor for request in self.seller.cards.charged)
        back = sum(request.amount.amount_minor for request in self.seller.cards.refunded)
        finished = sum(
            outcome.value.amount.amount_minor
            for outcome in self.seller.cards.done.values()
            if type(outcome).__name__ == "Done" and getattr(outcome.value, "paid_at", None) is not None
        )
        assert finished >= paid
        async with self.seller.context.transaction() as tx:
            clearing = await tx.value(
                "SELECT coalesce(sum(e.amount_minor), 0) FROM ledger.entry e JOIN ledger.account a ON a.org_id = e.org_id AND a.id = e.account_id"
                " JOIN ledger.journal j ON j.org_id = e.org_id AND j.id = e.journal_id"
                " WHERE e.org_id = $1 AND a.code = 'psp_clearing:ch_cards' AND j.recipe <> 'B03'",
                tx.org,
            )
        assert clearing == finished - back, "our clearing is what the card company says it took and gave back"


@pytest.mark.parametrize("seed", range(BUSINESSES))
async def test_any_life_ends_in_books_that_agree(seller: Shop, seed: int) -> None:
    await _live(seller, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(BUSINESSES, BUSINESSES + BUSINESSES_SOAK))
async def test_two_thousand_lives_as_well(seller: Shop, seed: int) -> None:
    await _live(seller, seed)


async def _live(seller: Shop, seed: int) -> None:
    life = Life(seller, seed)
    await life.prepare()
    for _ in range(STEPS):
        await life.step()
    await seller.advance(timedelta(hours=25))  # what the card company has decided meanwhile is asked for once a day
    try:
        await life.prove()
    except AssertionError as wrong:
        raise AssertionError("\n".join(life.told)) from wrong
