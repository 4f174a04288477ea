"""What a catalogue file says of plans, coupons, tax rates and meters, as values and back. Pure.

Written out, whatever is as it would be anyway is left out; two plans have the same terms when they are written the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar

import msgspec

from cauce.billing.catalog.policies import new_policy, policy_to_plain, unknown_field
from cauce.billing.catalog.rules import BadPlan, NewPhase, NewPlan, NewPrice, PlanPolicy, PriceKind
from cauce.kernel.calendar.periods import interval_of
from cauce.kernel.errors import InvalidRequest

T = TypeVar("T")
_POLICY = policy_to_plain(PlanPolicy())


class BadCatalogue(InvalidRequest):
    """The catalogue file cannot be understood."""

    code = "bad_catalogue"


@dataclass(frozen=True, slots=True)
class FileProduct:
    """A product; what is None is left as it is."""

    key: str
    name: str = ""
    description: str = ""
    category: str | None = None
    metadata: dict[str, Any] | None = None
    archived: bool | None = None
    plans: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class FilePlan:
    """A plan's terms; `published` and `metadata` None: left as they are."""

    terms: NewPlan
    published: bool | None
    metadata: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class _PlanWords:
    key: str
    name: str = ""
    published: bool | None = None
    trial_days: int = 0
    policy: dict[str, Any] = field(default_factory=dict)
    features: dict[str, Any] = field(default_factory=dict)
    options: tuple[dict[str, Any], ...] = ()
    prices: tuple[NewPrice, ...] = ()
    metadata: dict[str, Any] | None = None
    content: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FileCoupon:
    """A coupon; `products` are keys, `percent` a decimal string."""

    code: str
    name: str = ""
    percent: str | None = None
    amount_minor: int | None = None
    currency: str | None = None
    duration: Literal["once", "repeating", "forever"] = "once"
    duration_periods: int | None = None
    products: tuple[str, ...] = ()
    first_purchase: bool = False
    redemptions_max: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FileTaxRate:
    """The tax of a country ("" wherever nothing better is known) and category; `percent` is a decimal string."""

    percent: str
    country: str = ""
    category: str = "standard"
    name: str = ""


@dataclass(frozen=True, slots=True)
class FileMeter:
    """A meter."""

    key: str
    aggregation: Literal["count", "sum", "max", "unique", "latest", "weighted"]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Exported:
    """Where a file was written from, and which plans were sold there: what such a file omits was taken out of it."""

    organization: str = ""
    plans: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A whole file."""

    products: tuple[FileProduct, ...]
    coupons: tuple[FileCoupon, ...] = ()
    tax_rates: tuple[FileTaxRate, ...] = ()
    meters: tuple[FileMeter, ...] = ()
    exported: Exported = Exported()


def catalogue_from(content: object) -> Catalogue:
    """The file's content, each field known and of its type; `BadCatalogue` names the first that is not."""
    products = content.get("products") if isinstance(content, Mapping) else None
    if not isinstance(products, list) or not all(isinstance(one, dict) and "key" in one for one in products):
        raise BadCatalogue("a catalogue has a list of products, each with a key", param="products")
    found = _read(content, Catalogue, "the catalogue")
    for plan in (plan for product in found.products for plan in product.plans):
        if "key" not in plan:
            raise BadCatalogue("a plan has a key", param="plans")
    for coupon in found.coupons:
        if coupon.expires_at is not None and coupon.expires_at.tzinfo is None:
            raise BadCatalogue(f"coupon {coupon.code}: expires_at names its zone", param="coupons")
    return found


def plan_from(content: Mapping[str, Any], product_id: str) -> FilePlan:
    """A plan from its form in the file; refuses a field that no plan, price or policy has."""
    if not isinstance(content, Mapping) or not content.get("key"):
        raise BadCatalogue("a plan has a key", param="plans")
    said = _read(content, _PlanWords, f"plan {content['key']}", BadPlan)
    terms = NewPlan(
        key=said.key,
        product_id=product_id,
        name=said.name or said.key,
        prices=said.prices,
        trial_days=said.trial_days,
        features=said.features,
        options=said.options,
        policy=new_policy(said.policy),
        content=said.content,
        metadata=said.metadata or {},
        from_file=True,
    )
    return FilePlan(terms, said.published, said.metadata)


def plan_to_file(plan: NewPlan) -> dict[str, Any]:
    """A plan's terms as the file says them; what is the default is left out."""
    policy = {
        name: value
        if not isinstance(value, dict)
        else {part: one for part, one in value.items() if one != _POLICY[name][part]}
        for name, value in policy_to_plain(plan.policy).items()
        if value != _POLICY[name]
    }
    said: dict[str, Any] = {"key": plan.key, "name": plan.name}
    optional = {
        "trial_days": plan.trial_days,
        "policy": policy,
        "features": plan.features,
        "options": list(plan.options),
        "content": plan.content,
    }
    said |= {name: value for name, value in optional.items() if value}
    return said | {"prices": [price_to_file(price) for price in plan.prices]}


def price_to_file(price: NewPrice) -> dict[str, Any]:
    """A price as the file says it; a quarter is three months, and what is bought once has no interval."""
    if price.kind is PriceKind.ONE_TIME:
        price = replace(price, interval="month", interval_count=1)
    else:
        span = interval_of(price.interval, price.interval_count)
        price = replace(price, interval=span.unit.value, interval_count=span.count)
    phases = tuple(_phase(phase) for phase in price.phases)
    plain: dict[str, Any] = msgspec.to_builtins(replace(price, phases=phases))
    usual: dict[str, Any] = msgspec.to_builtins(NewPrice("", "", {}))
    kept = {name: value for name, value in plain.items() if value != usual[name] or name in ("key", "currency")}
    if phases:
        usual_phase = msgspec.to_builtins(NewPhase({}))
        kept["phases"] = [{name: v for name, v in one.items() if v != usual_phase[name]} for one in plain["phases"]]
    return kept


def same_terms(one: NewPlan, other: NewPlan) -> bool:
    """Whether two plans sell the same: written to a file they are the same words, of the same product."""
    return one.product_id == other.product_id and _words(plan_to_file(one)) == _words(plan_to_file(other))


def decimal_text(number: Decimal) -> str:
    """A number as a decimal string without spare zeros."""
    return f"{number.normalize():f}"


def given(value: object) -> dict[str, Any]:
    """A coupon, tax rate or meter as the file says it: what is the default is left out."""
    plain: dict[str, Any] = msgspec.to_builtins(value)
    return {name: one for name, one in plain.items() if one not in (None, "", False, [])}


def _phase(phase: NewPhase) -> NewPhase:
    if not phase.interval:
        return replace(phase, interval_count=1)
    span = interval_of(phase.interval, phase.interval_count)
    return replace(phase, interval=span.unit.value, interval_count=span.count)


def _words(content: dict[str, Any]) -> bytes:
    return msgspec.json.encode(content, order="sorted")


def _read(content: object, shape: type[T], where: str, error: type[InvalidRequest] = BadCatalogue) -> T:
    param = "prices" if error is BadPlan else None
    try:
        found = msgspec.convert(content, shape, strict=True)
    except msgspec.ValidationError as exc:
        raise error(f"{where}: {exc}", param=param) from exc
    unknown = unknown_field(content, msgspec.to_builtins(found))
    if unknown:
        raise error(f"{where} has no field {unknown}", param=param or unknown)
    return found
