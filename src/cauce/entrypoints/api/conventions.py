"""`/v1/billing_conventions`: how this organization's invoices are priced, where there is a choice."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.invoicing.rules import DUE_NOTICE_DAYS
from cauce.entrypoints.api.access import Admin, Reader
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.shapes import Body, Currency
from cauce.flows.billing import conventions as flow
from cauce.flows.billing.conventions import Conventions
from cauce.flows.context import Context
from cauce.pricing.discounts import CouponOrder, DiscountRounding
from cauce.pricing.policy import LineRounding
from cauce.pricing.tax import TaxRounding
from cauce.storage.database import Tx

router = APIRouter(prefix="/v1", tags=["organization"])


class ConventionsBody(Body):
    """All conventions; what is left out has its default. They work on what is priced from then on."""

    rounding: LineRounding = LineRounding.HALF_UP
    tax_rounding: TaxRounding = TaxRounding.PER_LINE
    discount_rounding: DiscountRounding = DiscountRounding.TOTAL
    coupon_order: CouponOrder = CouponOrder.PERCENT_FIRST
    proration_basis: Literal["day", "second", "fixed_30"] = "day"
    forgive_below: dict[Currency, Annotated[int, Field(strict=True, ge=1, le=flow.FORGIVEN_MAX_MINOR)]] = Field(
        default_factory=dict
    )
    due_notice_days: Annotated[int, Field(strict=True, ge=0, le=flow.DUE_NOTICE_DAYS_MAX)] = DUE_NOTICE_DAYS


@router.get("/billing_conventions")
async def show_conventions(caller: Reader) -> dict[str, Any]:
    """How invoices are rounded, taxed and prorated, and how discounts are taken off."""
    async with caller.context.transaction() as tx:
        return await _shown(tx)


@router.put("/billing_conventions")
async def set_conventions(request: Request, caller: Admin, body: ConventionsBody) -> Response:
    """Set all of them; no issued invoice changes."""
    wanted = msgspec.convert(body.model_dump(mode="json"), Conventions)

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            await flow.set_conventions(tx, context, wanted)
            return await _shown(tx)

    return await answer_once(request, caller.context, work, status=200)


async def _shown(tx: Tx) -> dict[str, Any]:
    return {"object": "billing_conventions", **msgspec.to_builtins(await flow.conventions(tx))}
