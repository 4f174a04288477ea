"""How this organization's invoices are priced where billing systems differ: what is chosen, and the form that chooses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.view import action, back_to, framed, page
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Cell, Input, text, word
from cauce.entrypoints.web.texts import translator
from cauce.entrypoints.web.typed import minor_units
from cauce.flows.billing import conventions as flow
from cauce.flows.billing.conventions import Conventions
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import major_text
from cauce.pricing.proration import Basis
from cauce.storage.directory.people import Role

_PATH = "/console/settings/conventions"
_CHOICES: tuple[str, ...] = ("rounding", "tax_rounding", "discount_rounding", "coupon_order", "proration_basis")


async def show(request: Request, session: Session) -> Response:
    """What is chosen, and the form."""
    async with session.context.transaction() as tx:
        chosen = await flow.conventions(tx)
    t = translator(locale_of(request))
    fields = [
        Input(
            name,
            f"conventions.{name}",
            value=str(getattr(chosen, name)),
            options=tuple((one, t(f"conventions.{name}.{one}")) for one in _values(chosen, name)),
        )
        for name in _CHOICES
    ]
    forgiven = "\n".join(
        f"{currency} {major_text(below, currency)}" for currency, below in chosen.forgive_below.items()
    )
    fields.append(Input("forgive_below", "conventions.forgive_below", kind="textarea", value=forgiven, required=False))
    days = str(chosen.due_notice_days)
    fields.append(Input("due_notice_days", "conventions.due_notice_days", kind="number", value=days))
    return await framed(
        request, session, "console/conventions.html", facts=_facts(chosen), fields=fields, goes_to=_PATH
    )  # fmt: skip


def _values(chosen: Conventions, name: str) -> list[str]:
    """What may be chosen for a convention; nobody counts parts of periods not at all."""
    kind: type[StrEnum] = type(getattr(chosen, name))
    return [one.value for one in kind if one is not Basis.NONE]


def _facts(chosen: Conventions) -> list[tuple[str, Cell]]:
    forgiven = ", ".join(
        f"{major_text(below, currency)} {currency.upper()}" for currency, below in chosen.forgive_below.items()
    )
    named = [(f"conventions.{name}", word(f"conventions.{name}.{getattr(chosen, name)}")) for name in _CHOICES]
    days = ("conventions.due_notice_days", text(chosen.due_notice_days))
    return [*named, ("conventions.forgive_below", text(forgiven or "–")), days]


async def save(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Price by these from now on; what the form does not have stays."""
    async with session.context.transaction() as tx:
        await flow.set_conventions(tx, session.context, _typed(await flow.conventions(tx), fields))
    return back_to(_PATH)


def _typed(known: Conventions, fields: Mapping[str, str]) -> Conventions:
    plain: dict[str, Any] = msgspec.to_builtins(known)
    plain |= {name: fields[name] for name in _CHOICES if name in fields}
    try:
        plain["due_notice_days"] = int(fields.get("due_notice_days", known.due_notice_days))
        wanted = msgspec.convert(plain, Conventions)
    except ValueError as exc:
        raise InvalidRequest(f"this is no convention: {exc}", param="conventions") from exc
    return replace(wanted, forgive_below=_amounts(fields["forgive_below"])) if "forgive_below" in fields else wanted


def _amounts(typed: str) -> dict[str, int]:
    """Lines of a currency and an amount, as currency -> minor units."""
    found: dict[str, int] = {}
    for line in typed.splitlines():
        words = line.split()
        if words and len(words) != 2:
            raise InvalidRequest("a line is a currency and an amount, like `eur 0.50`", param="forgive_below")
        if words:
            currency = words[0].lower()
            found[currency] = minor_units(words[1], currency)
    return found


routes = [
    page(_PATH, show),
    action(_PATH, save, roles=(Role.ADMIN, Role.FINANCE)),
]
