"""What was used in the running period, as tables: a customer's by meter, a subscription's with its cost so far and a forecast."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.web.tables import Table, amount, columns, moment, state, text
from cauce.flows.billing.current_usage import CurrentUsage
from cauce.storage.database import Row

_DECIMALS = 3


def customer_usage(rows: Sequence[Row]) -> Table:
    """By meter and subscription."""
    return Table(
        columns("usage.meter", "usage.subscription", "usage.used>"),
        [
            (
                text(row["name"] or row["meter_key"], note=row["meter_key"] if row["name"] else ""),
                text(row["plan"], href=link_to(row["subscription_id"])),
                text(_plain(row["used"])),
            )
            for row in rows
        ],
        title="usage.title",
    )


def granted_credit(rows: Sequence[Row]) -> Table:
    """Credit for use that plans granted, with what is left, used and lapsed of it."""
    return Table(
        columns(
            "granted.plan", "granted.amount>", "granted.used>", "granted.left>", "granted.expires", "granted.state"
        ),
        [
            (
                text(row["plan"], href=link_to(row["subscription_id"])),
                amount(row["amount_minor"], row["currency"]),
                amount(row["used_minor"], row["currency"]),
                amount(row["left_minor"], row["currency"]),
                moment(row["expires_at"]),
                state(row["state"]),
            )
            for row in rows
        ],
        title="granted.title",
    )


def subscription_usage(found: CurrentUsage) -> Table:
    """By metered price, with what it costs so far and what the period comes to if it goes on so."""
    return Table(
        columns("usage.meter", "usage.used>", "usage.cost>", "usage.forecast>", "usage.forecast_cost>"),
        [
            (
                text(one.meter),
                text(_rounded(one.used)),
                amount(one.amount_minor - one.discount_minor, found.currency),
                text(_rounded(one.forecast)),
                amount(one.forecast_minor - one.forecast_discount_minor, found.currency),
            )
            for one in found.meters
        ],
        title="usage.title",
    )


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _rounded(value: Fraction) -> str:
    """A quantity to read: at most three decimals."""
    scaled = value * 10**_DECIMALS
    return _plain(Decimal(scaled.numerator // scaled.denominator).scaleb(-_DECIMALS))
