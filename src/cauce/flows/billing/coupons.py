"""Redeeming a coupon on a subscription: locked, counted, once; the database refuses the redemption too many."""

from __future__ import annotations

from datetime import datetime

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.coupons import Coupon
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Subscription
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.kernel.ids import new_id
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent


class CouponNotValid(Conflict):
    """The coupon cannot be used: expired, used up, archived, or used here before."""

    code = "coupon_not_valid"


class CouponNotApplicable(InvalidRequest):
    """The coupon is for another product, currency or for a first purchase."""

    code = "coupon_not_applicable"


async def apply_coupon(tx: Tx, subscription: Subscription, code: str, now: datetime) -> list[NewEvent]:
    """Redeem `code` on a locked or new subscription: its discount works from the next invoice on."""
    coupon = await catalog.lock_coupon(tx, code)
    await _check(tx, coupon, subscription, now)
    periods = {"once": 1, "repeating": coupon.duration_periods, "forever": None}[coupon.duration]
    discount_id = new_id("dis")
    if not await subscriptions.add_discount(tx, discount_id, subscription.id, coupon.id, coupon, periods, now):
        raise CouponNotValid(f"coupon {code} works on this subscription already", param="coupon")
    await catalog.redeem_coupon(tx, coupon.id)
    content = {"coupon": coupon.code, "discount": discount_id, "subscription": subscription.id}
    events = [
        NewEvent("coupon.redeemed", coupon.id, now, content, subscription.customer_id),
        NewEvent("discount.applied", discount_id, now, content, subscription.customer_id),
    ]
    if coupon.redemptions_max is not None and coupon.redemptions + 1 >= coupon.redemptions_max:
        events.append(NewEvent("coupon.exhausted", coupon.id, now, {"coupon": coupon.code}))
    return events


async def _check(tx: Tx, coupon: Coupon, subscription: Subscription, now: datetime) -> None:
    if coupon.archived_at is not None or (coupon.expires_at is not None and coupon.expires_at <= now):
        raise CouponNotValid(f"coupon {coupon.code} is no longer valid", param="coupon")
    if coupon.redemptions_max is not None and coupon.redemptions >= coupon.redemptions_max:
        raise CouponNotValid(f"coupon {coupon.code} is used up", param="coupon")
    if coupon.currency is not None and coupon.currency != subscription.currency:
        raise CouponNotApplicable(f"coupon {coupon.code} is in {coupon.currency}", param="coupon")
    if coupon.product_ids and subscription.product_id not in coupon.product_ids:
        raise CouponNotApplicable(f"coupon {coupon.code} is for another product", param="coupon")
    if coupon.first_purchase:
        others = [
            one for one in await subscriptions.ids_of_customer(tx, subscription.customer_id) if one != subscription.id
        ]
        if others:
            raise CouponNotApplicable(f"coupon {coupon.code} is for a first purchase", param="coupon")
