"""What the check answers: the bill, above it what was granted by hand, above everything a suspension."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from cauce.flows.billing.check_access import Check, decide

NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
NOTHING = {
    "subscription_id": None,
    "limits": None,
    "product_id": None,
    "level": None,
    "features": None,
    "feature": None,
    "value": None,
    "ends_at": None,
}


def bill(level: str, product: str = "app", **features: Any) -> dict[str, Any]:
    found = {"subscription_id": f"sub_{product}", "limits": {}, "product_id": product, "level": level}
    return NOTHING | found | {"features": features}


def grant(level: str | None = None, product: str = "", **feature: Any) -> dict[str, Any]:
    name, value = next(iter(feature.items()), (None, None))
    return NOTHING | {"product_id": product, "level": level, "feature": name, "value": value}


OVER = grant("full") | {"ends_at": NOW}


@pytest.mark.parametrize(
    ("rows", "feature", "product", "answer"),
    [
        ([NOTHING], "", "", ("none", False, None)),
        ([bill("full", export=True)], "export", "", ("full", True, True)),
        ([bill("grace", projects=5), bill("full", projects=9)], "projects", "", ("full", True, 9)),
        # What only an ended subscription gave is not given by another that runs.
        ([bill("none", "old", projects=100), bill("full", projects=5)], "projects", "", ("full", True, 5)),
        ([bill("none", "old", export=True), bill("full")], "export", "", ("full", False, True)),
        ([bill("full", export=True)], "export", "other", ("none", False, None)),
        # By hand, above the bill in both directions, the last word holding.
        ([bill("none", export=True), grant("full")], "export", "", ("full", True, True)),
        ([bill("full", export=True), grant("read_only")], "export", "", ("read_only", False, True)),
        ([bill("full"), grant("none"), grant("full")], "", "", ("full", True, None)),
        ([bill("full"), bill("full", "other"), grant("none", "app")], "", "", ("full", True, None)),
        ([bill("full"), bill("full", "other"), grant("none", "app")], "", "app", ("none", False, None)),
        ([bill("none"), OVER], "", "", ("none", False, None)),
        ([bill("none", export=False), grant(export=True)], "export", "", ("none", True, True)),
    ],
)
def test_an_answer_follows_the_bill_and_the_hand(
    rows: list[dict[str, Any]], feature: str, product: str, answer: tuple[str, bool, Any]
) -> None:
    named = [{**row, "customer_id": "cus_1", "suspended": False} for row in rows]
    found = decide(named, Check("cus_1", feature, product), NOW)
    assert found is not None
    assert (found.level, found.allowed, found.value) == answer


@pytest.mark.parametrize(
    ("by_hand", "used", "overage", "answer"),
    [
        (None, 0, "block", (True, 5, 0, 5)),
        (None, 4, "block", (True, 5, 4, 1)),
        (None, 5, "block", (False, 5, 5, 0)),
        (None, 9, "allow", (True, 5, 9, 0)),
        (8, 5, "block", (True, 8, 5, 3)),
        (8, 8, "block", (False, 8, 8, 0)),
    ],
)
def test_a_metered_quota_is_allowed_while_something_is_left(
    by_hand: int | None, used: int, overage: str, answer: tuple[bool, int, int, int]
) -> None:
    row = bill("full", calls=5) | {"limits": {"calls": {"meter": "calls", "overage": overage}}}
    rows = [row, *([grant(calls=by_hand)] if by_hand else [])]
    named = [{**one, "customer_id": "cus_1", "suspended": False} for one in rows]
    found = decide(named, Check("cus_1", "calls"), NOW, {("sub_app", "calls"): Decimal(used)})
    assert found is not None
    assert (found.allowed, found.value, found.used, found.remaining) == answer


@pytest.mark.parametrize("feature", ["", "export"])
def test_nothing_is_allowed_while_the_customer_is_suspended(feature: str) -> None:
    rows = [bill("full", export=True), grant("full"), grant(export=True)]
    named = [{**row, "customer_id": "cus_1", "suspended": True} for row in rows]
    found = decide(named, Check("cus_1", feature), NOW)
    assert found is not None
    assert (found.level, found.allowed) == ("none", False)
