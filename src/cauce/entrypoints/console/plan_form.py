"""A plan as a form, and a form as a plan: amounts in major units, tiers as lines, the rest as in the catalogue's file.

What the form has no field for (phases, rare price models, policy, options) stands in a field of YAML as the file
writes it, so that an edit loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import yaml

from cauce.kernel.currencies import exponent_of
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import major_text, parse_major

PRICES_MAX = 20
MODELS = ("flat", "per_unit", "package", "graduated", "volume", "other")
INTERVALS = ("day", "week", "month", "quarter", "year")
_TEXTS = ("key", "nickname", "currency", "kind", "role", "billing", "interval", "meter_key", "tax_category")
DEFAULTS: dict[str, Any] = {
    "kind": "recurring", "role": "base", "billing": "in_advance", "interval": "month", "interval_count": 1,
    "meter_key": None, "tax_category": "standard", "tax_inclusive": False, "nickname": "",
}  # fmt: skip
"""Fields of a price that the file may leave out."""
_PLAN_FIELDS = ("key", "name", "trial_days", "features", "prices")


class _Loader(yaml.SafeLoader):
    """YAML without aliases: a few lines cannot grow into gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """A node that stands here itself."""
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias is not read")
        return super().compose_node(parent, index)


def plan_content(fields: Mapping[str, str]) -> dict[str, Any]:
    """The plan that a form describes, as the catalogue's file writes it; names the field that cannot be read."""
    more = read_yaml(fields.get("more", ""), "more")
    if set(more) & set(_PLAN_FIELDS):
        raise InvalidRequest("what has a field of its own is not written below it", param="more")
    typed_days = fields.get("trial_days", "").strip() or "0"
    if not typed_days.isascii() or not typed_days.isdigit() or len(typed_days) > 4:
        raise InvalidRequest("the trial is a whole number of days", param="trial_days")
    features = read_yaml(fields.get("features", ""), "features")
    prices = [_price(fields, n) for n in range(PRICES_MAX) if fields.get(f"price{n}_key", "").strip()]
    content: dict[str, Any] = {
        "key": fields.get("key", "").strip(),
        "name": fields.get("name", "").strip() or fields.get("key", "").strip(),
        "prices": prices,
    }
    if not content["key"]:
        raise InvalidRequest("a plan has a key", param="key")
    return {
        **content,
        **({"trial_days": int(typed_days)} if int(typed_days) else {}),
        **({"features": features} if features else {}),
        **more,
    }


