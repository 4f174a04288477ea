"""Events, one object's timeline, and the ledger with its proof."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from cauce.channels import store as channels
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import ROWS, detailed, framed, page
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Table, amount, columns, ident, moment, text, word
from cauce.kernel.events import CATALOGUE
from cauce.ledger import reading
from cauce.reports import activity
from cauce.storage import outbox
from cauce.storage.database import Row


async def events(request: Request, session: Session) -> Response:
    """Events, newest first, of one type when filtered."""
    chosen = request.query_params.get("type") or None
    before = _number(request, "before", outbox.LATEST)
    async with session.context.transaction() as tx:
        rows = await outbox.page(tx, before=before, rows_max=ROWS, event_type=chosen)
    query = {"before": rows[-1]["id"], **({"type": chosen} if chosen else {})} if len(rows) == ROWS else None
    following = f"/console/events?{urlencode(query)}" if query else ""
    return await framed(
        request,
        session,
        "console/events.html",
        rows=rows,
        link_to=link_to,
        chosen=chosen,
        types=sorted(CATALOGUE),
        next=following,
    )


async def one_object(request: Request, session: Session) -> Response:
    """Everything that happened to one object, and what was asked of providers for it."""
    object_id = request.path_params["object_id"]
    async with session.context.transaction() as tx:
        happened = await outbox.events_of(tx, object_id)
        asked = await channels.instructions_of(tx, object_id)
    return await framed(
        request, session, "console/object.html", object_id=object_id, events=happened, instructions=asked
    )


async def ledger(request: Request, session: Session) -> Response:
    """Trial balance per book, and the accounts that hold anything."""
    after_id = _number(request, "after", 0)
    async with session.context.transaction() as tx:
        rows = await activity.trial_balance(tx)
        accounts = await activity.accounts(tx, after_id=after_id, rows_max=ROWS)
    following = f"/console/ledger?after={accounts[-1]['id']}" if len(accounts) == ROWS else ""
    balanced = all(row["balance_minor"] == 0 for row in rows)
    return await framed(
        request, session, "console/ledger.html", rows=rows, accounts=accounts, balanced=balanced, next=following
    )


async def one_journal(request: Request, session: Session) -> Response:
    """One journal and its legs."""
    async with session.context.transaction() as tx:
        head, legs = await reading.journal(tx, request.path_params["journal_id"])
    return await detailed(
        request,
        session,
        name=f"{head['recipe']} · {head['id']}",
        title="nav.ledger",
        above="/console/ledger",
        object_id=head["key"],
        facts=[
            ("journals.reference", ident(head["reference"], href=link_to(head["reference"]))),
            ("journals.evidence", text(head["evidence"])),
            ("journals.when", moment(head["effective_at"])),
            ("journals.recorded", moment(head["recorded_at"])),
        ],
        tables=[_leg_table(legs)],
    )


def _leg_table(legs: list[Row]) -> Table:
    return Table(
        columns("ledger.account", "ledger.book", "ledger.debits>", "ledger.credits>"),
        [
            (
                ident(leg["code"]),
                word(f"book.{leg['book']}"),
                amount(leg["amount_minor"] if leg["amount_minor"] > 0 else None, leg["currency"]),
                amount(-leg["amount_minor"] if leg["amount_minor"] < 0 else None, leg["currency"]),
            )
            for leg in legs
        ],
        title="journals.legs",
    )


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isdigit() and len(text) < 19 else default


routes = [
    page("/console/events", events),
    page("/console/objects/{object_id}", one_object),
    page("/console/ledger", ledger),
    page("/console/ledger/journals/{journal_id:int}", one_journal),
]
