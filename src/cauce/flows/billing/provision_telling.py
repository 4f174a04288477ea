"""What passes between us and the runner of instances: the stored state goes out, a veto or an answer comes back."""

from __future__ import annotations

from dataclasses import dataclass

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.rules import Plan
from cauce.billing.provisioning.rules import Answer
from cauce.channels import service as channels
from cauce.flows.context import Context
from cauce.gateway.capabilities import Can
from cauce.gateway.outcome import Declined, Outcome, Refusal
from cauce.gateway.reaching import InstanceAnswer, InstanceRequest
from cauce.kernel.errors import CauceError
from cauce.reports import instances as report
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import read_org

PRE_SECONDS = 5
"""So long a pre hook may take (J1)."""

SET_UP_WRONG = (Refusal.CONFIG, Refusal.SIGNATURE, Refusal.AUTH)
"""Refusals that say nothing about the customer: the channel is set up wrongly."""


class RunnerSilent(CauceError):
    """The instance runner did not say whether it did what it was asked."""

    code = "runner_silent"
    http_status = 502


@dataclass(frozen=True, slots=True)
class Told:
    """What the runner is told, and the plan that says what its silence means."""

    payload: dict[str, object]
    plan: Plan


async def told_of(tx: Tx, context: Context, instance_id: str) -> Told:
    """What is told of an instance: the state as it is stored now."""
    row, items = await report.subject(tx, instance_id)
    org = await read_org(tx, context.org_id)
    plan = (await catalog.read_plans(tx, [row["plan_id"]]))[row["plan_id"]]
    portal = f"{context.runtime.public_url}/portal/{org.public_id}"
    payload: dict[str, object] = {
        "customer": {name: row[name] for name in ("external_id", "email", "name", "locale")}
        | {"id": row["customer_id"]},
        "plan": {"key": row["plan_key"], "name": row["plan_name"], "version": row["plan_version"]},
        "subscription": {
            "id": row["subscription_id"],
            "status": row["status"],
            "trial_end": _text(row["trial_end"]),
            "period_end": _text(row["period_end"]),
            "cancel_at_period_end": row["cancel_at_period_end"],
            "quantities": {item["key"]: str(item["quantity"].normalize()) for item in items},
            "options": {name: value for item in items for name, value in item["options"].items()},
            "metadata": row["metadata"],
        },
        "instance": {"id": row["id"], "status": row["state"], "ref": row["ref"], "redirect_url": row["redirect_url"]},
        "status": row["status"],
        "access": row["level"],
        "features": row["features"],
        "portal_url": f"{portal}/account",
        "org": org.public_id,
        "embed_script": f"{context.runtime.public_url}/embed.js",
    }
    return Told(payload, plan)


async def ask_pre(context: Context, channel_id: str, request: InstanceRequest) -> Outcome[InstanceAnswer]:
    """Ask one hook of the runner; a channel that cannot run instances or cannot be opened refuses."""
    try:
        channel, gateway = await context.gateway(channel_id)
        context.runtime.gateways.capabilities(channel).require(Can.RUNS_INSTANCES, what="an instance")
    except CauceError as exc:
        return Declined(exc.code, Refusal.CONFIG, exc.message)
    outcome: Outcome[InstanceAnswer] = await gateway.run(request)
    return outcome


async def find_channel(tx: Tx, runner: str) -> str | None:
    """The channel that a plan's `runner` names: by id, by name, by provider, in this order."""
    rows = await channels.list_channels(tx)
    for column in ("id", "name", "provider"):
        for row in rows:
            if row[column] == runner:
                return str(row["id"])
    return None


def answer_of(value: InstanceAnswer) -> Answer:
    """A runner's answer as the slice keeps it."""
    return Answer(value.redirect_url, value.instance_ref, dict(value.fields))


def _text(value: object) -> str | None:
    return None if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)
