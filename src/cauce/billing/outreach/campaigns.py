"""Campaigns: what sets a step, when it is due, under which conditions it goes, and what stops it. Pure.

A step is due an offset after its anchor: whole days mean the customer's local hour (10:00), hours and minutes are
exact, `0` is now. Due times are planned when the trigger happens and checked again when they come.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from cauce.billing.outreach.rules import Category, Condition, Medium, check_conditions, first_false, holds
from cauce.billing.outreach.timing import BadCampaign, after_hold, after_quiet_hours, as_instant, offset_of, shifted
from cauce.kernel.calendar.zones import same_time_after, zone_of
from cauce.kernel.events import CATALOGUE

TOO_CLOSE = timedelta(hours=12)
"""Two steps of one campaign do not fall nearer together than this; the earlier gives way."""

STEPS_MAX = 50
_KEY = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PERIODS = ("subscription", "ending", "product", "object", "event")


@dataclass(frozen=True, slots=True)
class Step:
    """One message of a campaign.

    `triggers` () are the campaign's. `anchor`: what the offset counts from, a field of the event or of what is known;
    "" is the trigger's own instant. `when` decides at the trigger, `conditions` at the moment of sending; `event.x` is
    a field of the event. A span from start to anchor below `short_span` puts the step `short_after` behind the start
    ("" leaves it out). `hastened_by`: events that bring it forward to now.
    """

    key: str
    template: str
    category: Category = Category.SERVICE
    offset: str = "0"
    anchor: str = ""
    triggers: tuple[str, ...] = ()
    when: tuple[Condition, ...] = ()
    conditions: tuple[Condition, ...] = ()
    short_span: str = ""
    short_after: str = ""
    hastened_by: tuple[str, ...] = ()
    period: str = ""
    medium: Medium = Medium.MAIL
    roles: tuple[str, ...] = ()  # a copy for staff with these roles instead of the customer
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Campaign:
    """A named sequence. `stops`: any that holds ends what waits. `moves`: events that plan waiting steps anew.

    `period` says what a step goes out once for: the subscription's term, its ending (that of a trial which nobody paid
    for, and that of the paid time, are two), the product, the object or the event.
    `segment`: only customers who belong to it when a step is due get it; "" is anybody.
    `held` steps wait while a person talks with the customer. `data` fills its texts (news, articles, a calendar link).
    """

    key: str
    title: str
    triggers: tuple[str, ...]
    steps: tuple[Step, ...]
    when: tuple[Condition, ...] = ()
    stops: tuple[Condition, ...] = ()
    moves: tuple[str, ...] = ()
    period: str = "subscription"
    held: bool = True
    enabled: bool = True
    hour: int = 10
    quiet_from: int = 21
    quiet_until: int = 8
    data: Mapping[str, str] = field(default_factory=dict)
    segment: str = ""

    def step(self, key: str) -> Step | None:
        """The step with this key."""
        return next((one for one in self.steps if one.key == key), None)

    def triggers_of(self, step: Step) -> tuple[str, ...]:
        """The events that set a step."""
        return step.triggers or self.triggers

    def event_types(self) -> frozenset[str]:
        """Every event that this campaign listens to."""
        of_steps = [(*self.triggers_of(step), *step.hastened_by) for step in self.steps if step.enabled]
        return frozenset([*self.moves, *(kind for kinds in of_steps for kind in kinds)])


@dataclass(frozen=True, slots=True)
class Planned:
    """A step with its time. `planned_at` is the nominal instant, `due_at` never before the trigger."""

    step: Step
    position: int
    planned_at: datetime
    due_at: datetime


def plan(
    campaign: Campaign,
    event_type: str,
    event: Mapping[str, Any],
    occurred_at: datetime,
    facts: Mapping[str, Any],
    timezone: str,
) -> list[Planned]:
    """The steps that an event sets, with their times. `event` is its content; `facts` what is known now."""
    if not campaign.enabled:
        return []
    known = {**facts, **{f"event.{name}": value for name, value in event.items()}}
    planned = []
    for position, step in enumerate(campaign.steps):
        is_set = event_type in campaign.triggers_of(step)
        is_moved = event_type in campaign.moves and bool(step.anchor)
        if not step.enabled or not (is_set or is_moved):
            continue
        conditions = (*campaign.when, *step.when) if is_set else campaign.when
        if any(not holds(one, known) for one in conditions):
            continue
        at = _nominal(campaign, step, known, occurred_at, timezone)
        if at is not None:
            planned.append(Planned(step, position, at, max(at, occurred_at)))
    return planned


def _nominal(
    campaign: Campaign, step: Step, known: Mapping[str, Any], occurred_at: datetime, timezone: str
) -> datetime | None:
    anchor = (
        as_instant(known.get(step.anchor, known.get(f"event.{step.anchor}")), timezone) if step.anchor else occurred_at
    )
    if anchor is None:
        return None
    start = as_instant(known.get(f"{step.anchor}_since"), timezone) or occurred_at
    if step.short_span:
        days, rest = offset_of(step.short_span)
        if anchor < same_time_after(start, days, zone_of(timezone)) + rest:
            return shifted(start, step.short_after, timezone, campaign.hour) if step.short_after else None
    return shifted(anchor, step.offset, timezone, campaign.hour)


def period_of(campaign: Campaign, step: Step, facts: Mapping[str, Any], object_id: str, event_id: str) -> str:
    """What a step goes out once for."""
    kind = step.period or campaign.period
    if kind in ("subscription", "ending") and facts.get("subscription"):
        index = facts.get("period_index")
        was_billed = kind == "ending" and index is not None and index >= 0
        return f"{facts['subscription']}:{facts.get('term') or 1}{':billed' if was_billed else ''}"
    if kind == "product" and facts.get("product"):
        return str(facts["product"])
    return event_id if kind == "event" else object_id


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens with a step that is due: `send`, `skip`, `stop`, or `wait` until an instant; and why."""

    action: str
    reason: str = ""
    until: datetime | None = None


