"""Money that is not an order's: asked for, approved by a second person; and credits whose owner is not known, given one."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.choosing import merchant_input, merchant_names
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import action, asked, back_to, following, listed, page
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import (
    Button,
    Cell,
    Input,
    Table,
    amount,
    buttons,
    columns,
    moment,
    state,
    text,
    word,
)
from cauce.entrypoints.web.texts import Translate, translator
from cauce.entrypoints.web.typed import minor_units
from cauce.flows.marketplace import funds
from cauce.flows.marketplace.funds import AskFunding
from cauce.kernel.currencies import exponent_of
from cauce.kernel.errors import InvalidRequest
from cauce.marketplace.settlement import funding as store
from cauce.marketplace.settlement import suspense
from cauce.marketplace.settlement.funding import OF_ORDERS, FundingKind
from cauce.reports import orders
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_MAY = (Role.ADMIN, Role.FINANCE)
_ASKED = tuple(
    one for one in FundingKind if one not in {FundingKind.ASSIGN_SUSPENSE, FundingKind.UNDO_ASSIGN, *OF_ORDERS}
)


async def show_list(request: Request, session: Session) -> Response:
    """Movements, newest first, of one kind or all."""
    wanted, t = asked(request, "kind", "before"), translator(locale_of(request))
    async with session.context.transaction() as tx:
        rows = await store.page(tx, before=wanted["before"], kind=wanted["kind"])
        channels = [(row["id"], row["name"]) for row in await orders.channel_names(tx)]
        sellers = await merchant_names(tx)
    kinds = tuple((one.value, t(f"funding.{one.value}")) for one in FundingKind)
    table = Table(
        columns("fundings.what", "fundings.channel", "fundings.merchant", "fundings.state", "fundings.asked", "fundings.amount>", ">"),
        [_line(row, dict(channels), sellers, session.context.actor.name) for row in rows],
        none="fundings.none",
    )  # fmt: skip
    return await listed(
        request,
        session,
        "nav.fundings",
        lead="fundings.lead",
        tables=[table],
        filters=(Input("kind", "fundings.what", value=wanted["kind"], options=(("", t("filter.all")), *kinds), required=False),),
        actions=[_ask(channels, sellers, t)],
        next=following(request, rows),
    )  # fmt: skip


def _line(row: Row, channels: Mapping[str, str], sellers: Mapping[str, str], actor: str) -> tuple[Cell, ...]:
    waits = row["state"] == "requested" and row["requested_by"] != actor
    approve = Button(f"/console/fundings/{row['id']}/approve", "fundings.approve")
    who, seller = row["requested_by"].partition(":")[2], row["merchant_id"]
    return (
        Cell("word", f"funding.{row['kind']}", note=row["parent_id"] or row["order_id"] or row["id"]),
        text(channels.get(row["channel_id"], row["channel_id"])),
        text(sellers.get(seller, seller) or None, href=link_to(seller) if seller else ""),
        state(row["state"], note=row["failure"] or (row["approved_by"] or "").partition(":")[2]),
        Cell("moment", row["requested_at"], note=who),
        amount(row["amount_minor"], row["currency"]),
        buttons(*([approve] if waits else [])),
    )  # fmt: skip


def _ask(channels: list[tuple[str, str]], sellers: Mapping[str, str], t: Translate) -> Button:
    return Button(
        "/console/fundings",
        "fundings.ask",
        inputs=(
            Input("kind", "fundings.what", options=tuple((one.value, t(f"funding.{one.value}")) for one in _ASKED)),
            Input("channel", "fundings.channel", options=tuple(channels) or (("", "–"),)),
            Input("amount", "fundings.amount", placeholder="100.00"),
            Input("currency", "fundings.currency", placeholder="eur"),
            merchant_input(sellers, "fundings.merchant", nobody="–"),
            Input("order", "fundings.order", required=False, placeholder="ord_…"),
            Input("parent", "fundings.parent", required=False, placeholder="mtu_… adv_…"),
        ),
        hint="fundings.hint",
    )


async def ask(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Ask for a movement; what the platform pays waits for a second person."""
    given = {name: value.strip() for name, value in fields.items()}
    kind, currency = given.get("kind", ""), given.get("currency", "").lower()
    if kind not in {one.value for one in _ASKED}:
        raise InvalidRequest(f"{kind!r} is no such movement", param="kind")
    exponent_of(currency)
    command = AskFunding(
        FundingKind(kind),
        given.get("channel", ""),
        currency,
        minor_units(given.get("amount", ""), currency),
        given.get("merchant", ""),
        given.get("order", ""),
        given.get("parent", ""),
    )
    await funds.request_funding(session.context, command)
    return back_to("/console/fundings")


