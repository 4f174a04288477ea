"""Credit that plans grant with every billed period: granted, used on invoices, lapsed, taken back; each a journal.

A grant pays the metered lines of invoices, with their tax, never fees: so what a plan grants cannot pay for the plan
itself. What is unused is taken back by days when the plan changes or rests at once, and whole when the contract ends.
Flows note what happens in the `GrantBook` of their batch; `settle` writes it all, set-wise, with the batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Plan, ProrationBehavior
from cauce.billing.customers import grants
from cauce.billing.customers.grants import Left, NewGrant, Use, Wallet
from cauce.billing.invoicing import credits
from cauce.billing.invoicing.rules import Invoice
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Subscription, instant_of, local_day, schedule_of
from cauce.kernel.calendar.months import add_days
from cauce.kernel.calendar.periods import Period
from cauce.kernel.ids import new_id
from cauce.ledger.recipes import grants as recipes
from cauce.ledger.rules import Journal
from cauce.pricing.invoice_lines import MINIMUM, Priced
from cauce.pricing.proration import day_fraction, prorated
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent

USED_KINDS = frozenset({"usage", MINIMUM})
"""Lines that granted credit pays."""

_LOOK_AGAIN = timedelta(hours=1)
_ENDS = frozenset({"subscription.canceled", "subscription.expired"})


@dataclass(frozen=True, slots=True)
class PlanLeft:
    """A subscription leaves its plan, or rests, within a period. `after`: what goes on at once; None for a rest.

    `resets`: a new period begins with it, and the use of the old one is billed.
    """

    before: Subscription
    after: Subscription | None
    at: datetime
    resets: bool = False


@dataclass(slots=True)
class GrantBook:
    """What a batch does with granted credit; `left`: what customers have, as far as the batch has not used it."""

    left: dict[Wallet, list[Left]] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)
    begun: list[tuple[Subscription, str, Period, datetime]] = field(default_factory=list)
    plans_left: list[PlanLeft] = field(default_factory=list)
    voided: list[tuple[str, datetime]] = field(default_factory=list)
    returned: list[tuple[str, int, datetime]] = field(default_factory=list)

    def pay(self, wallet: Wallet, known: Sequence[Left], invoice_id: str, priced: Priced, at: datetime) -> int:
        """What grants pay of an invoice's metered lines at `at`, minor units; the soonest to lapse first."""
        left = self.left.setdefault(wallet, list(known))
        if not left or priced.total_minor <= 0:
            return 0
        used = sum(line.total_minor for line in priced.lines if line.charge.kind in USED_KINDS)
        wanted = open_minor = max(0, min(used, priced.total_minor))
        for one in left:
            part = min(one.minor, wanted) if one.expires_at is None or one.expires_at >= at else 0
            if part:
                one.minor -= part
                wanted -= part
                self.uses.append(Use(one.id, one.wallet_id, *wallet, invoice_id, part, at))
        return open_minor - wanted

    def leave(
        self,
        before: Subscription,
        after: Subscription,
        at: datetime,
        proration: ProrationBehavior,
        *,
        resets: bool,
    ) -> None:
        """The plan changes now; where nothing is charged for the rest of the period, its credit stays as it is."""
        if resets or (before.plan_id != after.plan_id and proration is not ProrationBehavior.NONE):
            self.plans_left.append(PlanLeft(before, after, at, resets))


@dataclass(slots=True)
class _Written:
    """What follows from the changes of grants."""

    journals: list[Journal] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)

    def lapsed(self, row: Row, amount_minor: int, at: datetime, why: grants.Lapse) -> None:
        """A part of a grant is gone."""
        journal = recipes.grant_lapsed(
            new_id("lps"), row["id"], row["customer_id"], row["currency"], at, amount_minor=amount_minor
        )
        assert journal is not None, "a part is above zero"
        self.journals.append(journal)
        content = {"grant": row["id"], "amount": amount_minor, "currency": row["currency"], "reason": why}
        self.events.append(NewEvent("wallet.expired", row["wallet_id"], at, content, row["customer_id"]))