def decide(
    campaign: Campaign | None,
    step: Step | None,
    known: Mapping[str, Any],
    held_until: datetime | None,
    later: Sequence[str],
    now: datetime,
    timezone: str,
) -> Decision:
    """Read the state again: whether a due step goes out now. `later`: steps of the campaign that come within 12 hours."""
    if campaign is None or step is None or not (campaign.enabled and step.enabled):
        return Decision("stop", "campaign_off")
    stopped = next((one for one in campaign.stops if holds(one, known)), None)
    if stopped is not None:
        return Decision("stop", f"stop:{stopped.field}")
    if campaign.held and held_until is not None and held_until > now:
        return Decision("wait", "held", after_hold(held_until, timezone, campaign.hour))
    failed = first_false(step.conditions, known)
    if failed is not None:
        return Decision("skip", f"condition:{failed.field}")
    for key in later if step.offset.endswith("d") else ():
        other = campaign.step(key)
        if other is not None and other.enabled and first_false(other.conditions, known) is None:
            return Decision("skip", f"followed_by:{key}")
    if step.category is not Category.SERVICE:
        quiet_end = after_quiet_hours(now, timezone, campaign.quiet_from, campaign.quiet_until)
        if quiet_end > now:
            return Decision("wait", "quiet_hours", quiet_end)
    return Decision("send")


def check(campaign: Campaign, known: frozenset[str], templates: Sequence[str]) -> None:
    """Refuse a campaign that could never work: keys, events, offsets, conditions, templates, hours (`BadCampaign`)."""
    if not _KEY.fullmatch(campaign.key):
        raise BadCampaign("a key is lower-case letters, digits and underscores", param="key")
    if not 1 <= len(campaign.steps) <= STEPS_MAX:
        raise BadCampaign(f"a campaign has 1 to {STEPS_MAX} steps", param="steps")
    keys = [step.key for step in campaign.steps]
    if len(set(keys)) != len(keys) or any(not _KEY.fullmatch(key) for key in keys):
        raise BadCampaign("every step has a key of its own", param="steps")
    if campaign.period not in _PERIODS or any(one.period not in ("", *_PERIODS) for one in campaign.steps):
        raise BadCampaign(f"a period is one of {', '.join(_PERIODS)}", param="period")
    if any(not 0 <= hour <= 23 for hour in (campaign.hour, campaign.quiet_from, campaign.quiet_until)):
        raise BadCampaign("hours are 0 to 23", param="hour")
    for kind in (*campaign.triggers, *campaign.event_types()):
        if kind not in CATALOGUE or kind.startswith("message."):  # a message never causes another
            raise BadCampaign(f"there is no event {kind}", param="triggers")
    check_conditions((*campaign.when, *campaign.stops), known)
    for step in campaign.steps:
        for offset in (step.offset, step.short_span, step.short_after):
            offset_of(offset or "0")
        check_conditions((*step.when, *step.conditions), known)
        if step.template not in templates:
            raise BadCampaign(f"there is no template {step.template!r}", param="template")
        if not campaign.triggers_of(step):
            raise BadCampaign(f"nothing sets the step {step.key}", param="triggers")


def to_plain(campaign: Campaign) -> dict[str, Any]:
    """A campaign as JSON-able builtins."""
    plain: dict[str, Any] = msgspec.to_builtins(campaign)
    return plain


def from_plain(plain: Mapping[str, Any]) -> Campaign:
    """A campaign from its plain form; `BadCampaign` where that has another shape."""
    try:
        return msgspec.convert(dict(plain), Campaign)
    except (msgspec.ValidationError, TypeError) as exc:
        raise BadCampaign(str(exc)) from exc
