"""Subscriptions: the list, and one with its items, invoices, history and timeline."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.subscriptions.machine import MACHINE
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.pages.charges import charge_button, waiting_table
from cauce.entrypoints.console.pages.invoices import invoice_table
from cauce.entrypoints.console.pages.subscription_changes import change_button, chosen_credit, credit_choice
from cauce.entrypoints.console.pages.subscription_dates import date_buttons
from cauce.entrypoints.console.using import subscription_usage
from cauce.entrypoints.console.view import action, asked, back_to, detailed, following, listed, page, states_filter
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import (
    Button,
    Cell,
    Input,
    Table,
    amount,
    columns,
    day,
    moment,
    state,
    text,
    word,
)
from cauce.flows.billing import cancel as ending
from cauce.flows.billing import changes
from cauce.flows.billing.current_usage import current_usage
from cauce.reports import billing, invoices
from cauce.reports import subscriptions as report
from cauce.storage import outbox
from cauce.storage.database import Row
from cauce.storage.directory.people import Role


async def show_list(request: Request, session: Session) -> Response:
    """Subscriptions, newest first."""
    wanted = asked(request, "state", "plan", "before")
    async with session.context.transaction() as tx:
        rows = await report.page(tx, before=wanted["before"], status=wanted["state"], plan=wanted["plan"])
        plans = await report.plan_keys(tx)
    choices = (("", "–"), *((row["key"], row["name"]) for row in plans))
    filters = (
        states_filter(request, wanted["state"], MACHINE.states),
        Input("plan", "subscriptions.plan", value=wanted["plan"], options=choices, required=False),
    )
    return await listed(
        request,
        session,
        "nav.subscriptions",
        tables=[subscription_table(rows)],
        filters=filters,
        next=following(request, rows),
    )


def subscription_table(rows: Sequence[Row], *, with_customer: bool = True, title: str = "") -> Table:
    """Subscriptions as rows."""
    names = ("subscriptions.plan", "subscriptions.state", "subscriptions.until", "subscriptions.mrr>")
    customer = ("subscriptions.customer",) if with_customer else ()
    return Table(
        columns(*customer, *names),
        [_line(row, with_customer) for row in rows],
        none="subscriptions.none",
        title=title,
    )


def _line(row: Row, with_customer: bool) -> tuple[Cell, ...]:
    here = link_to(row["id"])
    customer = (text(row["customer"] or row["external_id"], href=here),) if with_customer else ()
    ends = moment(row["trial_end"]) if row["status"] == "trialing" else day(row["period_end"])
    shown = state("ends_then") if row["cancel_at_period_end"] and row["status"] in ("active", "trialing") else None
    return (
        *customer,
        text(f"{row['plan']} v{row['version']}", href="" if with_customer else here),
        shown or state(row["status"]),
        ends,
        amount(row["mrr_minor"], row["currency"]),
    )


async def show_one(request: Request, session: Session) -> Response:
    """One subscription."""
    subscription_id = request.path_params["subscription_id"]
    async with session.context.transaction() as tx:
        one = await report.one(tx, subscription_id)
        items = await report.items(tx, subscription_id)
        billed = await invoices.page(tx, subscription_id=subscription_id, rows_max=12)
        history = await report.history(tx, subscription_id)
        pending = await billing.pending_lines(tx, subscription_id)
        plans = await report.plan_keys(tx)
        change = (await report.waiting_changes(tx, [subscription_id])).get(subscription_id)
        happened = list(reversed(await outbox.events_of(tx, subscription_id)))
    used = await current_usage(session.context, subscription_id)
    return await detailed(
        request,
        session,
        name=f"{one['plan']} · {one['customer'] or one['external_id']}",
        title="nav.subscriptions",
        above="/console/subscriptions",
        object_id=subscription_id,
        states=[one["status"], *(["ends_then"] if one["cancel_at_period_end"] else [])],
        facts=[*_facts(one), *_change_facts(change)],
        actions=[*_charging(request, one), *_actions(request, one, items, plans), *_withdrawing(change)],
        tables=[
            _item_table(items),
            *([subscription_usage(used)] if used.meters else []),
            *([waiting_table(pending, subscription_id)] if pending else []),
            invoice_table(billed, with_customer=False, title="nav.invoices"),
            _history_table(history),
        ],
        happened=happened,
    )


def _facts(one: Row) -> list[tuple[str, Cell]]:
    facts = [
        ("subscriptions.customer", text(one["customer"] or one["external_id"], href=link_to(one["customer_id"]))),
        ("subscriptions.mrr", amount(one["mrr_minor"], one["currency"])),
        ("subscriptions.access", word(f"access.{one['level'] or 'none'}")),
        ("subscriptions.period_start", day(one["period_start"])),
        ("subscriptions.period_end", day(one["period_end"])),
        ("subscriptions.trial_end", moment(one["trial_end"])),
        ("subscriptions.collection", word(f"collection.{one['collection']}")),
        ("customers.timezone", text(one["timezone"])),
        ("detail.created", moment(one["created_at"])),
    ]
    if one["cancel_reason"]:
        facts.append(("subscriptions.cancel_reason", text(one["cancel_reason"])))
    if one["ended_at"]:
        facts.append(("subscriptions.ended", moment(one["ended_at"])))
    return facts


def _change_facts(change: Row | None) -> list[tuple[str, Cell]]:
    if change is None:
        return []
    when = word("subscriptions.once_paid") if change["state"] == "awaiting" else day(change["due_on"])
    if "pause" in change["content"]:
        return [("subscriptions.pauses_on", when)]
    to = [("subscriptions.change_to", text(change["plan"]))] if change["plan"] else []
    return [*to, ("subscriptions.change_on", when)]


def _withdrawing(change: Row | None) -> list[Button]:
    if change is None:
        return []
    return [
        Button(f"/console/subscriptions/{change['subscription_id']}/withdraw_change", "subscriptions.withdraw_change")
    ]


def _charging(request: Request, one: Row) -> list[Button]:
    is_over = one["status"] in ("canceled", "expired", "draft")
    return [] if is_over else [charge_button(request, one["id"])]


def _actions(request: Request, one: Row, items: Sequence[Row], plans: Sequence[Row]) -> list[Button]:
    """What the state machine allows now."""
    allowed, path = MACHINE.allowed(one["status"]), f"/console/subscriptions/{one['id']}"
    reason = (Input("reason", "actions.reason", required=False),)
    found = [change_button(request, one, items, plans)] if "change" in allowed else []
    if one["cancellation"] == "waiting":
        found += [
            Button(f"{path}/decide", "subscriptions.approve_cancel", (("approve", "yes"),)),
            Button(f"{path}/decide", "subscriptions.reject_cancel"),
        ]
    if one["cancel_at_period_end"]:
        found.append(Button(f"{path}/undo", "subscriptions.undo"))
    elif "cancel_at_end" in allowed:
        found.append(Button(f"{path}/cancel", "subscriptions.cancel_at_end", (), reason, hint="subscriptions.end_hint"))
    if "cancel" in allowed:
        now = (("now", "yes"),)
        asked_now = (*reason, credit_choice(request))
        found.append(
            Button(f"{path}/cancel", "subscriptions.cancel_now", now, asked_now, True, "subscriptions.now_hint")
        )
    found += date_buttons(request, one, allowed)
    if "reactivate" in allowed:
        found.append(Button(f"{path}/reactivate", "subscriptions.reactivate"))
    return found


def _item_table(rows: Sequence[Row]) -> Table:
    in_phases = any(row["phases"] for row in rows)
    shown = ("subscriptions.item", "subscriptions.kind", "subscriptions.quantity>")
    return Table(
        columns(*shown, *(["subscriptions.phases_from"] if in_phases else [])),
        [
            (
                text(row["nickname"] or row["key"]),
                word(f"price.{row['kind']}"),
                text(f"{row['quantity'].normalize():f}"),
                *([day(row["phases_from"])] if in_phases else []),
            )
            for row in rows
        ],
        title="subscriptions.items",
    )


def _history_table(rows: Sequence[Row]) -> Table:
    return Table(
        columns("subscriptions.when", "subscriptions.step", "subscriptions.state", "subscriptions.mrr>"),
        [
            (
                moment(row["at"]),
                text(row["trigger"], note=row["reason"] or row["actor"]),
                state(row["target"]),
                amount(row["mrr_after_minor"], row["currency"]),
            )
            for row in rows
        ],
        title="subscriptions.history",
    )


async def cancel(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """End it, at the period's end or now."""
    subscription_id = request.path_params["subscription_id"]
    reason = fields.get("reason", "").strip()
    how = ending.Cancel(subscription_id, fields.get("now") == "yes", reason, chosen_credit(fields))
    await ending.cancel(session.context, how)
    return back_to(link_to(subscription_id))


