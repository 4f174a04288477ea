"""What an organization may decide for all its invoices to come: rounding, tax, discounts, how a part of a period is counted.

The defaults are those of the requirements (V2, V8, V18-V21). A change works on what is priced after it: no issued
invoice changes, and what is credited of one is credited by what it billed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cauce.billing.invoicing.rules import DUE_NOTICE_DAYS
from cauce.flows.context import Context
from cauce.kernel.currencies import exponent_of
from cauce.kernel.errors import InvalidRequest
from cauce.pricing.discounts import CouponOrder, DiscountRounding
from cauce.pricing.policy import LineRounding, PricingPolicy
from cauce.pricing.proration import Basis
from cauce.pricing.tax import TaxRounding
from cauce.storage import audit
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import change_settings, read_org

SETTINGS = "billing"
FORGIVEN_MAX_MINOR = 100_000
DUE_NOTICE_DAYS_MAX = 90


class BadConvention(InvalidRequest):
    """Cauce does not bill by such a convention."""

    code = "bad_convention"


@dataclass(frozen=True, slots=True)
class Conventions:
    """How this organization prices; each field has the default of the requirements.

    `rounding`: of a line to the minor unit. `tax_rounding`: on every line, or once on the invoice. `discount_rounding`: of
    the whole discount, or of a percentage on every line. `coupon_order`: percentages first, or as they were redeemed.
    `proration_basis`: calendar days, seconds, or months of thirty days; a price may have its own. `forgive_below`: currency
    -> minor units; what is left to collect of an invoice and is less than that is forgiven (V28). `due_notice_days`: so
    many days before an invoice with terms of payment is due, `invoice.will_be_due` says so; 0 for never.
    """

    rounding: LineRounding = LineRounding.HALF_UP
    tax_rounding: TaxRounding = TaxRounding.PER_LINE
    discount_rounding: DiscountRounding = DiscountRounding.TOTAL
    coupon_order: CouponOrder = CouponOrder.PERCENT_FIRST
    proration_basis: Basis = Basis.DAY
    forgive_below: dict[str, int] = field(default_factory=dict)
    due_notice_days: int = DUE_NOTICE_DAYS

    @property
    def policy(self) -> PricingPolicy:
        """The same as the pricing takes it."""
        return PricingPolicy(
            rounding=self.rounding,
            tax_rounding=self.tax_rounding,
            discount_rounding=self.discount_rounding,
            coupon_order=self.coupon_order,
            basis=self.proration_basis,
        )


async def conventions(tx: Tx) -> Conventions:
    """Those of the transaction's organization."""
    kept: Mapping[str, Any] = (await read_org(tx, tx.org)).settings.get(SETTINGS, {})
    return msgspec.convert(kept, Conventions)


async def set_conventions(tx: Tx, context: Context, wanted: Conventions) -> None:
    """Price by these from now on; `BadConvention` for a basis that invoices cannot be billed by."""
    if wanted.proration_basis is Basis.NONE:
        raise BadConvention("a part of a period is counted by day, second or fixed_30", param="proration_basis")
    for currency, below in wanted.forgive_below.items():
        exponent_of(currency)
        if not 1 <= below <= FORGIVEN_MAX_MINOR:
            raise BadConvention(f"what is forgiven is below 1 to {FORGIVEN_MAX_MINOR}", param="forgive_below")
    if not 0 <= wanted.due_notice_days <= DUE_NOTICE_DAYS_MAX:
        raise BadConvention(f"a notice is 0 to {DUE_NOTICE_DAYS_MAX} days ahead", param="due_notice_days")
    before = msgspec.to_builtins(await conventions(tx))
    after: dict[str, Any] = msgspec.to_builtins(wanted)
    await change_settings(tx, tx.org, {SETTINGS: after})
    await audit.record(tx, context.actor, "conventions.set", "billing", after={**after, "before": before})
