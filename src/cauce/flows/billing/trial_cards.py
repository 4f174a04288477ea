"""A card that is added during a trial counts as having had it (D2): one trial per customer, card and product.

A trial that began without a card could not be compared by it. Now the card is remembered, so no other trial of the product
begins with it; and where it has had one under another name, the plan says whether this trial goes on or ends at once. A
second trial that an operator allowed is left alone.
"""

from __future__ import annotations

from datetime import datetime

from cauce.billing.catalog import service as catalog
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Step, Subscription, move_trial
from cauce.flows.billing.issue import Batch
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent

REASON = "the card has had a trial of this product"


async def claim_trials(tx: Tx, customer_id: str, fingerprint: str, batch: Batch, at: datetime, actor: str) -> bool:
    """Note that a card belongs to the customer's running trials; True where it has had another. Ends these by policy."""
    if not fingerprint:
        return False
    held = await subscriptions.lock(tx, await subscriptions.ids_of_customer(tx, customer_id))
    trialing = [one for one in held.values() if one.status == "trialing" and one.pending_invoice_id is None]
    reused = [one for one in trialing if await _is_reused(tx, one, fingerprint, at)]
    plans = await catalog.read_plans(tx, {one.plan_id for one in reused}) if reused else {}
    ending = [one for one in reused if plans[one.plan_id].policy.trial_card_reused == "end"]
    steps = [Step(one, move_trial(one, at), "move_trial", at, REASON) for one in ending]
    await subscriptions.move(tx, steps, actor)
    await subscriptions.drop_timers(tx, [one.id for one in ending])
    for one in ending:
        told, before = {"trial_end": at, "reason": REASON}, {"trial_end": one.trial_end}
        batch.events.append(NewEvent("subscription.trial_extended", one.id, at, told, customer_id, before))
    return bool(reused)


async def _is_reused(tx: Tx, one: Subscription, fingerprint: str, at: datetime) -> bool:
    by_favour = await subscriptions.had_trial(tx, one.product_id, one.id, [f"customer:{one.customer_id}"])
    used = await subscriptions.claim_trial(tx, one.product_id, one.id, [f"card:{fingerprint}"], at)
    return used and not by_favour