async def settle(tx: Tx, book: GrantBook, told: Sequence[NewEvent]) -> tuple[list[Journal], list[NewEvent]]:
    """Write what the book says, and take back what contracts that end by `told` have left; journals and events to add."""
    written = _Written()
    ended = {one.object_id: one.occurred_at for one in told if one.type in _ENDS}
    await grants.use(tx, book.uses)
    written.events += [
        NewEvent(
            "wallet.consumed",
            one.wallet_id,
            one.at,
            {"grant": one.grant_id, "invoice": one.invoice_id, "amount": one.amount_minor, "currency": one.currency},
            one.customer_id,
        )
        for one in book.uses
    ]
    await _return(tx, book, written)
    await _take_back_of_voided(tx, book.voided, written)
    await _take_back_of_ended(tx, ended, written)
    await _take_back_by_days(tx, [one for one in book.plans_left if one.before.id not in ended], written)
    await _grant(tx, book, ended, written)
    return written.journals, written.events


async def _return(tx: Tx, book: GrantBook, written: _Written) -> None:
    """What invoices took comes back, the last to lapse first; to a grant that has lapsed it comes back in vain."""
    wanted = {invoice_id: (amount, at) for invoice_id, amount, at in book.returned}
    found: dict[str, list[Row]] = {}
    for row in await grants.lock_uses(tx, list(wanted)) if wanted else []:
        found.setdefault(row["invoice_id"], []).append(row)
    for invoice_id, (amount, at) in wanted.items():
        parts, gone = [], []
        uses = sorted(
            found.get(invoice_id, ()), key=lambda row: (row["expires_at"] is None, row["expires_at"], row["id"])
        )
        for row in reversed(uses):
            part = min(amount, row["amount_minor"])
            if part:
                parts.append((row["id"], part))
                amount -= part
                if row["lapse"] or (row["expires_at"] is not None and row["expires_at"] < at):
                    gone.append((row, part))
        assert not amount, f"{invoice_id} took less of grants than comes back"
        await grants.give_back(tx, invoice_id, parts)
        await grants.lapse(tx, [(row["id"], part) for row, part in gone], "expired")
        for row, part in gone:
            written.lapsed(row, part, at, "expired")


async def _take_back_of_voided(tx: Tx, voided: Sequence[tuple[str, datetime]], written: _Written) -> None:
    """What came with an invoice that does not come about."""
    if voided:
        at = max(one for _, one in voided)
        rows = await grants.lock_of_sources(tx, [invoice_id for invoice_id, _ in voided])
        await _lapse_all(tx, [(row, row["left_minor"], at) for row in rows], "taken_back", written)


async def _take_back_of_ended(tx: Tx, ended: Mapping[str, datetime], written: _Written) -> None:
    if ended:
        rows = await grants.lock_of_subscriptions(tx, ended)
        parts = [(row, row["left_minor"], ended[row["subscription_id"]]) for row in rows]
        await _lapse_all(tx, parts, "taken_back", written)


async def _take_back_by_days(tx: Tx, left: Sequence[PlanLeft], written: _Written) -> None:
    """Of grants of the running period stays what belongs to the days that are over, no more than is left.

    Where a new period begins at once the use of those days is billed by now, and nothing stays.
    """
    by_id = {one.before.id: one for one in left}
    parts, ending = [], []
    for row in await grants.lock_of_subscriptions(tx, by_id) if by_id else []:
        one = by_id[row["subscription_id"]]
        day = local_day(one.before, one.at)
        if not row["period_start"] <= day < row["period_end"]:
            continue
        whole = Period(row["period_start"], row["period_end"])
        kept = 0 if one.resets else prorated(row["amount_minor"], day_fraction(Period(whole.start, day), whole))
        ending.append((row["id"], day))
        if amount := min(row["left_minor"], row["amount_minor"] - kept):
            parts.append((row, amount, one.at))
    await grants.end_days(tx, ending)
    await _lapse_all(tx, parts, "taken_back", written)


async def _lapse_all(tx: Tx, parts: Sequence[tuple[Row, int, datetime]], why: grants.Lapse, written: _Written) -> None:
    await grants.lapse(tx, [(row["id"], amount) for row, amount, _ in parts], why)
    for row, amount, at in parts:
        written.lapsed(row, amount, at, why)


