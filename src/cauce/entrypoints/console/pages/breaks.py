"""Reconciliation: differences between our books and the holders', who explained them, and the runs that found them.

What touches money takes two persons: one proposes with evidence, which the audit keeps, another one approves.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.pages.cases import case_button, case_table
from cauce.entrypoints.console.view import action, asked, back_to, detailed, following, listed, page, states_filter
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import (
    Button,
    Cell,
    Input,
    Table,
    amount,
    columns,
    ident,
    moment,
    number,
    state,
    text,
    word,
)
from cauce.flows.marketplace import breaks
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.marketplace.reconciliation.rules import check_template, template_for
from cauce.reports import oversight as report
from cauce.reports import settlements
from cauce.storage import audit, outbox
from cauce.storage.database import Row, Tx
from cauce.storage.directory.people import Role

_STATES = ("open", "assigned", "explained", "corrected", "accepted", "closed")
_MONEY = ("correct", "accept")
PROPOSED = "break.propose"


class NothingProposed(Conflict):
    """Nobody proposed this resolution of the break, or there is a newer one."""

    code = "nothing_proposed"


async def show_list(request: Request, session: Session) -> Response:
    """Breaks, newest first, open cases, and the latest runs."""
    wanted = asked(request, "state", "before")
    async with session.context.transaction() as tx:
        rows = await report.breaks(tx, before=wanted["before"], state=wanted["state"])
        runs = await report.runs(tx)
        cases = await settlements.cases(tx, open_only=True)
    found = Table(
        columns("breaks.what", "breaks.channel", "breaks.severity", "breaks.state", "breaks.ours>", "breaks.theirs>"),
        [_line(row) for row in rows],
        none="breaks.none",
    )
    return await listed(
        request,
        session,
        "nav.breaks",
        lead="breaks.lead",
        tables=[found, case_table(cases), _run_table(runs)],
        filters=(states_filter(request, wanted["state"], _STATES),),
        next=following(request, rows),
    )


def _line(row: Row) -> tuple[Cell, ...]:
    return (
        Cell("word", f"break.{row['type']}", link_to(row["id"]), f"{row['kind']} {row['key']}"),
        text(row["channel"]),
        state(row["severity"]),
        state(row["state"]),
        amount(row["ours_minor"], row["currency"]),
        amount(row["theirs_minor"], row["currency"]),
    )


def _run_table(rows: list[Row]) -> Table:
    return Table(
        columns("runs.channel", "runs.state", "runs.until", "runs.lines>", "runs.matched>", "runs.breaks>"),
        [
            (
                text(row["channel"]),
                state(row["state"]),
                moment(row["until_at"]),
                number(row["lines"]),
                number(row["matched"]),
                number(row["breaks"]),
            )
            for row in rows
        ],
        none="runs.none",
        title="runs.title",
    )


async def show_one(request: Request, session: Session) -> Response:
    """One difference and what may be done about it."""
    break_id = request.path_params["break_id"]
    async with session.context.transaction() as tx:
        one = await report.one_break(tx, break_id)
        proposed = await _proposed(tx, break_id)
        happened = list(reversed(await outbox.events_of(tx, break_id)))
    open_now = one["state"] in ("open", "assigned")
    facts = [
        ("breaks.type", word(f"break.{one['type']}")),
        ("breaks.channel", text(one["channel"])),
        ("breaks.kind", text(one["kind"])),
        ("breaks.key", ident(one["key"])),
        ("breaks.ours", amount(one["ours_minor"], one["currency"])),
        ("breaks.theirs", amount(one["theirs_minor"], one["currency"])),
        ("breaks.difference", amount(one["amount_minor"], one["currency"])),
        ("breaks.found", moment(one["found_at"])),
        ("breaks.due", moment(one["due_at"])),
        *([("breaks.order", ident(one["order_id"], href=link_to(one["order_id"])))] if one["order_id"] else []),
        *_resolved(one),
    ]
    return await detailed(
        request,
        session,
        "console/break.html",
        name=one["key"],
        title="nav.breaks",
        above="/console/breaks",
        object_id=break_id,
        states=[one["severity"], one["state"]],
        facts=facts,
        actions=_actions(one, proposed) if open_now else [],
        proposed=proposed["after"] if proposed is not None and open_now else None,
        proposer=proposed["actor"].removeprefix("person:") if proposed is not None else "",
        happened=happened,
    )


def _resolved(one: Row) -> list[tuple[str, Cell]]:
    if not one["resolved_at"]:
        return []
    return [
        ("breaks.resolution", text(one["resolution"], note=one["evidence"])),
        ("breaks.resolved_by", text(one["resolved_by"].removeprefix("person:"))),
        ("breaks.approved_by", text(one["approved_by"].removeprefix("person:"))),
        ("breaks.resolved", moment(one["resolved_at"])),
    ]


def _actions(one: Row, proposed: Row | None) -> list[Button]:
    path = f"/console/breaks/{one['id']}"
    said = (Input("resolution", "breaks.resolution"), Input("evidence", "breaks.evidence"))
    found = [
        Button(f"{path}/explain", "breaks.explain", inputs=said, hint="breaks.explain_hint"),
        Button(f"{path}/propose", "breaks.correct", (("trigger", "correct"),), said, hint="breaks.two_hint"),
        Button(f"{path}/propose", "breaks.accept", (("trigger", "accept"),), said, hint="breaks.two_hint"),
        *([case_button(one["id"])] if one["state"] == "open" else []),
    ]
    template = template_for(one["type"], one["theirs_minor"])
    if template is not None:
        fields = (("trigger", "correct"), ("template", template.value))
        found.insert(2, Button(f"{path}/propose", f"breaks.template.{template}", fields, said, hint="breaks.two_hint"))
    if proposed is None:
        return found
    return [Button(f"{path}/approve", "breaks.approve", (("proposal", str(proposed["id"])),)), *found]


async def _proposed(tx: Tx, break_id: str) -> Row | None:
    """The newest proposal that was not refused."""
    lines = await audit.page(tx, object_id=break_id)
    return next((row for row in lines if row["action"] == PROPOSED and not row["refused"]), None)


async def explain(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Say what it was; no money moves."""
    break_id = request.path_params["break_id"]
    await _resolve(session, break_id, "explain", fields, by=session.context.actor.name)
    return back_to(link_to(break_id))


