"""What staff have to do, the most urgent first."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.relations import knowing as relations
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.pages.relations import day_of, known_member
from cauce.entrypoints.console.view import action, asked, back_to, listed, page
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input, Table, buttons, columns, day, state, text
from cauce.entrypoints.web.texts import translator
from cauce.reports import relations as report
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_HOME = "/console/todos"
_MAY = (Role.ADMIN, Role.FINANCE, Role.SUPPORT)


async def show(request: Request, session: Session) -> Response:
    """Open tasks: everybody's, or one's own; or those that are done."""
    view = asked(request, "view")["view"]
    async with session.context.transaction() as tx:
        owner = session.visitor.email if view == "mine" else ""
        rows = await report.todos(tx, state="done" if view == "done" else "open", owner=owner)
    t = translator(locale_of(request))
    views = (("", t("todos.open")), ("mine", t("inbox.mine")), ("done", t("todos.done")))
    new = Button(
        _HOME,
        "relations.task",
        inputs=(Input("title", "relations.title"), Input("due_on", "relations.due_on", kind="date", required=False)),
    )
    return await listed(
        request,
        session,
        "nav.todos",
        filters=(Input("view", "inbox.view", value=view, options=views, required=False),),
        actions=(new,),
        tables=[todo_table(rows, titled=False)],
    )


def todo_table(rows: list[Row], *, titled: bool = True) -> Table:
    """Tasks with their button."""
    return Table(
        columns("relations.title", "relations.due_on", "relations.owner", "todos.state", ">"),
        [
            (
                text(
                    row["title"],
                    href=link_to(row["customer_id"]) if row["customer_id"] else "",
                    note=row["customer"] or row["external_id"] or "",
                ),
                day(row["due_on"]),
                text(row["owner"]),
                state("open" if row["state"] == "open" else "resolved"),
                buttons(*([Button(f"{_HOME}/{row['id']}/done", "todos.finish")] if row["state"] == "open" else [])),
            )
            for row in rows
        ],
        none="todos.none",
        title="nav.todos" if titled else "",
    )


async def create(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """A task that is about no customer."""
    async with session.context.transaction() as tx:
        at, actor = await session.context.now(tx), session.context.actor.name
        owner = await known_member(tx, fields.get("owner", ""))
        due = day_of(fields.get("due_on", ""))
        await relations.make_todo(tx, fields.get("title", ""), at, actor=actor, owner=owner, due_on=due)
    return back_to(_HOME)


async def finish(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """It is done."""
    async with session.context.transaction() as tx:
        at, actor = await session.context.now(tx), session.context.actor.name
        await relations.finish_todo(tx, request.path_params["todo_id"], at, actor=actor)
    return back_to(_HOME)


routes = [
    page(_HOME, show),
    action(_HOME, create, name="todo.create", roles=_MAY),
    action(f"{_HOME}/{{todo_id}}/done", finish, name="todo.finish", roles=_MAY),
]
