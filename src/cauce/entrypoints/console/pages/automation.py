"""From hand to automatic: every step of the business with what it costs, its mode to switch, and the tasks that wait."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.relations.rules import Mode
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import action, asked, back_to, listed, page
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import (
    Button,
    Cell,
    Input,
    Table,
    buttons,
    columns,
    moment,
    number,
    state,
    text,
    word,
)
from cauce.entrypoints.web.texts import translator
from cauce.flows import automation
from cauce.flows.inventory import Line, inventory
from cauce.kernel.errors import InvalidRequest
from cauce.reports import automation as report
from cauce.reports import subscriptions
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

ROWS = 100
_SWITCH = {
    Mode.MANUAL: "automation.to_manual",
    Mode.ASSISTED: "automation.to_assisted",
    Mode.AUTOMATIC: "automation.to_automatic",
}


async def show_inventory(request: Request, session: Session) -> Response:
    """Every step, the one that costs most time first."""
    lines = await inventory(session.context)
    async with session.context.transaction() as tx:
        plans = await subscriptions.plan_keys(tx)
    t = translator(locale_of(request))
    choices = (("", t("automation.every_plan")), *((row["key"], row["name"]) for row in plans))
    table = Table(
        columns(
            "automation.step", "automation.occasion", "automation.mode", "automation.runs>", "automation.by_hand>",
            "automation.minutes>", "automation.failures>", "automation.saved>", ">",
        ),
        [_line(line, choices) for line in lines],
    )  # fmt: skip
    return await listed(request, session, "nav.automation", lead="automation.lead", tables=[table])


def _line(line: Line, plans: Sequence[tuple[str, str]]) -> tuple[Cell, ...]:
    own = ", ".join(f"{plan}: {mode.value}" for plan, mode in sorted(line.own_modes.items()))
    plan = (Input("plan", "automation.plan", options=tuple(plans), required=False),)
    switches = [
        Button("/console/automation/mode", _SWITCH[mode], (("step", line.step), ("mode", mode.value)), plan)
        for mode in Mode
        if mode is not line.mode or line.own_modes
    ]
    return (
        Cell("word", f"step.{line.step}", f"/console/tasks?step={line.step}" if line.open_tasks else "", line.step),
        word(f"occasion.{line.occasion}"),
        state(line.mode.value, note=own),
        number(line.runs),
        number(line.by_hand + line.open_tasks),
        number(line.minutes_each),
        number(line.failures),
        number(line.minutes_saved),
        buttons(*switches),
    )


async def show_tasks(request: Request, session: Session) -> Response:
    """The tasks that wait, the longest due first."""
    wanted = asked(request, "step")
    async with session.context.transaction() as tx:
        rows = await report.tasks(tx, step=wanted["step"], rows_max=ROWS)
    table = Table(
        columns("tasks.step", "tasks.customer", "tasks.about", "tasks.due", ">"),
        [_task(row) for row in rows],
        none="tasks.none",
    )
    everything = [Button("/console/tasks/all", "tasks.do_all", (("step", wanted["step"]),))] if rows else []
    return await listed(request, session, "nav.tasks", tables=[table], actions=everything)


def _task(row: Row) -> tuple[Cell, ...]:
    minutes = (Input("minutes", "tasks.minutes", kind="number", required=False),)
    label = "tasks.approve" if row["mode"] == "assisted" else "tasks.do"
    return (
        word(f"step.{row['step']}"),
        text(
            row["customer"] or row["external_id"],
            href=link_to(row["customer_id"]) if row["customer_id"] else "",
            note=row["plan_key"],
        ),
        text(row["object_id"], href=link_to(row["object_id"])),
        moment(row["at"]),
        buttons(Button(f"/console/tasks/{row['id']}/do", label, (), minutes)),
    )


async def switch(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Set a step's mode."""
    try:
        mode = Mode(fields.get("mode", ""))
    except ValueError as exc:
        raise InvalidRequest(f"there is no mode {fields.get('mode')!r}", param="mode") from exc
    await automation.set_mode(session.context, fields.get("step", ""), mode, fields.get("plan", ""))
    return back_to("/console/automation")


async def do(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Let one step go on."""
    typed = fields.get("minutes", "").strip()
    if typed and not typed.isdigit():
        raise InvalidRequest("minutes are a whole number", param="minutes")
    await automation.release(session.context, request.path_params["task_id"], minutes=int(typed) if typed else None)
    return back_to("/console/tasks")


async def do_all(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Let everything that this page shows go on."""
    async with session.context.transaction() as tx:
        rows = await report.tasks(tx, step=fields.get("step", ""), rows_max=ROWS)
    for row in rows:
        await automation.release(session.context, row["id"])
    return back_to("/console/tasks")


_MAY = (Role.ADMIN, Role.FINANCE, Role.SUPPORT)

routes = [
    page("/console/automation", show_inventory),
    page("/console/tasks", show_tasks),
    action("/console/automation/mode", switch, name="automation.set_mode", roles=(Role.ADMIN,)),
    action("/console/tasks/all", do_all, name="task.do_all", roles=_MAY),
    action("/console/tasks/{task_id}/do", do, name="task.do", roles=_MAY),
]