async def propose(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """The first of two persons: what should be done, and what proves it. The audit line is the proposal."""
    break_id = request.path_params["break_id"]
    if fields.get("trigger") not in _MONEY or not fields.get("resolution") or not fields.get("evidence"):
        raise InvalidRequest("a proposal says what it was and what proves it", param="evidence")
    async with session.context.transaction() as tx:
        one = await report.one_break(tx, break_id)
    if fields.get("template"):
        check_template(fields["template"], fields["trigger"], one["type"], one["theirs_minor"])
    return back_to(link_to(break_id))


async def approve(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """The second person lets the proposal take effect, the very one that the page showed."""
    break_id = request.path_params["break_id"]
    async with session.context.transaction() as tx:
        proposed = await _proposed(tx, break_id)
    if proposed is None or str(proposed["id"]) != fields.get("proposal"):
        raise NothingProposed(param="break")
    said = proposed["after"]
    await _resolve(
        session, break_id, said["trigger"], said, by=proposed["actor"], approved_by=session.context.actor.name
    )
    return back_to(link_to(break_id))


async def _resolve(
    session: Session, break_id: str, trigger: str, said: Mapping[str, str], *, by: str, approved_by: str = ""
) -> None:
    async with session.context.transaction() as tx:
        words, template = (said.get("resolution", ""), said.get("evidence", "")), said.get("template", "")
        await breaks.resolve_break(
            session.context, tx, break_id, trigger, *words, by=by, approved_by=approved_by, template=template
        )


_MAY = (Role.ADMIN, Role.FINANCE)

routes = [
    page("/console/breaks", show_list),
    page("/console/breaks/{break_id}", show_one),
    action("/console/breaks/{break_id}/explain", explain, name="break.explain", roles=_MAY),
    action("/console/breaks/{break_id}/propose", propose, name=PROPOSED, roles=_MAY),
    action("/console/breaks/{break_id}/approve", approve, name="break.approve", roles=_MAY),
]
