"""Coming back from `unpaid`: the debt is paid or written off, and a new period begins (T26).

Where the debt was for a period that still runs, its days from now on are paid already: the first invoice gives them back,
as a change that begins a new period does, so nobody pays a day twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cauce.billing.subscriptions.rules import Step, Subscription, begin_term, is_complete, renews_at_end
from cauce.billing.subscriptions.running import periods_left
from cauce.flows.billing.bills import priced_bill
from cauce.flows.billing.granting import PlanLeft
from cauce.flows.billing.issue import Batch, load_tariff
from cauce.flows.billing.proration import unused_of_items
from cauce.flows.billing.terms import Term, active_from, first_terms
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent


async def return_unpaid(tx: Tx, free: Sequence[Subscription], batch: Batch, at: datetime) -> list[Step]:
    """Subscriptions whose collection was exhausted begin a new period now that the debt is gone (T26).

    A fixed term has as many periods as it had left; one in its last period, which the debt was for, only goes on to its end.
    """
    last = [one for one in free if is_complete(one)]
    steps = [Step(one, renews_at_end(replace(one, status="active")), "settle", at) for one in last]
    batch.events += [NewEvent("subscription.recovered", one.id, at, {"invoice": None}, one.customer_id) for one in last]
    others = [one for one in free if one not in last]
    anchored = [replace(begin_term(one, at), periods_max=periods_left(one)) for one in others]
    for one, term in zip(others, await first_terms(tx, anchored, one_time=False) if others else [], strict=True):
        after = replace(active_from(term, at), term=one.term + 1)
        renewed = replace(await _less_paid_days(tx, one, term, at), subscription=after)
        batch.grants.plans_left.append(PlanLeft(one, None, at))
        invoice = renewed.issue(batch, at)
        steps.append(Step(one, after, "settle", at))
        batch.events.append(NewEvent("subscription.recovered", one.id, at, {"invoice": invoice.id}, one.customer_id))
    return steps


async def _less_paid_days(tx: Tx, one: Subscription, term: Term, at: datetime) -> Term:
    """The term with a bill that gives back what of the old period is paid from `at` on."""
    tariff = await load_tariff(tx, [one], [term.around])
    given = await unused_of_items(tx, one, at, term.around, tariff)
    if not given:
        return term
    bill = term.bill
    return replace(term, bill=priced_bill((*given, *bill.charges), term.around, tariff, bill.pending_ids, bill.begun))
