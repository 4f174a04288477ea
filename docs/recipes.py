"""The page of money movements: every recipe is called with sample values, and its journals are written down as a table."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from cauce.ledger import recipes
from cauce.ledger.chart import CHART
from cauce.ledger.recipes.billing import payment_received
from cauce.ledger.recipes.custody import Event, Holder
from cauce.ledger.recipes.exchange import Settlement
from cauce.ledger.rules import Book, Journal

_IS_RECIPE = re.compile(r"[BT]\d\d")
_AT = datetime(2026, 1, 1, tzinfo=UTC)
_SAMPLES: dict[str, Any] = {
    "holder": Holder("<channel>", "cny"),
    "event": Event("<key>", "<reference>", "<evidence>", _AT),
    "at": _AT,
    "currency": "eur",
    "evidence": "<evidence>",
    "channel_id": "<channel>",
    "customer_id": "<customer>",
    "merchant_id": "<merchant>",
    "owner_id": "<merchant>",
    "order_id": "<order>",
    "parts": {"member:<merchant>:withdrawable": 70, "fee": 30},
    "borne_by": {"escrow:<order>": 7},
    "sources": {"escrow:<order>": 70, "fee": 30},
    "merchants": {"<merchant>": 70},
    "total_minor": 121,
    "tax_minor": 21,
    "deferred_minor": 90,
    "credit_used_minor": 5,
    "from_deferred_minor": 60,
    "from_revenue_minor": 40,
    "to_receivable_minor": 100,
    "to_credit_minor": 21,
    "too_much_minor": 5,
    "recipe": "B09",
    "returned_to": "escrow:<order>",
    "settlement": Settlement("usd", 108, 109),
    "journal": payment_received(
        "<payment>",
        "<invoice>",
        "<customer>",
        "eur",
        _AT,
        channel_id="<channel>",
        amount_minor=100,
        too_much_minor=0,
        evidence=None,
    ),
    "number": 1,
}
_PLAIN_AMOUNT, _ACCOUNT = 100, "member:<merchant>:withdrawable"


def render_recipes() -> str:
    """The page: the chart of accounts, then each recipe with the legs that it posts."""
    lines = ["# Money movements", "", "This page is made from the code by `make docs`; do not edit it.", ""]
    lines += [
        "Every movement of money is one of these functions of `cauce.ledger.recipes`. The accounts beside each are"
    ]
    lines += ["those that it posts for sample values: **C** stands for the custody book, **P** for the platform book."]
    lines += ["Journals that touch the platform's fee carry their mirror (T21) with them.", "", "## Recipes", ""]
    lines += ["| function | what happened | debit | credit |", "|---|---|---|---|"]
    for name, recipe in found_recipes():
        debit, credit = _sides(_posted(recipe))
        lines.append(f"| `{name}` | {_first_line(recipe)} | {debit} | {credit} |")
    lines += ["", "## Chart of accounts", "", "| account | book | normal side | meaning |", "|---|---|---|---|"]
    for kind in CHART:
        side = "debit" if kind.normal_side > 0 else "credit"
        lines.append(f"| `{kind.pattern}` | {kind.book.value} | {side} | {kind.meaning} |")
    return "\n".join(lines) + "\n"


def found_recipes() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every recipe with its module's name, in order of number."""
    found = []
    for module_info in pkgutil.iter_modules(recipes.__path__):
        module = importlib.import_module(f"{recipes.__name__}.{module_info.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            numbered = _IS_RECIPE.match(function.__doc__ or "")
            if numbered and function.__module__ == module.__name__ and name != "mirrored":  # T21 stands with the others
                found.append((numbered[0], f"{module_info.name}.{name}", function))
    yield from ((name, function) for _, name, function in sorted(found, key=lambda one: one[:2]))


def _posted(recipe: Callable[..., Any]) -> list[Journal]:
    given = {}
    for name, parameter in inspect.signature(recipe).parameters.items():
        if name in _SAMPLES:
            given[name] = _SAMPLES[name]
        elif parameter.default is inspect.Parameter.empty:
            given[name] = _PLAIN_AMOUNT if name.endswith("_minor") else _plain(name, str(parameter.annotation))
    answer = recipe(**given)
    return answer if isinstance(answer, list) else [answer]


def _plain(name: str, annotation: str) -> Any:
    if "Amounts" in annotation or "Mapping" in annotation:
        return {_ACCOUNT: _PLAIN_AMOUNT}
    return _ACCOUNT if name in ("account", "given_to", "credit_to", "party", "short", "buyer_account") else f"<{name}>"


def _sides(journals: list[Journal]) -> tuple[str, str]:
    debits: dict[str, None] = {}
    credits: dict[str, None] = {}
    for journal in journals:
        for leg in journal.legs:
            book = "C" if leg.account.book is Book.CUSTODY else "P"  # type: ignore[union-attr]
            side = debits if leg.amount_minor > 0 else credits
            side[f"{book} `{leg.account.code}`"] = None  # type: ignore[union-attr]
    return ", ".join(debits), ", ".join(credits)


def _first_line(recipe: Callable[..., Any]) -> str:
    return " ".join((recipe.__doc__ or "").partition("\n")[0].split())
