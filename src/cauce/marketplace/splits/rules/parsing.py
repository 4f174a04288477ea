"""A split rule read from JSON. Every mistake is refused with its place (`parts[2].children[0].value`) and what is wrong.

Percentages are texts, decimal or fraction; a JSON number with a point is refused, because it has lost its exact value
already. Unknown fields are refused: a misspelt `cap` must not become an uncapped fee.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from cauce.kernel.currencies import exponent_of
from cauce.marketplace.splits.rules import schema as s
from cauce.marketplace.splits.rules.fields import (
    bad,
    choice,
    flag,
    known,
    mapping,
    maybe_whole,
    ratio,
    rows,
    text,
    whole,
)
from cauce.pricing.models import BadTiers, Graduated, Tier, Volume
from cauce.pricing.rounding import Remainder

_RULE_KEYS = {
    "name", "version", "currency", "base", "rounding", "rounding_to", "on_short", "fee_bearer", "parts", "refund",
    "subsidy_max",
}  # fmt: skip
_BOUND_KEYS = {"min", "cap", "min_base", "max_base", "refundable", "condition"}
_PART_KEYS = {
    s.PartKind.FIXED: {"value", "children"},
    s.PartKind.PERCENT: {"value", "of", "greater_of", "tiers", "children"},
    s.PartKind.REMAINDER: {"weight", "children"},
    s.PartKind.SEQUENCE: {"value", "of", "fixed", "weight", "steps"},
    s.PartKind.KEPT: {"value", "of", "fixed", "weight"},
}
_REFUND_KEYS = {"policy", "on_shortfall", "who_bears_provider_fee", "order", "refund_fee"}


def parse_rule(document: Mapping[str, Any]) -> s.SplitRule:
    """The rule that `document` states; `BadSplitRule` with the place of the first mistake."""
    known(document, _RULE_KEYS, "")
    parts = tuple(_part(row, f"parts[{i}]", 1) for i, row in enumerate(rows(document, "parts", "parts")))
    if _count(parts) > s.PARTS_MAX:
        raise bad("parts", f"more than {s.PARTS_MAX} parts")
    rounding = choice(document, "rounding", "", Remainder, Remainder.LARGEST_REMAINDER)
    rounding_to = document.get("rounding_to")
    if (rounding is Remainder.NAMED_TAKES_ALL) != (rounding_to is not None):
        raise bad("rounding_to", "named_takes_all, and nothing else, names the party that takes the spare")
    if rounding_to is not None and rounding_to not in s.parties_of(parts):
        raise bad("rounding_to", f"no part goes to {rounding_to!r}")
    currency = text(document, "currency", "")
    exponent_of(currency)
    return s.SplitRule(
        name=text(document, "name", ""),
        version=whole(document, "version", "", 1),
        currency=currency,
        parts=parts,
        base=choice(document, "base", "", s.Base, s.Base.AMOUNT),
        rounding=rounding,
        rounding_to=rounding_to,
        on_short=choice(document, "on_short", "", s.OnShort, s.OnShort.REFUSE),
        fee_bearer=choice(document, "fee_bearer", "", s.FeeBearer, s.FeeBearer.SELLER),
        refund=_refund(document.get("refund", {})),
        subsidy_max_minor=whole(document, "subsidy_max", "", 0),
    )


def _part(row: Mapping[str, Any], at: str, depth: int) -> s.Part:
    if depth > s.DEPTH_MAX:
        raise bad(at, f"nested deeper than {s.DEPTH_MAX} levels")
    kind = choice(mapping(row, at), "kind", at, s.PartKind, None)
    known(row, {"to", "kind"} | _BOUND_KEYS | _PART_KEYS[kind], at)
    children = tuple(_part(each, f"{at}.children[{i}]", depth + 1) for i, each in enumerate(row.get("children", [])))
    if depth > 1 and kind is s.PartKind.REMAINDER:
        raise bad(at, "the rest of a divided part stays with its own party; a child cannot be the remainder")
    measure = _measure(row, kind, at, s.Of.BASE if depth == 1 else s.Of.PARENT)
    bounds = {name: maybe_whole(row, name, at) for name in ("min", "cap", "min_base", "max_base")}
    if isinstance(measure, s.Fixed | s.Rest) and (bounds["min"] is not None or bounds["cap"] is not None):
        raise bad(at, "min and cap bound a percentage; a fixed part or a remainder has none")
    for low, high in (("min", "cap"), ("min_base", "max_base")):
        least, most = bounds[low], bounds[high]
        if least is not None and most is not None and least > most:
            raise bad(f"{at}.{low}", f"{low} is above {high}")
    to = s.KEPT if kind is s.PartKind.KEPT else _party(row, at)
    if to == s.FEE and s.Of.AFTER_FEES in _bases(measure):
        raise bad(f"{at}.of", "a fee cannot be taken of what is left after the fees")
    return s.Part(
        to=to,
        kind=kind,
        measure=measure,
        min_minor=bounds["min"],
        cap_minor=bounds["cap"],
        min_base_minor=bounds["min_base"],
        max_base_minor=bounds["max_base"],
        refundable=flag(row, "refundable", at, True),
        condition=_condition(row["condition"], f"{at}.condition") if "condition" in row else None,
        children=children,
        steps=_steps(row, at) if kind is s.PartKind.SEQUENCE else (),
    )


def _measure(row: Mapping[str, Any], kind: s.PartKind, at: str, of: s.Of) -> s.Measure:
    """How the part is measured; a sequence and a kept part say it by the fields that they have."""
    if kind is s.PartKind.FIXED:
        return s.Fixed(whole(row, "value", at))
    if kind is s.PartKind.REMAINDER:
        return _rest(row, at)
    stated = [name for name in ("value", "fixed", "weight", "greater_of", "tiers") if name in row]
    if len(stated) > 1:
        raise bad(at, f"states {' and '.join(stated)}; one of them is enough")
    if "fixed" in row:
        return s.Fixed(whole(row, "fixed", at))
    of = choice(row, "of", at, s.Of, of)
    if "greater_of" in row:
        return s.GreaterOf(_choices(row, at, of))
    if "tiers" in row:
        return s.Tiered(_tiers(row["tiers"], f"{at}.tiers"), of)
    if "value" in row or kind is s.PartKind.PERCENT:
        return s.Percent(ratio(row, "value", at), of)
    return _rest(row, at)


def _bases(measure: s.Measure) -> set[s.Of]:
    """What the measure is taken of."""
    if isinstance(measure, s.GreaterOf):
        return {choice.of for choice in measure.choices if isinstance(choice, s.Percent)}
    return {measure.of} if isinstance(measure, s.Percent | s.Tiered) else set()


def _choices(row: Mapping[str, Any], at: str, of: s.Of) -> tuple[s.Fixed | s.Percent, ...]:
    found: list[s.Fixed | s.Percent] = []
    for i, each in enumerate(rows(row, "greater_of", f"{at}.greater_of")):
        place = f"{at}.greater_of[{i}]"
        kind = choice(mapping(each, place), "kind", place, s.PartKind, None)
        if kind is s.PartKind.FIXED:
            known(each, {"kind", "value"}, place)
            found.append(s.Fixed(whole(each, "value", place)))
        elif kind is s.PartKind.PERCENT:
            known(each, {"kind", "value", "of"}, place)
            found.append(s.Percent(ratio(each, "value", place), choice(each, "of", place, s.Of, of)))
        else:
            raise bad(f"{place}.kind", "is fixed or percent")
    return tuple(found)


def _tiers(document: Any, at: str) -> Graduated | Volume:
    known(mapping(document, at), {"mode", "tiers"}, at)
    tiers = []
    for i, row in enumerate(rows(document, "tiers", f"{at}.tiers")):
        place = f"{at}.tiers[{i}]"
        known(mapping(row, place), {"up_to", "value", "flat"}, place)
        up_to = None if row.get("up_to") is None else Fraction(whole(row, "up_to", place))
        tiers.append(Tier(up_to, ratio(row, "value", place), whole(row, "flat", place, 0)))
    mode = document.get("mode")
    if mode not in ("graduated", "volume"):
        raise bad(f"{at}.mode", "is graduated or volume")
    try:
        return Graduated(tuple(tiers)) if mode == "graduated" else Volume(tuple(tiers))
    except BadTiers as exc:
        raise bad(f"{at}.tiers", exc.message) from exc


def _steps(row: Mapping[str, Any], at: str) -> tuple[s.Step, ...]:
    steps = []
    stated = rows(row, "steps", f"{at}.steps")
    for i, each in enumerate(stated):
        place = f"{at}.steps[{i}]"
        known(mapping(each, place), {"to", "cap"}, place)
        rest = each.get("cap") == "rest"
        if rest != (i == len(stated) - 1):
            raise bad(f"{place}.cap", "the last step, and no other, takes the rest")
        steps.append(s.Step(_party(each, place), None if rest else whole(each, "cap", place)))
    return tuple(steps)


def _condition(document: Any, at: str) -> s.Condition:
    known(mapping(document, at), {"party", "attribute", "equals"}, at)
    return s.Condition(text(document, "party", at), text(document, "attribute", at), text(document, "equals", at))


def _refund(document: Any) -> s.RefundTerms:
    at = "refund"
    known(mapping(document, at), _REFUND_KEYS, at)
    policy = choice(document, "policy", at, s.RefundPolicy, s.RefundPolicy.PROPORTIONAL)
    order = tuple(document.get("order", ()))
    if (policy is s.RefundPolicy.BY_ORDER) != bool(order):
        raise bad(f"{at}.order", "by_order, and nothing else, lists the parties in their order")
    if document.get("refund_fee") not in (None, "borne_by_receivers"):
        raise bad(f"{at}.refund_fee", "is borne_by_receivers or absent")
    return s.RefundTerms(
        policy,
        choice(document, "on_shortfall", at, s.OnShortfall, s.OnShortfall.REFUSE),
        choice(document, "who_bears_provider_fee", at, s.FeeBearer, s.FeeBearer.PLATFORM),
        order,
        document.get("refund_fee") == "borne_by_receivers",
    )


def _rest(row: Mapping[str, Any], at: str) -> s.Rest:
    weight = maybe_whole(row, "weight", at)
    if weight == 0:
        raise bad(f"{at}.weight", "is one or more")
    return s.Rest(weight)


def _party(row: Mapping[str, Any], at: str) -> str:
    to = text(row, "to", at)
    if to != s.FEE and not (to.startswith("party:") and len(to) > len("party:")):
        raise bad(f"{at}.to", f"{to!r} is neither fee nor party:<role>")
    return to


def _count(parts: tuple[s.Part, ...]) -> int:
    return sum(1 + len(part.steps) + _count(part.children) for part in parts)
