"""Automations without code: when an event happens and conditions hold, actions follow in order. Rules, pure.

A run is unique by automation and event. What an automation causes starts no automation, and one customer starts the same
one only so often: no loop can begin.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec

from cauce.billing.outreach.rules import Category, Condition, check_conditions
from cauce.kernel.errors import InvalidRequest

ACTIONS_MAX = 10
RUNS_PER_CUSTOMER_MAX = 5
"""Runs of one automation for one customer within `GUARDED`; what comes beyond is skipped and says so."""

GUARDED = timedelta(days=1)
ACTOR = "automation"
NEEDS: dict[str, str] = {
    "message": "template",
    "tag": "tag",
    "task": "title",
    "coupon": "coupon",
    "feature": "feature",
    "hold": "",
    "webhook": "name",
    "desk_event": "name",
    "command": "channel",
}
"""Every kind of action, and the one field that it needs."""

KINDS = tuple(NEEDS)
_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,59}")
_TEXT_CHARACTERS_MAX = {"tag": 60, "title": 200, "owner": 320, "channel": 200, "coupon": 200, "feature": 200}


class BadAutomation(InvalidRequest):
    """The automation cannot be accepted as it is written."""

    code = "bad_automation"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do.

    Send a message; give a tag; make a task, due in `days`; redeem a coupon; give a feature for `days` (0: for good);
    hold steps for `days`; call the webhook endpoints under a `name`; tell help desks an event with a `name`; run the
    program of a `channel`, which the machine's owner has allowed.
    """

    kind: str
    template: str = ""
    category: Category = Category.SERVICE
    data: Mapping[str, str] = field(default_factory=dict)
    coupon: str = ""
    feature: str = ""
    value: bool | int | str = True
    days: int = 7
    tag: str = ""
    title: str = ""
    owner: str = ""
    name: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Automation:
    """When one of `events` happens to a customer of the `segment` ("": anybody) and every condition holds, the actions, in order."""

    events: tuple[str, ...]
    actions: tuple[Action, ...]
    conditions: tuple[Condition, ...] = ()
    segment: str = ""


def check(
    automation: Automation, *, events: Collection[str], fields: frozenset[str], templates: Collection[str]
) -> None:
    """Refuse an automation that could never work (`BadAutomation`, `BadCondition`)."""
    unknown = sorted(set(automation.events) - set(events))
    if unknown or not automation.events:
        raise BadAutomation(f"nothing can follow {unknown[0]!r}" if unknown else "name an event", param="events")
    if not 1 <= len(automation.actions) <= ACTIONS_MAX:
        raise BadAutomation(f"an automation has 1 to {ACTIONS_MAX} actions", param="actions")
    check_conditions(automation.conditions, fields)
    for action in automation.actions:
        _check_action(action, templates)


def _check_action(action: Action, templates: Collection[str]) -> None:
    if action.kind not in NEEDS:
        raise BadAutomation(f"an action is one of {', '.join(KINDS)}", param="kind")
    needed = NEEDS[action.kind]
    if needed and not getattr(action, needed).strip():
        raise BadAutomation(f"{action.kind} needs {needed}", param=needed)
    if action.kind == "message" and action.template not in templates:
        raise BadAutomation(f"there is no template {action.template!r}", param="template")
    if needed == "name" and not _NAME.fullmatch(action.name):
        raise BadAutomation("a name is lower-case letters, digits, dots, dashes and underscores", param="name")
    for field_name, characters_max in _TEXT_CHARACTERS_MAX.items():
        if len(getattr(action, field_name)) > characters_max:
            raise BadAutomation(f"{field_name} has at most {characters_max} characters", param=field_name)
    if not 0 <= action.days <= 3_650:
        raise BadAutomation("days is 0 to 3650", param="days")


def is_own_doing(actor: str) -> bool:
    """Whether an event was caused by an automation: it starts none."""
    return actor.partition(":")[0] == ACTOR


def to_plain(automation: Automation) -> dict[str, Any]:
    """An automation as JSON-able builtins."""
    plain: dict[str, Any] = msgspec.to_builtins(automation)
    return plain


def from_plain(plain: Mapping[str, Any]) -> Automation:
    """An automation from its plain form; `BadAutomation` where that has another shape."""
    try:
        return msgspec.convert(dict(plain), Automation)
    except (msgspec.ValidationError, TypeError) as exc:
        raise BadAutomation(str(exc)) from exc
