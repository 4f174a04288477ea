"""What a split rule does to an order, as tables: every part with its exact value, its rounding and its reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.web.tables import Table, amount, columns, ident, number, text, word
from cauce.entrypoints.web.typed import minor_units
from cauce.flows.marketplace.simulate import Simulation
from cauce.kernel.currencies import exponent_of
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import parse_major
from cauce.marketplace.splits.rules.evaluation import SELLER, OrderFacts, evaluate
from cauce.marketplace.splits.rules.schema import FEE, Base, SplitRule

DOCUMENT_CHARACTERS_MAX = 100_000
LINES_MAX = 500


def read_document(typed: str) -> dict[str, Any]:
    """A rule's document from JSON as it was typed in; binary fractions are refused where the rule is read."""
    if len(typed) > DOCUMENT_CHARACTERS_MAX:
        raise InvalidRequest(f"a document has at most {DOCUMENT_CHARACTERS_MAX} characters", param="document")
    try:
        found = json.loads(typed)
    except (ValueError, RecursionError) as exc:
        raise InvalidRequest(f"this is no JSON: {exc}", param="document") from exc
    if not isinstance(found, dict):
        raise InvalidRequest("a rule is a JSON object", param="document")
    return found


def order_facts(fields: Mapping[str, str], currency: str) -> OrderFacts:
    """An order as typed in: amounts in major units of the rule's currency, lines and parties with spaces between."""
    exponent_of(currency)
    lines = tuple(_zero_or_more(one, currency) for one in fields.get("lines", "").split()[:LINES_MAX])
    total = minor_units(fields.get("amount", ""), currency)
    if lines and sum(lines) != total:
        raise InvalidRequest("the lines sum to the amount", param="lines")
    fee = fields.get("provider_fee", "").strip()
    roles = fields.get("parties", "").split()
    return OrderFacts(
        total,
        provider_fee_minor=_zero_or_more(fee, currency) if fee else 0,
        lines_minor=lines or (total,),
        parties=frozenset({SELLER, FEE, *(f"party:{role}" for role in roles)}) if roles else None,
    )


def _zero_or_more(typed: str, currency: str) -> int:
    amount_minor = parse_major(typed.replace(",", "."), currency)
    if amount_minor < 0:
        raise InvalidRequest("an amount is zero or more", param="lines")
    return amount_minor


def explained(rule: SplitRule, order: OrderFacts) -> list[Table]:
    """Who gets what of an order, cent by cent, and below it each party's sum."""
    found = evaluate(rule, order)
    parts = Table(
        columns("split_rules.to", "split_rules.why", "split_rules.exact>", "split_rules.rank>", "split_rules.rounded>", "split_rules.gets>"),
        [
            (
                text(one.to, note=one.path),
                word(f"split.reason.{one.reason}"),
                ident(f"{one.exact}"),
                number(one.rank),
                amount(one.rounded_minor, found.currency),
                amount(one.amount_minor, found.currency),
            )
            for one in found.allocations
        ],
        title="split_rules.explained",
    )  # fmt: skip
    sums = [(text(party), amount(each, found.currency)) for party, each in found.by_party().items()]
    if found.left_over_minor:
        sums.append((word("split_rules.left_over"), amount(found.left_over_minor, found.currency)))
    base = "split_rules.base_net" if rule.base is Base.NET_OF_PROVIDER_FEE else "split_rules.base"
    sums.append((word(base), amount(found.base_minor, found.currency)))
    return [parts, Table(columns("split_rules.to", "split_rules.gets>"), sums, title="split_rules.sums")]


def simulated(found: Simulation, currency: str, names: Mapping[str, str]) -> list[Table]:
    """What a rule would have made of past orders: sums by party before and after, what it refuses, orders that differ.

    `names`: of merchants by id; a party without one stands under its own.
    """
    sums = Table(
        columns("split_rules.to", "split_rules.before>", "split_rules.after>", "split_rules.more>"),
        [
            (
                text(names.get(party, party), href=link_to(party) if party in names else ""),
                amount(found.before[party], currency),
                amount(found.after[party], currency),
                amount(found.after[party] - found.before[party], currency),
            )
            for party in sorted({*found.before, *found.after})
        ],
        none="split_rules.no_orders",
        title="split_rules.simulated",
    )
    refused = [(ident(code), number(count)) for code, count in sorted(found.refused.items())]
    counted = [
        (word("split_rules.orders"), number(found.orders)),
        (word("split_rules.changed"), number(found.changed)),
        *refused,
    ]
    return [sums, Table(columns("split_rules.counted", "split_rules.orders>"), counted)]