def plan_fields(content: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a form that describes a plan."""
    found = {
        "key": str(content.get("key", "")),
        "name": str(content.get("name", "")),
        "trial_days": str(content.get("trial_days", 0)),
        "features": written(content.get("features")),
        "more": written({name: value for name, value in content.items() if name not in _PLAN_FIELDS}),
    }
    for n, price in enumerate(content.get("prices", ())):
        found |= {f"price{n}_{name}": value for name, value in _price_fields(price).items()}
    return found


def prices_in(fields: Mapping[str, str]) -> int:
    """How many rows of prices a form has something in."""
    return max((n + 1 for n in range(PRICES_MAX) if fields.get(f"price{n}_key", "").strip()), default=0)


def _price(fields: Mapping[str, str], n: int) -> dict[str, Any]:
    typed = {name: fields.get(f"price{n}_{name}", "").strip() for name in (*_TEXTS, "interval_count", "tax_inclusive")}
    currency, count = typed["currency"].lower(), typed["interval_count"] or "1"
    exponent_of(currency)
    if not count.isascii() or not count.isdigit() or len(count) > 3:
        raise InvalidRequest("the interval is a whole number", param=f"price{n}_interval_count")
    more = read_yaml(fields.get(f"price{n}_more", ""), f"price{n}_more")
    own = more.pop("model", None)
    kind = fields.get(f"price{n}_model", "flat")
    given: dict[str, Any] = {
        **{name: typed[name] for name in ("key", "nickname", "kind", "role", "billing", "interval", "tax_category")},
        "currency": currency,
        "interval_count": int(count),
        "meter_key": typed["meter_key"] or None,
        "tax_inclusive": typed["tax_inclusive"] == "yes",
        "model": own if kind == "other" else model_of(kind, fields, n, currency),
    }
    if kind == "other" and not isinstance(own, dict):
        raise InvalidRequest("another price model is written as `model: {…}`", param=f"price{n}_more")
    if set(more) & set(given):
        raise InvalidRequest("what has a field of its own is not written below it", param=f"price{n}_more")
    kept = {name: value for name, value in given.items() if name not in DEFAULTS or (value and value != DEFAULTS[name])}
    return {**kept, **more}


def model_of(kind: str, fields: Mapping[str, str], n: int, currency: str) -> dict[str, Any]:
    """The price model that a row describes."""
    amount, param = fields.get(f"price{n}_amount", "").strip().replace(",", "."), f"price{n}_amount"
    if kind == "flat":
        return {"type": kind, "amount_minor": _minor(amount, currency, param)}
    if kind == "per_unit":
        return {"type": kind, "unit_amount": _rate(amount, currency, param)}
    if kind == "package":
        size = _decimal(fields.get(f"price{n}_size", ""), f"price{n}_size")
        return {"type": kind, "size": f"{size:f}", "package_minor": _minor(amount, currency, param)}
    if kind in ("graduated", "volume"):
        lines = [line.split() for line in fields.get(f"price{n}_tiers", "").splitlines() if line.strip()]
        return {"type": kind, "tiers": [_tier(line, currency, f"price{n}_tiers") for line in lines]}
    raise InvalidRequest(f"{kind!r} is no price model of this form", param=f"price{n}_model")


def _tier(words: Sequence[str], currency: str, param: str) -> dict[str, Any]:
    if not 2 <= len(words) <= 3:
        raise InvalidRequest("a tier is: up to, price of a unit, and a fee of the tier if it has one", param=param)
    up_to = None if words[0] == "*" else f"{_decimal(words[0], param):f}"
    tier: dict[str, Any] = {"up_to": up_to, "unit_amount": _rate(words[1].replace(",", "."), currency, param)}
    return {**tier, "flat_minor": _minor(words[2].replace(",", "."), currency, param)} if len(words) == 3 else tier


def _price_fields(price: Mapping[str, Any]) -> dict[str, str]:
    currency, model = str(price["currency"]), price["model"]
    known = {**DEFAULTS, **price}
    found = {name: str(known[name] or "") for name in _TEXTS}
    found |= {
        "interval_count": str(known["interval_count"]),
        "tax_inclusive": "yes" if known["tax_inclusive"] else "no",
    }
    more = {name: value for name, value in price.items() if name not in (*_TEXTS, *DEFAULTS, "model")}
    own = _model_fields(model, currency)
    try:
        is_plain = (
            model_of(own["model"], {f"price0_{name}": value for name, value in own.items()}, 0, currency) == model
        )
    except InvalidRequest:
        is_plain = False
    return {**found, **own, "more": written(more)} if is_plain else {
        **found, "model": "other", "more": written({"model": model, **more})
    }  # fmt: skip


def _model_fields(model: Mapping[str, Any], currency: str) -> dict[str, str]:
    kind, found = str(model.get("type")), {"model": str(model.get("type"))}
    if kind == "flat":
        found["amount"] = major_text(int(model["amount_minor"]), currency)
    elif kind == "per_unit":
        found["amount"] = _major_rate(model["unit_amount"], currency)
    elif kind == "package":
        found |= {"amount": major_text(int(model["package_minor"]), currency), "size": str(model["size"])}
    elif kind in ("graduated", "volume"):
        found["tiers"] = "\n".join(_tier_line(tier, currency) for tier in model.get("tiers", ()))
    return found


def _tier_line(tier: Mapping[str, Any], currency: str) -> str:
    words = [
        "*" if tier.get("up_to") is None else str(tier["up_to"]),
        _major_rate(tier.get("unit_amount", "0"), currency),
    ]
    return " ".join([*words, *([major_text(int(tier["flat_minor"]), currency)] if "flat_minor" in tier else [])])


def _minor(typed: str, currency: str, param: str) -> int:
    try:
        amount_minor = parse_major(typed, currency)
    except InvalidRequest as exc:
        raise InvalidRequest(exc.message, param=param) from exc
    if amount_minor < 0:
        raise InvalidRequest("a price is zero or more", param=param)
    return amount_minor


def _rate(typed: str, currency: str, param: str) -> str:
    """A price of a unit in minor units, as the exact decimal that models keep: ("0.105", "eur") -> "10.5"."""
    return f"{_decimal(typed, param).scaleb(exponent_of(currency)).normalize():f}"


def _major_rate(unit_amount: object, currency: str) -> str:
    return f"{Decimal(str(unit_amount)).scaleb(-exponent_of(currency)).normalize():f}"


def _decimal(typed: str, param: str) -> Decimal:
    try:
        exact = Decimal(typed.strip())
    except InvalidOperation:
        raise InvalidRequest(f"{typed!r} is no number", param=param) from None
    if not exact.is_finite() or exact < 0 or len(exact.as_tuple().digits) > 24:
        raise InvalidRequest(f"{typed!r} is no number of zero or more", param=param)
    return exact


def read_yaml(typed: str, param: str) -> dict[str, Any]:
    """A mapping of plain values; dates and binary fractions are none (money and rates are exact)."""
    try:
        found = yaml.load(typed, _Loader) if typed.strip() else {}  # noqa: S506
    except (yaml.YAMLError, ValueError) as exc:
        raise InvalidRequest(f"this cannot be read as YAML: {exc}", param=param) from exc
    if not isinstance(found, dict) or not _is_plain(found):
        raise InvalidRequest("lines like `name: value`; a decimal stands in quotes", param=param)
    return found


def _is_plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_plain(each) for name, each in value.items())
    if isinstance(value, list):
        return all(_is_plain(each) for each in value)
    return value is None or isinstance(value, str | bool | int)


def written(value: Any) -> str:
    """Plain values as lines of YAML; "" for nothing."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True).strip() if value else ""
