"""Every price model of `cauce.pricing`, from the catalogue's file over recorded use to the invoice, preview and export alike (A8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, get_args

import pytest

from cauce.billing.catalog.models import BadModel, price_model_from
from cauce.billing.catalog.rules import BadPlan
from cauce.billing.usage.rules import UsageEvent
from cauce.flows.billing.catalogue import apply_catalogue, export_catalogue
from cauce.flows.billing.current_usage import current_usage
from cauce.flows.billing.upcoming import upcoming_invoice
from cauce.flows.billing.usage import record_usage
from cauce.pricing.models import Model
from cauce.pricing.percentage import PercentagePrice
from tests.cases.files import all_cases
from tests.flows.billing.shop import BEGIN, Shop

DAY = timedelta(days=1)
BLOCKS = [
    {"block_size": "10", "max_blocks": 2, "block_minor": 100},
    {"block_size": "50", "max_blocks": None, "block_minor": 300},
]
TIERS = [{"up_to": "10", "unit_amount": "5", "flat_minor": 100}, {"up_to": "20", "unit_amount": "4"}]


@dataclass(frozen=True)
class Told:
    """A price, what was used, and what the invoice says of it: usage, and a minimum beside it."""

    model: dict[str, Any]
    values: tuple[str, ...]
    usage_minor: int
    minimum_minor: int = 0
    name: str = field(default="", compare=False)


OWN = (
    Told({"type": "flat", "amount_minor": 700}, ("1",), 700),
    Told({"type": "markup", "multiplier": "1.15"}, ("1001",), 1_151),
    Told({"type": "per_unit", "unit_amount": "0.5", "included_units": "3"}, ("4", "5"), 3),
    Told({"type": "per_unit", "unit_amount": "10", "minimum_minor": 500}, ("30",), 300, 200),
    Told({"type": "per_unit", "unit_amount": "10", "minimum_minor": 500, "maximum_minor": 800}, ("90",), 800),
    Told({"type": "per_unit", "unit_amount": "10", "minimum_minor": 500}, (), 0, 500),
    Told({"type": "package", "size": "10", "package_minor": 100, "free_units": "1"}, ("32",), 400),
    Told({"type": "package", "size": "10", "package_minor": 100, "whole_only": True}, ("39",), 300),
    Told({"type": "graduated_blocks", "tiers": BLOCKS}, ("35",), 500),
    Told({"type": "volume_blocks", "tiers": BLOCKS}, ("35",), 300),
    Told({"type": "graduated", "tiers": TIERS, "overflow": "covered_only"}, ("99",), 190),
    Told({"type": "volume", "tiers": TIERS, "zero_usage_flat_fee": True}, (), 100),
    Told({"type": "percentage", "rate_percent": "2.9", "fixed_per_event_minor": 30}, ("1000", "200.5"), 95),
    Told(
        {"type": "percentage", "rate_percent": "10", "free_events": 1, "max_per_event_minor": 50, "maximum_minor": 90},
        ("999", "1000", "-5", "1000"),
        90,
    ),
)


def of_cases() -> list[Told]:
    """The shared cases of rating that a meter can be asked: those without a base or an earlier bill."""
    found = []
    for case in all_cases():
        given = dict(case.inputs)
        refused = "refused" in case.expected or "base_minor" in given
        if case.kind == "rating" and not refused and "prorated_quantity" not in given:
            model = {"type": given["model"], **{k: v for k, v in given.items() if k in ("tiers", "unit_amount")}}
            if given["model"] == "package":
                model |= {"size": given["package_size"], "package_minor": given["package_minor"]}
                model |= {"free_units": given["free_units"]} if "free_units" in given else {}
            model |= {"multiplier": given["multiplier"]} if "multiplier" in given else {}
            known = ("zero_usage_flat_fee", "overflow")
            model |= {name: value for name, value in case.options.items() if name in known}
            used = () if Decimal(given["quantity"]) == 0 else (given["quantity"],)
            found.append(Told(model, used, case.expected["amount_minor"], name=case.id))
        elif case.kind == "percentage_rating" and not refused:
            terms = {k: v for k, v in given.items() if k not in ("currency", "events_minor")}
            values = tuple(map(str, given["events_minor"]))
            found.append(Told({"type": "percentage", **terms}, values, case.expected["amount_minor"], name=case.id))
    return found


def file_of(told: list[Told]) -> dict[str, Any]:
    """One plan that sells everything, each by a meter of its own."""
    prices = [
        {
            "key": f"p{n}", "currency": "eur", "kind": "usage", "billing": "in_arrears", "meter_key": f"m{n}",
            "model": one.model,
        }
        for n, one in enumerate(told)
    ]  # fmt: skip
    plan = {"key": "all", "name": "All", "prices": prices}
    meters = [{"key": f"m{n}", "aggregation": "sum"} for n in range(len(told))]
    return {"products": [{"key": "app", "name": "App", "plans": [plan]}], "meters": meters}


async def used(seller: Shop, told: list[Told], since: int = 0) -> None:
    """Record what was used, in its order."""
    for n, one in enumerate(told):
        events = [
            UsageEvent("test", f"{since}:{n}:{at}", f"m{n}", "ana", Decimal(value), BEGIN + timedelta(days=since, minutes=at))
            for at, value in enumerate(one.values)
        ]  # fmt: skip
        if events:
            await record_usage(seller.context, events)


async def test_every_model_is_billed_as_its_rule_says_from_the_file_to_the_invoice(seller: Shop) -> None:
    told = [*OWN, *of_cases()]
    kinds = {type(price_model_from(one.model)) for one in told}
    assert kinds == {*get_args(Model), PercentagePrice}, "each model that there is"
    await apply_catalogue(seller.context, file_of(told))
    assert await apply_catalogue(seller.context, await export_catalogue(seller.context), dry_run=True) == []
    await seller.card("ana")
    one = (await seller.sign_up("ana", "all")).subscription_id
    await seller.advance(DAY)
    await used(seller, told)
    so_far = {use.meter: use.amount_minor for use in (await current_usage(seller.context, one)).meters}
    preview = (await upcoming_invoice(seller.context, one)).bill.priced
    await seller.advance(31 * DAY)
    billed = (await seller.invoices(one))[-1]
    got: dict[str, dict[str, int]] = {}
    for line in billed["lines"]:
        got.setdefault(line["description"], {})[line["kind"]] = line["amount_minor"]
    for n, wanted in enumerate(told):
        lines = got.get(f"p{n}", {})
        assert (lines.get("usage", 0), lines.get("minimum", 0)) == (wanted.usage_minor, wanted.minimum_minor), wanted
        assert so_far[f"m{n}"] == wanted.usage_minor + wanted.minimum_minor, wanted
    assert preview.total_minor == billed["total_minor"], "the preview is the bill"
    await seller.prove()


async def test_use_that_comes_late_is_rated_by_the_same_model(seller: Shop) -> None:
    told = [
        Told(
            {"type": "percentage", "rate_percent": "10", "free_events": 1, "max_per_event_minor": 50},
            ("999", "100"),
            10,
        )
    ]
    await apply_catalogue(seller.context, file_of(told))
    await seller.card("ana")
    one = (await seller.sign_up("ana", "all")).subscription_id
    await seller.advance(DAY)
    await used(seller, told)
    await seller.advance(31 * DAY)
    await record_usage(
        seller.context, [UsageEvent("test", "late", "m0", "ana", Decimal(4_000), BEGIN + timedelta(days=1))]
    )
    await seller.advance(31 * DAY)
    amounts = [line["amount_minor"] for invoice in await seller.invoices(one) for line in invoice["lines"]]
    assert amounts == [10, 50], "one event more, within its bound"
    await seller.prove()


async def test_commitments_are_those_of_a_whole_period_and_a_stub_has_its_part(seller: Shop) -> None:
    told = [
        Told({"type": "per_unit", "unit_amount": "1", "minimum_minor": 3_100}, (), 0),
        Told({"type": "per_unit", "unit_amount": "1", "maximum_minor": 3_100}, ("9000",), 0),
    ]
    content = file_of(told)
    content["products"][0]["plans"][0]["policy"] = {"anchor_day": 25}
    await apply_catalogue(seller.context, content)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "all")).subscription_id
    await used(seller, told)
    await seller.advance(11 * DAY)
    (billed,) = [invoice for invoice in await seller.invoices(one) if invoice["lines"]]
    amounts = [line["amount_minor"] for line in billed["lines"] if line["amount_minor"]]
    assert amounts == [1_000, 1_000], "ten of 31 days"


async def test_a_volume_price_may_bill_a_part_of_the_quantity_in_a_part_of_a_period(seller: Shop) -> None:
    tiers = [{"up_to": "10", "unit_amount": "100"}, {"up_to": None, "unit_amount": "31", "flat_minor": 50}]
    base = {"key": "seats", "currency": "eur", "model": {"type": "volume", "tiers": tiers}}
    by_part = {**base, "model": {**base["model"], "prorated_quantity": True}}
    plans = [
        {"key": key, "prices": [price], "policy": {"anchor_day": 25}} for key, price in (("a", base), ("b", by_part))
    ]
    await apply_catalogue(seller.context, {"products": [{"key": "app", "plans": plans}]})
    await seller.card("ana")
    first = []
    for key in ("a", "b"):
        done = await seller.sign_up("ana", key, quantities={"seats": "20"})
        first.append((await seller.invoices(done.subscription_id))[0]["total_minor"])
    whole = 20 * 31 + 50
    assert first == [round_half_up(Fraction(whole * 10, 31)), 20 * 10 + 50], (
        "the flat fee is whole, the tier that of 20"
    )


def round_half_up(exact: Fraction) -> int:
    return int(exact + Fraction(1, 2))


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("recurring", {"type": "percentage", "rate_percent": "1"}),
        ("recurring", {"type": "flat", "amount_minor": 1, "minimum_minor": 5}),
        ("recurring", {"type": "per_unit", "unit_amount": "1", "included_units": "5"}),
        ("usage", {"type": "per_unit", "unit_amount": "1", "minimum_minor": 5, "maximum_minor": 4}),
        ("usage", {"type": "per_unit", "unit_amount": "1", "prorated_quantity": True}),
        ("usage", {"type": "per_unit", "unit_amount": "1", "minimun_minor": 5}),
        ("usage", {"type": "percentage", "rate_percent": "1", "min_per_event_minor": 5, "max_per_event_minor": 4}),
        ("usage", {"type": "percentage", "rate_percent": 1.5}),
        ("usage", {"type": "percentage", "rate_percent": "1", "included_units": "5"}),
        ("usage", {"type": "graduated", "tiers": [{"up_to": None, "unit_price": "1"}]}),
        ("usage", {"type": "graduated", "tiers": ["1"]}),
        ("usage", {"type": "graduated", "tiers": TIERS, "overflow": "free"}),
        ("usage", {"type": "package", "size": "10", "package_minor": 1, "whole_only": "yes"}),
    ],
)
async def test_a_model_that_could_not_be_billed_as_it_is_written_is_refused(
    seller: Shop, kind: str, model: dict[str, Any]
) -> None:
    price: dict[str, Any] = {"key": "p", "currency": "eur", "kind": kind, "model": model}
    if kind == "usage":
        price |= {"billing": "in_arrears", "meter_key": "m"}
    with pytest.raises((BadModel, BadPlan)):
        await apply_catalogue(
            seller.context, {"products": [{"key": "app", "plans": [{"key": "x", "prices": [price]}]}]}
        )
    assert (await export_catalogue(seller.context))["products"] == []


async def test_usage_is_billed_in_arrears_or_refused(seller: Shop) -> None:
    price = {
        "key": "p",
        "currency": "eur",
        "kind": "usage",
        "meter_key": "m",
        "model": {"type": "flat", "amount_minor": 1},
    }
    with pytest.raises(BadPlan, match="arrears"):
        await apply_catalogue(
            seller.context, {"products": [{"key": "app", "plans": [{"key": "x", "prices": [price]}]}]}
        )
