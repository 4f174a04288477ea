"""A price in words: what it costs, per what, how often, and what it costs at first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from cauce.entrypoints.web.rendering import exact_money
from cauce.entrypoints.web.tables import Cell, text
from cauce.entrypoints.web.texts import translator
from cauce.storage.database import Row


def described(row: Row | Mapping[str, Any], locale: str) -> str:
    """A stored price in a reader's words: "€29.00 a month", "€5.00 each a month", "in steps"."""
    t = translator(locale)
    costs = _amount(row["model"], row["currency"], locale)
    if row["kind"] != "one_time":
        unit, count = row["interval_unit"], row["interval_count"]
        every = t(f"plans.per.{unit}") if count == 1 else t(f"plans.every.{unit}", count=count)
        costs = f"{costs} {every}"
    if not row["phases"]:
        return costs
    return f"{costs} ({t('plans.in_phases', count=len(row['phases']))})"


def _amount(model: Mapping[str, Any], currency: str, locale: str) -> str:
    t, kind = translator(locale), model["type"]
    if kind == "flat":
        return exact_money(Decimal(model["amount_minor"]), currency, locale)
    if kind == "per_unit":
        return t("plans.each", amount=exact_money(Decimal(str(model["unit_amount"])), currency, locale))
    if kind == "package":
        amount = exact_money(Decimal(model["package_minor"]), currency, locale)
        return t("plans.package_of", amount=amount, size=model["size"])
    return f"{currency.upper()}, {t(f'plans.model.{kind}')}"


def features_told(features: Mapping[str, Any]) -> list[tuple[str, Cell]]:
    """What a plan gives, as facts: "projects: 50", "export: true"."""
    return [
        ("plans.features", text(f"{name}: {value if isinstance(value, str) else json.dumps(value)}"))
        for name, value in sorted(features.items())
    ]
