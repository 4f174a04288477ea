"""Access of one customer: what each subscription gives, and what an operator gives, extends and ends by hand (I7)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.catalog import service as catalog
from cauce.billing.entitlements import service as entitlements
from cauce.billing.entitlements.rules import Level
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import action, back_to
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Cell, Input, Table, buttons, columns, moment, state, text, word
from cauce.entrypoints.web.texts import Translate
from cauce.flows.billing import standing
from cauce.kernel.calendar.zones import zone_of
from cauce.kernel.errors import InvalidRequest, NotFound
from cauce.reports import billing
from cauce.storage.database import Row, Tx
from cauce.storage.directory.orgs import read_org
from cauce.storage.directory.people import Role

_MAY = (Role.ADMIN, Role.FINANCE, Role.SUPPORT)
_ONE = "/console/customers/{customer_id}/access"
_REASON_CHARACTERS_MAX = 500


async def access_table(tx: Tx, customer_id: str, now: datetime) -> Table:
    """What the subscriptions of a customer give, then what he has by hand."""
    names = {row["id"]: row["name"] for row in await catalog.list_products(tx)}
    given = [
        (
            word(f"access.{row['level']}"),
            text(names.get(row["product_id"]), note=_told(row["features"]), href=link_to(row["subscription_id"])),
            state(row["status"]),
            word("access.by_bill"),
            buttons(),
        )
        for row in await billing.entitlements_of(tx, customer_id)
    ]
    by_hand = [_grant(row, names, customer_id) for row in await entitlements.grants_of(tx, customer_id, now)]
    return Table(
        columns("access.what", "access.product", "access.why", "access.until", ">"),
        [*given, *by_hand],
        none="access.nothing",
        title="access.title",
    )


def _grant(row: Row, names: dict[str, str], customer_id: str) -> tuple[Cell, ...]:
    path = f"/console/customers/{customer_id}/access/{row['id']}"
    what = word(f"access.{row['level']}") if row["level"] else text(f"{row['feature']}: {_plain(row['value'])}")
    return (
        what,
        text(names[row["product_id"]]) if row["product_id"] in names else word("access.everything"),
        text(row["reason"], note=row["actor"].partition(":")[2] or row["actor"]),
        moment(row["due_at"]) if row["due_at"] else word("access.open_end"),
        buttons(
            Button(
                f"{path}/extend",
                "access.extend",
                inputs=(
                    Input("ends_on", "access.last_day", kind="date", required=False),
                    Input("reason", "access.reason"),
                ),
                hint="access.extend_hint",
            ),
            Button(f"{path}/end", "access.end", danger=True),
        ),
    )


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _told(features: dict[str, Any] | None) -> str:
    return ", ".join(f"{name}: {_plain(value)}" for name, value in sorted((features or {}).items()))


def grant_button(products: Sequence[Row], customer_id: str, t: Translate) -> Button:
    """The form that gives access by hand."""
    levels = (("", "–"), *((one.value, t(f"access.{one.value}")) for one in Level))
    sold = (("", t("access.everything")), *((row["id"], row["name"]) for row in products if row["archived_at"] is None))
    return Button(
        f"/console/customers/{customer_id}/access",
        "access.grant",
        inputs=(
            Input("level", "access.level", options=levels),
            Input("feature", "access.feature", required=False),
            Input("value", "access.value", required=False, placeholder="true, 25"),
            Input("product", "access.product", options=sold),
            Input("ends_on", "access.last_day", kind="date", required=False),
            Input("reason", "access.reason"),
        ),
        hint="access.grant_hint",
    )


async def grant(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Give a level, or one feature with its value, until the end of a day."""
    customer_id = str(request.path_params["customer_id"])
    feature = fields.get("feature", "").strip()
    command = standing.HandGrant(
        customer_id,
        fields.get("reason", "").strip()[:_REASON_CHARACTERS_MAX],
        _level(fields.get("level", "")),
        feature,
        _value(fields.get("value", "")) if feature else None,
        fields.get("product", ""),
        await _end(session, fields),
    )
    await standing.grant_by_hand(session.context, command)
    return back_to(link_to(customer_id))


async def extend(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Let a grant end on another day, or only when somebody ends it."""
    customer_id, grant_id = str(request.path_params["customer_id"]), str(request.path_params["grant_id"])
    reason = fields.get("reason", "").strip()[:_REASON_CHARACTERS_MAX]
    ends_at = await _end(session, fields)
    await standing.extend_grant(session.context, customer_id, grant_id, ends_at=ends_at, reason=reason)
    return back_to(link_to(customer_id))


async def end(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """End a grant now."""
    customer_id, grant_id = str(request.path_params["customer_id"]), str(request.path_params["grant_id"])
    async with session.context.transaction() as tx:
        held = await entitlements.grants_of(tx, customer_id, await session.context.now(tx))
    if grant_id not in {row["id"] for row in held}:
        raise NotFound(f"there is no grant {grant_id}", param="grant")
    await standing.revoke_grant(session.context, customer_id, grant_id)
    return back_to(link_to(customer_id))


def _level(typed: str) -> Level | None:
    try:
        return Level(typed) if typed else None
    except ValueError:
        raise InvalidRequest(f"{typed!r} is no level of access", param="level") from None


def _value(typed: str) -> bool | int | str:
    """A feature's value as it is meant: yes or no, a whole number, else words."""
    words = typed.strip()
    if words.lower() in ("true", "false"):
        return words.lower() == "true"
    if not words:
        return True
    return int(words) if words.isascii() and words.isdigit() and len(words) <= 18 else words


async def _end(session: Session, fields: dict[str, str]) -> datetime | None:
    """The end of the typed day in the organization's zone; None for none."""
    typed = fields.get("ends_on", "").strip()
    if not typed:
        return None
    try:
        last = date.fromisoformat(typed)
        following = date.fromordinal(last.toordinal() + 1)
    except (ValueError, OverflowError):
        raise InvalidRequest("the last day is a date", param="ends_on") from None
    async with session.context.transaction() as tx:
        zone = (await read_org(tx, tx.org)).timezone
    return datetime.combine(following, time(), zone_of(zone))


routes = [
    action(_ONE, grant, name="customer.grant_access", roles=_MAY),
    action(f"{_ONE}/{{grant_id}}/extend", extend, name="customer.extend_grant", roles=_MAY),
    action(f"{_ONE}/{{grant_id}}/end", end, name="customer.end_grant", roles=_MAY),
]