async def approve(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """A second person lets a movement go."""
    await funds.approve_funding(session.context, str(request.path_params["funding_id"]))
    return back_to("/console/fundings")


async def show_suspense(request: Request, session: Session) -> Response:
    """Credits of which something has no owner, and what is on its way to one."""
    wanted, t = asked(request, "view", "before"), translator(locale_of(request))
    async with session.context.transaction() as tx:
        rows = await suspense.page(tx, before=wanted["before"], open_only=wanted["view"] != "all")
        channels = {row["id"]: row["name"] for row in await orders.channel_names(tx)}
        sellers = await merchant_names(tx)
        given = [row for row in await store.page(tx, kind="assign_suspense") if row["state"] == "requested"]
    waiting = {row["parent_id"] for row in given}
    views = (("open", t("suspense.open")), ("all", t("filter.all")))
    table = Table(
        columns("suspense.credit", "suspense.channel", "suspense.arrived", "suspense.amount>", "suspense.left>", ">"),
        [
            (
                text(row["ref"] or row["evidence"], note=row["id"]),
                text(channels.get(row["channel_id"], row["channel_id"])),
                moment(row["arrived_at"]),
                amount(row["amount_minor"], row["currency"]),
                amount(row["amount_minor"] - row["assigned_minor"], row["currency"]),
                word("suspense.waits") if row["id"] in waiting else buttons(*_give(row, sellers, t)),
            )
            for row in rows
        ],
        none="suspense.none",
    )
    return await listed(
        request,
        session,
        "nav.suspense",
        lead="suspense.lead",
        tables=[table],
        filters=(Input("view", "filter.state", value=wanted["view"] or "open", options=views, required=False),),
        next=following(request, rows),
    )


def _give(row: Row, sellers: Mapping[str, str], t: Translate) -> list[Button]:
    left = row["amount_minor"] - row["assigned_minor"]
    if left <= 0:
        return []
    asks = (
        merchant_input(sellers, "suspense.owner", nobody=t("suspense.marketing")),
        Input("amount", "suspense.part", required=False),
    )
    return [Button(f"/console/suspense/{row['id']}/give", "suspense.give", inputs=asks, hint="suspense.give_hint")]


async def give(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Say whose a credit is, all that is left of it or a part; a second person approves it among the movements."""
    suspense_id = str(request.path_params["suspense_id"])
    async with session.context.transaction() as tx:
        item = await suspense.lock_item(tx, suspense_id)
    typed, left = fields.get("amount", "").strip(), item["amount_minor"] - item["assigned_minor"]
    command = AskFunding(
        FundingKind.ASSIGN_SUSPENSE,
        item["channel_id"],
        item["currency"],
        minor_units(typed, item["currency"]) if typed else left,
        fields.get("merchant", ""),
        parent_id=suspense_id,
    )
    await funds.request_funding(session.context, command)
    return back_to("/console/fundings?kind=assign_suspense")


routes = [
    page("/console/fundings", show_list),
    action("/console/fundings", ask, name="funding.request", roles=_MAY),
    action("/console/fundings/{funding_id}/approve", approve, name="funding.approve", roles=_MAY),
    page("/console/suspense", show_suspense),
    action("/console/suspense/{suspense_id}/give", give, name="suspense.give", roles=_MAY),
]
