"""What the words of a step are filled with: the event that set it, what is known now, the campaign's own, links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cauce.billing.outreach.campaigns import Campaign, Step
from cauce.billing.outreach.presenting import locale_for
from cauce.billing.outreach.rules import NewMessage, Recipient
from cauce.billing.outreach.texts import phrase
from cauce.flows.outreach.links import page_links
from cauce.reports.outreach import Facts
from cauce.storage.directory.orgs import Org
from cauce.storage.outbox import Event

_AMOUNTS = ("amount", "amount_due", "total", "recovered", "new_amount", "old_amount")
_SHOWN = (
    "plan_name", "product_name", "currency", "trial_end", "period_end", "days_left", "goal_title", "goal_link", "instance_link",
)  # fmt: skip
_KEPT_CHARACTERS_MAX = 2_000


def event_data(event: Event) -> dict[str, Any]:
    """What a step keeps of the event that set it: its plain values, the amounts as such, and who caused it."""
    data: dict[str, Any] = {}
    for name, value in event.data.items():
        if name in _AMOUNTS and isinstance(value, int) and not isinstance(value, bool):
            data[f"{name}_minor"] = value
        elif isinstance(value, bool | int) or (isinstance(value, str) and len(value) <= _KEPT_CHARACTERS_MAX):
            data[name] = value
    return {
        **data,
        "event": event.public_id,
        "event_type": event.type,
        "object": event.object_id,
        "actor_kind": event.actor.partition(":")[0],
    }


def known_of(campaign: Campaign | None, data: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    """The names that conditions may use: facts, `event.x` of the event, `data.x` of the campaign."""
    own = {f"data.{name}": value for name, value in (campaign.data if campaign else {}).items()}
    told = {f"event.{name}": value for name, value in data.items()}
    return {
        **facts,
        **told,
        **{f"event.{name}": data[f"{name}_minor"] for name in _AMOUNTS if f"{name}_minor" in data},
        **own,
    }


def values_for(
    org: Org, public_url: str, facts: Facts, data: Mapping[str, Any], own: Mapping[str, str], locale: str
) -> dict[str, Any]:
    """Everything that a text may name, as data: amounts in minor units, instants as such."""
    invoice_id = str(data.get("invoice") or facts.get("open_invoice") or "")
    object_id = str(data.get("object", ""))
    invoice_id = object_id if object_id.startswith("in_") else invoice_id
    subscription_id = str(facts.get("subscription") or "")
    values: dict[str, Any] = {
        "customer_name": facts["name"] or facts["external_id"],
        "org_name": org.name,
        **{name: facts.get(name) for name in _SHOWN},
        **page_links(public_url, org, subscription_id=subscription_id, invoice_id=invoice_id),
        "console_link": f"{public_url}/console/customers/{facts['customer']}",
        "end_words": phrase(locale, "end", str(facts.get("trial_end_policy") or "pause")),
        "reason_words": phrase(locale, "reason", str(data.get("refusal") or facts.get("refusal") or ""), "declined"),
        "event_words": phrase(locale, "event", str(data.get("event_type", "")), "automation"),
        "number": facts.get("open_number") or "",
        "open_invoice": invoice_id,
        **own,
        **data,
    }
    values.setdefault("amount_due_minor", facts.get("owed_minor"))
    values["currency"] = data.get("currency") or facts.get("currency") or ""
    return values


def message_for(
    campaign: Campaign, step: Step, period: str, org: Org, public_url: str, facts: Facts, data: Mapping[str, Any]
) -> NewMessage:
    """The message of a step to the customer."""
    locale = locale_for(facts["locale"])
    person = Recipient(facts["customer"], facts["email"], facts["name"], locale, facts["timezone"])
    values = values_for(org, public_url, facts, data, campaign.data, locale)
    return NewMessage(
        person, step.template, values, step.category, str(data.get("object", "")), campaign.key, step.key, period,
        medium=step.medium,
    )  # fmt: skip
