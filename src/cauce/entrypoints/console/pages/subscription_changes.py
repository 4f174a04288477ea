"""An operator changes a subscription for its customer: typed in, seen line by line, and that very sum is booked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.catalog.rules import CancelCredit, ChangeCredit, ChangeTiming, ProrationBehavior
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.previewing import priced_lines
from cauce.entrypoints.console.view import action, back_to, detailed
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input, amount, moment, word
from cauce.entrypoints.web.texts import Translate, translator
from cauce.flows.billing import changes
from cauce.kernel.errors import InvalidRequest
from cauce.reports import subscriptions as report
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_MAY = (Role.ADMIN, Role.FINANCE, Role.SUPPORT)
_ONE = "/console/subscriptions/{subscription_id}/change"
_QUANTITY = "quantity_"
_Chosen = TypeVar("_Chosen", bound=StrEnum)
_CHOSEN = ("plan", "timing", "proration", "credit")


def change_button(request: Request, one: Row, items: Sequence[Row], plans: Sequence[Row]) -> Button:
    """The form that leads to the preview; what is left as it is stays."""
    t = translator(locale_of(request))
    offered = [(row["key"], row["name"]) for row in plans if row["key"] != one["plan_key"]]
    counted = [row for row in items if row["kind"] != "usage" and row["model"]["type"] != "flat"]
    return Button(
        f"{_path(one['id'])}/preview",
        "subscriptions.change",
        inputs=(
            Input("plan", "subscriptions.plan", options=(("", t("changes.same_plan")), *offered), required=False),
            *(Input(f"{_QUANTITY}{row['key']}", row["nickname"] or row["key"], value=_shown(row)) for row in counted),
            _choice(t, "timing", ChangeTiming),
            _choice(t, "proration", ProrationBehavior),
            _choice(t, "credit", ChangeCredit),
        ),
        hint="changes.hint",
    )


def credit_choice(request: Request) -> Input:
    """What becomes of what an end or a pause gives back."""
    return _choice(translator(locale_of(request)), "credit", CancelCredit)


def chosen_credit(fields: Mapping[str, str]) -> CancelCredit | None:
    """The choice of such a form; None: as the plan says."""
    return _member(CancelCredit, fields, "credit")


async def preview(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Show what the change comes to, with a button that makes it."""
    one, items = await _subject(request, session)
    async with session.context.transaction() as tx:
        now = await session.context.now(tx)
    command = _command(one, items, fields, at=now)
    done = await changes.preview_change(session.context, command)
    again = {name: fields.get(name, "") for name in (*_CHOSEN, *(f"{_QUANTITY}{row['key']}" for row in items))}
    fixed = {"at": now.isoformat(), "total": str(done.total_minor)}
    currency, given = one["currency"], max(0, -done.total_minor)
    return await detailed(
        request,
        session,
        name=f"{one['plan']} · {one['customer'] or one['external_id']}",
        title="nav.subscriptions",
        above=link_to(one["id"]),
        object_id=one["id"],
        facts=[
            ("changes.timing", word(f"changes.timing.{done.timing.value}")),
            ("changes.takes_effect", moment(done.effective_at)),
            ("invoices.total", amount(done.total_minor, currency)),
            ("changes.kept", amount(given - done.refunded_minor, currency)),
            ("changes.refunded", amount(done.refunded_minor, currency)),
            ("subscriptions.mrr", amount(done.mrr_minor, currency)),
        ],
        actions=[Button(_path(one["id"]), "changes.confirm", tuple({**again, **fixed}.items()))],
        tables=[priced_lines(done.lines, currency, title="changes.preview", none="changes.no_lines")],
    )


async def change(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Make the change that was shown; refused when it would no longer cost the same."""
    one, items = await _subject(request, session)
    try:
        at, total = datetime.fromisoformat(fields.get("at", "")), int(fields.get("total", ""))
    except ValueError:
        raise InvalidRequest("look at what the change costs first", param="total") from None
    await changes.change(session.context, _command(one, items, fields, at=at, expected=total))
    return back_to(link_to(one["id"]))


async def _subject(request: Request, session: Session) -> tuple[Row, list[Row]]:
    async with session.context.transaction() as tx:
        one = await report.one(tx, str(request.path_params["subscription_id"]))
        return one, await report.items(tx, one["id"])


def _command(
    one: Row, items: Sequence[Row], fields: Mapping[str, str], *, at: datetime, expected: int | None = None
) -> changes.Change:
    typed = {row["key"]: fields.get(f"{_QUANTITY}{row['key']}", "").strip() for row in items}
    before = {row["key"]: _shown(row) for row in items}
    return changes.Change(
        one["id"],
        fields.get("plan", "").strip() or None,
        {key: value for key, value in typed.items() if value and value != before[key]},
        timing=_member(ChangeTiming, fields, "timing"),
        proration=_member(ProrationBehavior, fields, "proration"),
        credit=_member(ChangeCredit, fields, "credit"),
        at=at,
        expect_total_minor=expected,
    )


def _member(kind: type[_Chosen], fields: Mapping[str, str], name: str) -> _Chosen | None:
    value = fields.get(name, "").strip()
    try:
        return kind(value) if value else None
    except ValueError:
        raise InvalidRequest(f"{value!r} is no choice here", param=name) from None


def _choice(t: Translate, name: str, kind: type[StrEnum]) -> Input:
    options = (("", t("changes.by_plan")), *((one.value, t(f"changes.{name}.{one.value}")) for one in kind))
    return Input(name, f"changes.{name}", options=options, required=False)


def _shown(row: Row) -> str:
    return f"{row['quantity'].normalize():f}"


def _path(subscription_id: str) -> str:
    return f"/console/subscriptions/{subscription_id}/change"


routes = [
    action(f"{_ONE}/preview", preview, roles=_MAY),
    action(_ONE, change, name="subscription.change", roles=_MAY),
]
