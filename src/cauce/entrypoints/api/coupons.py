"""`/v1/coupons`, `/v1/tax_rates`, `/v1/meters`: what is taken off, what is added, what is counted."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.catalog import service
from cauce.billing.catalog.service import NewCoupon
from cauce.billing.usage import service as usage
from cauce.entrypoints.api.access import BillingWriter, Reader
from cauce.entrypoints.api.catalog import Key, Text, find_product
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import Id, MoneyBody, resource, resources, unique, whole_list
from cauce.entrypoints.api.shapes import Body
from cauce.flows.billing.usage import create_meter
from cauce.flows.context import Context
from cauce.kernel.errors import NotFound
from cauce.storage.database import Row, Tx

router = APIRouter(prefix="/v1", tags=["catalog"])

DecimalText = Annotated[str, Field(pattern=r"^[0-9]{1,18}(\.[0-9]{1,12})?$")]


class CouponBody(Body):
    """A coupon that takes off a percentage (a decimal string) or an amount."""

    code: Key
    name: Text = ""
    percent: DecimalText | None = None
    amount_off: MoneyBody | None = None
    duration: Annotated[str, Field(pattern="^(once|repeating|forever)$")] = "once"
    duration_periods: Annotated[int, Field(strict=True, ge=1, le=1_200)] | None = None
    products: list[Key] = Field(default_factory=list, max_length=100)
    first_purchase: bool = False
    redemptions_max: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)] | None = None
    expires_at: AwareDatetime | None = None


class TaxRateBody(Body):
    """The tax of a country (ISO 3166; "" wherever nothing better is known) and category, in percent."""

    country: Annotated[str, Field(pattern="^([A-Z]{2})?$")]
    category: Key = "standard"
    percent: Annotated[str, Field(pattern=r"^[0-9]{1,3}(\.[0-9]{1,12})?$")]
    name: Text = ""


class MeterBody(Body):
    """A meter; how it counts never changes."""

    key: Key
    aggregation: Annotated[str, Field(pattern="^(count|sum|max|unique|latest|weighted)$")]
    name: Text = ""


@router.get("/coupons")
async def list_coupons(caller: Reader) -> dict[str, Any]:
    """Every coupon, by code."""
    async with caller.context.transaction() as tx:
        return whole_list([_coupon(row) for row in await service.list_coupons(tx)])


@router.post("/coupons", status_code=201)
async def create_coupon(request: Request, caller: BillingWriter, body: CouponBody) -> Response:
    """A new coupon."""
    off = body.amount_off

    async def work(context: Context) -> object:
        async with unique("code"), context.transaction() as tx:
            products = [(await find_product(tx, key))["id"] for key in body.products]
            coupon = NewCoupon(
                body.code, body.percent, off.amount if off else None, off.currency if off else None, body.duration,
                body.duration_periods, tuple(products), body.first_purchase, body.redemptions_max, body.expires_at,
                body.name,
            )  # fmt: skip
            await service.create_coupon(tx, coupon, now=await context.now(tx), actor=context.actor.name)
            return _coupon(await _coupon_row(tx, body.code))

    return await answer_once(request, caller.context, work)


@router.post("/coupons/{code}/archive")
async def archive_coupon(request: Request, caller: BillingWriter, code: Id) -> Response:
    """Let a coupon be redeemed no longer; where it works already it goes on."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            await _coupon_row(tx, code)
            await service.archive_coupon(tx, code, await context.now(tx))
            return _coupon(await _coupon_row(tx, code))

    return await answer_once(request, caller.context, work, status=200)


@router.get("/tax_rates")
async def list_tax_rates(caller: Reader) -> dict[str, Any]:
    """Every tax rate; percentages are exact fractions in lowest terms or whole numbers."""
    async with caller.context.transaction() as tx:
        rates = await service.tax_rates(tx)
    data = [{"object": "tax_rate", "country": c, "category": k, "percent": str(rate)} for (c, k), rate in rates.items()]
    return whole_list(data)


@router.put("/tax_rates")
async def put_tax_rate(request: Request, caller: BillingWriter, body: TaxRateBody) -> Response:
    """Set the tax of a country and category for invoices to come."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            await service.put_tax_rate(tx, body.country, body.percent, category=body.category, name=body.name)
        return {"object": "tax_rate", **body.model_dump()}

    return await answer_once(request, caller.context, work, status=200)


@router.get("/meters")
async def list_meters(caller: Reader) -> dict[str, Any]:
    """Every meter."""
    async with caller.context.transaction() as tx:
        return whole_list(resources("meter", await usage.meters(tx)))


@router.put("/meters")
async def put_meter(request: Request, caller: BillingWriter, body: MeterBody) -> Response:
    """Make a meter; one that exists stays as it is, and another way of counting under its key is refused."""

    async def work(context: Context) -> object:
        made = await create_meter(context, body.key, body.aggregation, name=body.name)
        return {"object": "meter", **body.model_dump(), "created": made}

    return await answer_once(request, caller.context, work, status=200)


async def _coupon_row(tx: Tx, code: str) -> Row:
    row = next((one for one in await service.list_coupons(tx) if one["code"] == code), None)
    if row is None:
        raise NotFound(f"there is no coupon {code}", param="coupon")
    return row


def _coupon(row: Row) -> dict[str, Any]:
    shown = resource("coupon", row, products=row["product_ids"])
    shown["amount_off"] = shown.pop("amount")
    del shown["product_ids"]
    return shown
