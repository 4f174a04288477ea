"""The inbox: one queue for everybody, a thread with its answer field, replies kept for reuse, how fast people are answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.conversations import service as conversations
from cauce.billing.customers import service as customers
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import action, asked, back_to, framed, listed, page
from cauce.entrypoints.web.news import answer_stream
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input, Table, buttons, columns, moment, number, state, text, word
from cauce.entrypoints.web.texts import translator
from cauce.flows.chat import talking
from cauce.kernel.errors import InvalidRequest
from cauce.reports import conversations as report
from cauce.storage import audit
from cauce.storage.database import Row
from cauce.storage.directory import people
from cauce.storage.directory.people import Role

_HOME = "/console/conversations"
_MAY = (Role.ADMIN, Role.FINANCE, Role.SUPPORT)
_REPORT_DAYS = 30
_VIEWS = ("open", "waiting", "mine", "closed")


async def show_list(request: Request, session: Session) -> Response:
    """The inbox, and the report of answers below it."""
    view = asked(request, "view")["view"]
    view = view if view in _VIEWS else "open"
    mine = session.visitor.email if view == "mine" else ""
    async with session.context.transaction() as tx:
        found = await report.inbox(
            tx, state="closed" if view == "closed" else "open", assignee=mine, waiting=view == "waiting"
        )
        since = await session.context.now(tx) - timedelta(days=_REPORT_DAYS)
        times = await report.answer_times(tx, since)
        replies = await conversations.replies(tx)
    t = translator(locale_of(request))
    chosen = Input("view", "inbox.view", value=view, options=tuple((one, t(f"inbox.{one}")) for one in _VIEWS))
    keep = Button(
        f"{_HOME}/replies",
        "inbox.keep_reply",
        inputs=(Input("title", "inbox.reply_title"), Input("body", "inbox.reply_body", kind="textarea")),
    )
    return await listed(
        request,
        session,
        "nav.conversations",
        lead="inbox.lead",
        filters=(chosen,),
        actions=(keep,),
        tables=[inbox_table(found), _times(times), _replies(replies)],
    )


def inbox_table(rows: list[Row], *, title: str = "") -> Table:
    """Conversations with whom they are and what was said last."""
    return Table(
        columns("inbox.who", "inbox.last", "inbox.waiting", "inbox.assignee", "inbox.state"),
        [
            (
                text(row["name"] or row["id"], href=f"{_HOME}/{row['id']}", note=row["channel"] or ""),
                text((row["last_words"] or "")[:120]),
                moment(row["waiting_since"]),
                text(row["assignee"]),
                state(row["state"]),
            )
            for row in rows
        ],
        none="inbox.none",
        title=title,
    )


def _times(rows: list[Row]) -> Table:
    return Table(
        columns("inbox.standing", "inbox.opened>", "inbox.answered>", "inbox.median>"),
        [
            (
                word(f"inbox.{row['standing']}"),
                number(row["opened"]),
                number(row["answered"]),
                number(row["median_seconds"]),
            )
            for row in rows
        ],
        none="inbox.no_times",
        title="inbox.times",
    )


def _replies(rows: Sequence[Row]) -> Table:
    return Table(
        columns("inbox.reply_title", "inbox.reply_body", ">"),
        [
            (
                text(row["title"]),
                text(row["body"][:200]),
                buttons(Button(f"{_HOME}/replies/{row['id']}/drop", "members.remove", danger=True)),
            )
            for row in rows
        ],
        none="inbox.no_replies",
        title="inbox.replies",
    )


async def show_one(request: Request, session: Session) -> Response:
    """One conversation; with `hx-request` only what was said, for a page that looks again by itself."""
    async with session.context.transaction() as tx:
        one = await conversations.read(tx, request.path_params["conversation_id"])
        said = await conversations.messages(tx, one.id)
        known = await customers.read(tx, one.customer_id) if one.customer_id else None
        replies = await conversations.replies(tx)
        members = [row["email"] for row in await people.members(tx, tx.org)]
    reply = asked(request, "reply")["reply"]
    return await framed(
        request,
        session,
        "console/conversation_said.html" if request.headers.get("hx-request") else "console/conversation.html",
        one=one,
        said=said,
        name=(known.name or known.external_id) if known else one.visitor_name or one.visitor_email or one.id,
        email=known.email if known else one.visitor_email,
        above=link_to(known.id) if known else "",
        replies=replies,
        draft=next((row["body"] for row in replies if row["id"] == reply), ""),
        members=members,
    )


async def stream(request: Request, session: Session) -> Response:
    """Tells the open page at once that something was said."""
    async with session.context.transaction() as tx:
        one = await conversations.read(tx, request.path_params["conversation_id"])
    return await answer_stream(request, session.context.org_id, one.id)


async def answer(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Say something to the person."""
    conversation_id = str(request.path_params["conversation_id"])
    author = session.visitor.name or session.visitor.email
    message_id = await talking.answer(session.context, conversation_id, author, fields.get("text", ""))
    async with session.context.transaction() as tx:  # the audit keeps that it was said; the words can be forgotten
        await audit.record(
            tx, session.context.actor, "conversation.answer", conversation_id, after={"message": message_id}
        )
    if fields.get("close"):
        await talking.close(session.context, conversation_id)
    return back_to(f"{_HOME}/{conversation_id}")


async def assign(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Give it to a member, or to nobody."""
    conversation_id, chosen = str(request.path_params["conversation_id"]), fields.get("assignee", "")
    async with session.context.transaction() as tx:
        known = {row["email"] for row in await people.members(tx, tx.org)}
    if chosen and chosen not in known:
        raise InvalidRequest(f"{chosen} is no member", param="assignee")
    await talking.assign(session.context, conversation_id, chosen)
    return back_to(f"{_HOME}/{conversation_id}")


async def close(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """End it."""
    await talking.close(session.context, request.path_params["conversation_id"])
    return back_to(_HOME)


async def keep_reply(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Keep a reply for reuse."""
    async with session.context.transaction() as tx:
        at = await session.context.now(tx)
        await conversations.keep_reply(tx, fields.get("title", ""), fields.get("body", ""), at)
    return back_to(_HOME)


async def drop_reply(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Forget one."""
    async with session.context.transaction() as tx:
        await conversations.drop_reply(tx, request.path_params["reply_id"])
    return back_to(_HOME)


_ONE = f"{_HOME}/{{conversation_id}}"

routes = [
    page(_HOME, show_list),
    page(_ONE, show_one),
    page(f"{_ONE}/stream", stream),
    action(f"{_HOME}/replies", keep_reply, name="saved_reply.keep", roles=_MAY),
    action(f"{_HOME}/replies/{{reply_id}}/drop", drop_reply, name="saved_reply.drop", roles=_MAY),
    action(f"{_ONE}/answer", answer, roles=_MAY),
    action(f"{_ONE}/assign", assign, name="conversation.assign", roles=_MAY),
    action(f"{_ONE}/close", close, name="conversation.close", roles=_MAY),
]
