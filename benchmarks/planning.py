"""Planning: a nested rule of fifty parties applied to orders. No database; the bar is a plan in less than a millisecond."""

from __future__ import annotations

from typing import Any

from benchmarks.bench import Bench
from benchmarks.registry import row
from cauce.marketplace.splits.rules.evaluation import OrderFacts
from cauce.marketplace.splits.rules.parsing import parse_rule
from cauce.marketplace.splits.rules.provider_fee import plan_split
from cauce.marketplace.splits.rules.schema import SplitRule, parties_of

PLANS = 2_000
PARTIES = 50


def nested_rule() -> SplitRule:
    """Fifty parties on four levels: chains, their stores, the stores' people, one's helper."""

    def part(name: str, value: str, children: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        found = {"to": f"party:{name}", "kind": "percent", "value": value}
        return found | {"children": children} if children else found

    def people(store: str) -> list[dict[str, Any]]:
        first = part(f"{store}-0", "0.06", [part("helper", "0.5")] if store == "0-0" else None)
        return [first, *(part(f"{store}-{n}", "0.06") for n in range(1, 4))]

    chains = [part(f"{c}", "0.21", [part(f"{c}-{s}", "0.3", people(f"{c}-{s}")) for s in range(2)]) for c in range(4)]
    return parse_rule(
        {
            "name": "nested",
            "currency": "eur",
            "parts": [
                {"to": "fee", "kind": "percent", "value": "0.05", "min": 10},
                *({"to": f"party:fixed-{n}", "kind": "fixed", "value": 3 + n} for n in range(3)),
                *chains,
                {"to": "party:seller", "kind": "remainder"},
            ],
        }
    )


@row("planning.nested_50", "plans/s")
async def nested_50(bench: Bench) -> float:
    """The rule applied to an order, the provider's fee taken from its bearer."""
    rule = nested_rule()
    assert len(parties_of(rule.parts)) == PARTIES, "the rule is what the row says"
    facts = [OrderFacts(10_000 + n * 37, provider_fee_minor=60 + n % 7) for n in range(PLANS)]
    plan_split(rule, facts[0])
    with bench.stopwatch() as watch:
        for one in facts:
            plan_split(rule, one)
    return watch.rate(PLANS)