async def _grant(tx: Tx, book: GrantBook, ended: Mapping[str, datetime], written: _Written) -> None:
    begun = [one for one in book.begun if one[0].id not in ended]
    changed = [(one.after, one.at, one.resets) for one in book.plans_left if one.after is not None]
    plan_ids = {one[0].plan_id for one in begun} | {after.plan_id for after, _, _ in changed}
    if not plan_ids:
        return
    plans = {
        plan_id: plan
        for plan_id, plan in (await catalog.read_plans(tx, plan_ids)).items()
        if plan.policy.granted_credit.amounts
    }
    found = [
        new
        for one, invoice_id, period, at in begun
        if one.plan_id in plans and (new := _new_grant(one, plans[one.plan_id], period, invoice_id, at))
    ]
    for after, at, _ in changed:
        if after.plan_id in plans and after.period_start is not None and after.period_end is not None:
            rest = Period(max(after.period_start, local_day(after, at)), after.period_end)
            new = _new_grant(after, plans[after.plan_id], rest, new_id("chg"), at)
            found += [new] if new else []
    wallets = await grants.insert(tx, found)
    for new in found:
        journal = recipes.credit_of_plan(
            new.id, new.customer_id, new.currency, new.granted_at, amount_minor=new.amount_minor
        )
        assert journal is not None, "a grant is above zero"
        written.journals.append(journal)
        content = {
            "grant": new.id, "amount": new.amount_minor, "currency": new.currency, "subscription": new.subscription_id,
            "expires_at": new.expires_at,
        }  # fmt: skip
        wallet_id = wallets[new.customer_id, new.currency]
        written.events.append(NewEvent("wallet.topped_up", wallet_id, new.granted_at, content, new.customer_id))


def _new_grant(one: Subscription, plan: Plan, period: Period, source: str, at: datetime) -> NewGrant | None:
    """What the plan grants for `period`, a part of a full period by its days; None where that is nothing."""
    credit = plan.policy.granted_credit
    if not period.days:
        return None
    full = schedule_of(one).containing(period.start).full
    amount = prorated(credit.amounts.get(one.currency, 0), day_fraction(period, full))
    if not amount:
        return None
    return NewGrant(
        new_id("grt"), one.customer_id, one.currency, one.id, source, plan.key, period.start, period.end, amount, at,
        _expiry(one, plan, period),
    )  # fmt: skip


def _expiry(one: Subscription, plan: Plan, period: Period) -> datetime | None:
    credit = plan.policy.granted_credit
    match credit.expires:
        case "never":
            return None
        case "days":
            return instant_of(one, add_days(period.start, credit.expires_days))
        case _:
            return instant_of(one, period.end)


async def expire(tx: Tx, due: Sequence[Row]) -> tuple[list[Journal], list[NewEvent]]:
    """Let the rest of locked grants lapse; one whose subscription has still to be billed for the same instant waits for that."""
    renewing = await subscriptions.renewals_of(tx, {row["subscription_id"] for row in due})
    waiting = {row["id"] for row in due if (at := renewing.get(row["subscription_id"])) and at <= row["due_at"]}
    await grants.look_again(tx, sorted(waiting), _LOOK_AGAIN)
    written = _Written()
    parts = [(row, row["left_minor"], row["due_at"]) for row in due if row["id"] not in waiting]
    await _lapse_all(tx, parts, "expired", written)
    return written.journals, written.events


async def owed_to_grants(tx: Tx, invoice: Invoice, back_minor: int) -> int:
    """What of `back_minor` of an invoice granted credit had paid: money and the customer's own credit come back first."""
    before = await credits.of_invoice(tx, invoice.id)
    own: int = invoice.paid_minor + invoice.credit_minor - invoice.granted_minor
    own -= sum(note["to_credit_minor"] + note["to_refund_minor"] for note in before)
    left: int = invoice.granted_minor - sum(note["to_granted_minor"] for note in before)
    return max(0, min(left, back_minor - max(0, own)))
