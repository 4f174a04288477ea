"""Asking the runner before a command takes effect: it may veto in time, and what it answers joins the reply (J1).

Asked are sign-up, change, cancellation, pause, resumption and return, where a person waits for the answer. Steps that
the bill takes by itself are asked by their job: nobody can veto a debt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Plan
from cauce.billing.customers.rules import CustomerData
from cauce.billing.provisioning.rules import Asked, Verb
from cauce.flows.billing.provision_telling import (
    PRE_SECONDS,
    SET_UP_WRONG,
    RunnerSilent,
    answer_of,
    ask_pre,
    find_channel,
    told_of,
)
from cauce.flows.context import Context
from cauce.gateway.outcome import Declined, Done
from cauce.gateway.reaching import InstanceRequest, InstanceVerb
from cauce.kernel.errors import Conflict
from cauce.kernel.ids import new_id
from cauce.reports import instances as report


class Vetoed(Conflict):
    """The software that runs the customers' instances refused this."""

    code = "vetoed"


async def ask(context: Context, subscription_id: str, verb: Verb, wish: Mapping[str, Any]) -> dict[str, Asked]:
    """Ask about a command on a subscription; what passed, by subscription. `Vetoed` when the runner refuses.

    Empty where the subscription has no instance, and where the runner says nothing: then the operation's job asks.
    """
    async with context.db.transaction(context.org_id) as tx:
        known = await report.instance_of(tx, subscription_id)
        if known is None:
            return {}
        told = await told_of(tx, context, known["instance_id"])
        channel_id = known["channel_id"] or await find_channel(tx, known["runner"])
    if channel_id is None:
        return {}
    payload = {**told.payload, "wish": dict(wish)}
    passed = await _ask(context, channel_id, verb, known["instance_id"], payload, told.plan.policy.instance.when_silent)
    return {} if passed is None else {subscription_id: passed}


async def ask_to_begin(
    context: Context, plan_key: str, customer: CustomerData, wish: Mapping[str, Any]
) -> Asked | None:
    """Ask whether somebody may have an instance; None where the plan runs none or the runner says nothing."""
    async with context.db.transaction(context.org_id) as tx:
        plan_id, _ = await catalog.require_sold(tx, plan_key)
        plan = (await catalog.read_plans(tx, [plan_id]))[plan_id]
    return await ask_for_plan(context, plan, customer, wish)


async def ask_for_plan(context: Context, plan: Plan, customer: CustomerData, wish: Mapping[str, Any]) -> Asked | None:
    """The same for a plan version that is known."""
    policy = plan.policy.instance
    async with context.db.transaction(context.org_id) as tx:
        channel_id = await find_channel(tx, policy.runner) if policy.runner else None
    if channel_id is None:
        return None
    told = {name: getattr(customer, name) for name in ("external_id", "email", "name", "locale")}
    payload: dict[str, object] = {
        "customer": told,
        "plan": {"key": plan.key, "name": plan.name, "version": plan.version},
        "wish": dict(wish),
    }
    return await _ask(context, channel_id, Verb.PROVISION, new_id("inst"), payload, policy.when_silent)


async def _ask(
    context: Context, channel_id: str, verb: Verb, instance_id: str, payload: dict[str, object], when_silent: str
) -> Asked | None:
    operation_id = new_id("op")
    request = InstanceRequest(operation_id, InstanceVerb(verb.value), "pre", instance_id, payload, PRE_SECONDS)
    outcome = await ask_pre(context, channel_id, request)
    match outcome:
        case Done(value):
            if value.veto:
                raise Vetoed(value.veto, verb=verb.value)
            return Asked(operation_id, verb, instance_id, answer_of(value))
        case Declined(refusal=refusal, message=message) if refusal not in SET_UP_WRONG:
            raise Vetoed(message, verb=verb.value)
    if when_silent == "refuse":
        raise RunnerSilent("the software that runs the customers' instances does not answer; nothing was changed")
    return None
