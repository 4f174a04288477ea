"""Rules and their activation by a second person; parts and splits in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from cauce.kernel.errors import Forbidden, NotFound
from cauce.kernel.ids import new_id
from cauce.kernel.machine import BEGIN, Machine, Transition, steps
from cauce.marketplace.splits import store
from cauce.marketplace.splits.rules.parsing import parse_rule
from cauce.marketplace.splits.rules.schema import SplitRule
from cauce.storage.database import Tx

SPLIT = Machine(
    "split",
    (
        "planned", "submitted", "processing", "applied", "partially_applied", "failed", "unknown",
        "partially_reversed", "reversed",
    ),
    (
        *steps("plan", (BEGIN,), "planned"),
        *steps("submit", (BEGIN, "planned"), "submitted"),
        *steps("wait", ("submitted", "unknown"), "processing"),
        *steps("lose", ("submitted", "processing"), "unknown"),
        *steps("apply", ("submitted", "processing", "unknown"), "applied"),
        *steps("apply_partly", ("submitted", "processing", "unknown"), "partially_applied"),
        *steps("fail", ("planned", "submitted", "processing", "unknown"), "failed"),
        *steps("reverse_part", ("applied", "partially_applied", "partially_reversed"), "partially_reversed"),
        *steps("reverse_rest", ("applied", "partially_applied", "partially_reversed"), "reversed"),
    ),
)  # fmt: skip

RULE = Machine(
    "split rule",
    ("draft", "active", "superseded"),
    (
        *steps("draft", (BEGIN,), "draft"),
        Transition("activate", "draft", "activate", "active"),
        Transition("supersede", "active", "supersede", "superseded"),
    ),
)


class UnknownRule(NotFound):
    """There is no such split rule, or none of its versions is active."""

    code = "unknown_split_rule"


class RuleNeedsSecondPerson(Forbidden):
    """A second person activates a split rule (K18)."""

    code = "rule_needs_second_person"


async def draft_rule(
    tx: Tx, document: Mapping[str, Any], *, actor: str, at: datetime, rule_id: str | None = None
) -> tuple[str, int]:
    """The next version of a rule (of a new one without `rule_id`) as a draft; its id and version. Refused when it is wrong."""
    rule = parse_rule(document)
    rule_id = rule_id or new_id("spr")
    return rule_id, await store.insert_rule(tx, rule_id, rule.name, document, actor, at)


async def activate_rule(tx: Tx, rule_id: str, version: int, *, actor: str) -> None:
    """Make a draft the active version; the one before is superseded. Somebody else than its maker does it."""
    row = await store.lock_rule(tx, rule_id, version)
    if row is None:
        raise UnknownRule(f"there is no version {version} of {rule_id}", param="rule")
    RULE.step(row["state"], "activate")
    if actor == row["created_by"]:
        raise RuleNeedsSecondPerson(param="actor")
    await store.activate(tx, rule_id, version, actor)


async def active_rules(tx: Tx, rule_ids: Sequence[str]) -> dict[str, tuple[int, SplitRule]]:
    """The active versions of these rules, parsed; unknown ones are left out."""
    rows = await store.active_rules(tx, rule_ids)
    return {row["id"]: (row["version"], _parsed(msgspec.json.encode(row["content"]))) for row in rows}


async def rules_used(tx: Tx, wanted: Sequence[tuple[str, int]]) -> dict[tuple[str, int], SplitRule]:
    """Certain versions of rules, parsed: an order keeps the version it was planned with."""
    rows = await store.rule_versions(tx, sorted(set(wanted)))
    return {(row["id"], row["version"]): _parsed(msgspec.json.encode(row["content"])) for row in rows}


@lru_cache(maxsize=1024)
def _parsed(content: bytes) -> SplitRule:
    return parse_rule(msgspec.json.decode(content))