async def undo(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Withdraw a cancellation."""
    await ending.undo(session.context, request.path_params["subscription_id"])
    return back_to(link_to(request.path_params["subscription_id"]))


async def withdraw_change(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Withdraw the change that waits."""
    await changes.withdraw_change(session.context, request.path_params["subscription_id"])
    return back_to(link_to(request.path_params["subscription_id"]))


async def decide(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Approve or reject a cancellation that waits."""
    subscription_id = request.path_params["subscription_id"]
    await ending.decide(session.context, subscription_id, approve=fields.get("approve") == "yes")
    return back_to(link_to(subscription_id))


async def reactivate(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Begin a new term."""
    await ending.reactivate(session.context, request.path_params["subscription_id"])
    return back_to(link_to(request.path_params["subscription_id"]))


_MAY = (Role.ADMIN, Role.FINANCE, Role.SUPPORT)
_ONE = "/console/subscriptions/{subscription_id}"

routes = [
    page("/console/subscriptions", show_list),
    page("/console/subscriptions/{subscription_id}", show_one),
    action(f"{_ONE}/cancel", cancel, name="subscription.cancel", roles=_MAY),
    action(f"{_ONE}/undo", undo, name="subscription.undo_cancel", roles=_MAY),
    action(f"{_ONE}/withdraw_change", withdraw_change, name="subscription.withdraw_change", roles=_MAY),
    action(f"{_ONE}/decide", decide, name="subscription.decide_cancel", roles=_MAY),
    action(f"{_ONE}/reactivate", reactivate, name="subscription.reactivate", roles=_MAY),
]
