"""An automation as a form, and a form as an automation: rows of conditions and actions, without code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cauce.billing.outreach.automations import NEEDS, Action, Automation
from cauce.billing.outreach.rules import COMPARISONS, Category, Condition
from cauce.entrypoints.web.tables import Input
from cauce.kernel.errors import InvalidRequest

EVENTS_SHOWN = 3
ROWS_MAX = 12
_MESSAGE = "message"
_DAYS_OF = ("task", "feature", "hold")
Options = tuple[tuple[str, str], ...]


def fields_of(rule: Automation, choices: Mapping[str, Options]) -> dict[str, Any]:
    """The inputs of the form: `events`, `segment`, rows of `conditions` and `actions`, one row of each to spare."""
    events = [*rule.events, *[""] * max(EVENTS_SHOWN - len(rule.events), 1)][:ROWS_MAX]
    conditions = [*rule.conditions, Condition("", "is", "")][:ROWS_MAX]
    actions: list[Action | None] = [*rule.actions, None][:ROWS_MAX]
    return {
        "events": [_choice(f"event{n}", "automations.event", one, choices["events"]) for n, one in enumerate(events)],
        "segment": _choice("segment", "automations.segment", rule.segment, choices["segments"]),
        "conditions": [_condition(n, one, choices) for n, one in enumerate(conditions)],
        "actions": [_action(n, one, choices) for n, one in enumerate(actions)],
    }


def rule_of(fields: Mapping[str, str], before: Automation | None) -> Automation:
    """The automation that a form describes; what a form does not show is kept from `before`."""
    numbers = range(ROWS_MAX)
    events = tuple(dict.fromkeys(one for n in numbers if (one := fields.get(f"event{n}", ""))))
    conditions = tuple(
        Condition(name, fields.get(f"op{n}", "is"), _value(fields.get(f"op{n}", "is"), fields.get(f"value{n}", "")))
        for n in numbers
        if (name := fields.get(f"field{n}", "").strip())
    )
    actions = tuple(_given(fields, n, before) for n in numbers if fields.get(f"kind{n}", ""))
    return Automation(events, actions, conditions, fields.get("segment", ""))


def words(action: Action) -> str:
    """What an action is about, in a few words."""
    about = getattr(action, NEEDS[action.kind]) if NEEDS[action.kind] else ""
    days = f"{action.days} d" if action.kind in _DAYS_OF else ""
    return " · ".join(part for part in (about, days) if part)


def condition_words(one: Condition) -> str:
    """A condition in one line."""
    return f"{one.field} {one.op.replace('_', ' ')} {_shown(one.value)}"


def _condition(n: int, one: Condition, choices: Mapping[str, Options]) -> tuple[Input, ...]:
    return (
        _choice(f"field{n}", "automations.field", one.field, choices["fields"]),
        Input(
            f"op{n}", "automations.op", value=one.op, options=tuple((op, op.replace("_", " ")) for op in COMPARISONS)
        ),
        Input(f"value{n}", "automations.value", value=_shown(one.value), required=False),
    )


def _action(n: int, one: Action | None, choices: Mapping[str, Options]) -> tuple[Input, ...]:
    kind = _kind(one) if one else ""
    about = getattr(one, NEEDS[one.kind]) if one and NEEDS[one.kind] else ""
    said = "\n".join(part for name in ("title", "text") if one and (part := one.data.get(name, "")))
    return (
        Input(f"kind{n}", "automations.action", value=kind, options=choices["kinds"], required=False),
        Input(f"what{n}", "automations.what", value=about, required=False),
        Input(f"days{n}", "automations.days", kind="number", value=str(one.days) if one else "", required=False),
        Input(f"said{n}", "automations.said", kind="textarea", value=said, required=False),
    )


def _kind(one: Action) -> str:
    return f"{_MESSAGE}.{one.category.value}" if one.kind == _MESSAGE else one.kind


def _given(fields: Mapping[str, str], n: int, before: Automation | None) -> Action:
    kind, _, category = fields[f"kind{n}"].partition(".")
    if kind not in NEEDS:
        raise InvalidRequest(f"there is no action {kind!r}", param="kind")
    typed = fields.get(f"days{n}", "").strip()
    if typed and not typed.isdigit():
        raise InvalidRequest("days are a whole number", param="days")
    known = before.actions[n] if before and n < len(before.actions) and before.actions[n].kind == kind else None
    given: dict[str, Any] = {"kind": kind}
    if NEEDS[kind]:
        given[NEEDS[kind]] = fields.get(f"what{n}", "").strip()
    if typed:
        given["days"] = int(typed)
    if kind == _MESSAGE:
        title, _, text = fields.get(f"said{n}", "").strip().replace("\r\n", "\n").partition("\n")
        others = {name: value for name, value in (known.data if known else {}).items() if name not in ("title", "text")}
        given["category"] = Category(category or "service")
        given["data"] = {**others, **({"title": title, "text": text.strip() or title} if title else {})}
    if known and kind == "feature":
        given["value"] = known.value
    if known and kind == "task":
        given["owner"] = known.owner
    return Action(**given)


def _value(op: str, typed: str) -> Any:
    if op in ("in", "not_in"):
        return [_plain(one) for one in typed.split(",") if one.strip()]
    return _plain(typed)


def _plain(typed: str) -> Any:
    text = typed.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return int(text) if text.lstrip("-").isdigit() and len(text) < 18 else text


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(map(_shown, value)) if isinstance(value, list | tuple) else str(value if value is not None else "")


def _choice(name: str, label: str, value: str, options: Options) -> Input:
    known = {one for one, _ in options}
    shown = options if not value or value in known else (*options, (value, value))
    return Input(name, label, value=value, options=(("", "–"), *shown), required=False)
