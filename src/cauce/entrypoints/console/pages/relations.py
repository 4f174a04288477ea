"""What staff do with one customer: tag, note, task, owner."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.customers import service as customers
from cauce.billing.relations import knowing as relations
from cauce.entrypoints.console.view import action, back_to
from cauce.entrypoints.web.sessions import Session
from cauce.kernel.errors import InvalidRequest
from cauce.storage import audit
from cauce.storage.database import Tx
from cauce.storage.directory import people
from cauce.storage.directory.people import Role

_MAY = (Role.ADMIN, Role.FINANCE, Role.SUPPORT)
_ONE = "/console/customers/{customer_id}"

Do = Callable[[Tx, Session, str, dict[str, str], datetime], Awaitable[None]]


def _doing(path: str, do: Do, *, name: str) -> object:
    """A form of the customer's page: he must exist; what was done is in the audit, its words are not."""

    async def act(request: Request, session: Session, fields: dict[str, str]) -> Response:
        customer_id = str(request.path_params["customer_id"])
        async with session.context.transaction() as tx:
            await customers.read(tx, customer_id)
            await do(tx, session, customer_id, fields, await session.context.now(tx))
            await audit.record(tx, session.context.actor, name, customer_id)
        return back_to(f"/console/customers/{customer_id}")

    return action(f"{_ONE}{path}", act, roles=_MAY)


async def _tag(tx: Tx, session: Session, customer_id: str, fields: dict[str, str], at: datetime) -> None:
    await relations.tag(tx, [customer_id], fields.get("tag", ""), at, actor=session.context.actor.name)


async def _untag(tx: Tx, _session: Session, customer_id: str, fields: dict[str, str], _at: datetime) -> None:
    await relations.untag(tx, customer_id, fields.get("tag", ""))


async def _note(tx: Tx, session: Session, customer_id: str, fields: dict[str, str], at: datetime) -> None:
    await relations.note(tx, customer_id, session.visitor.email, fields.get("body", ""), at)


async def _task(tx: Tx, session: Session, customer_id: str, fields: dict[str, str], at: datetime) -> None:
    owner, due = await known_member(tx, fields.get("owner", "")), day_of(fields.get("due_on", ""))
    actor = session.context.actor.name
    await relations.make_todo(
        tx, fields.get("title", ""), at, actor=actor, customer_id=customer_id, owner=owner, due_on=due
    )


async def _owner(tx: Tx, _session: Session, customer_id: str, fields: dict[str, str], at: datetime) -> None:
    await relations.set_owner(tx, customer_id, await known_member(tx, fields.get("owner", "")), at)


async def known_member(tx: Tx, email: str) -> str:
    """The address of a member, or "" for nobody."""
    if email and email not in {row["email"] for row in await people.members(tx, tx.org)}:
        raise InvalidRequest(f"{email} is no member", param="owner")
    return email


def day_of(typed: str) -> date | None:
    """A date as a form sends it; None for none."""
    try:
        return date.fromisoformat(typed) if typed else None
    except ValueError:
        raise InvalidRequest("due_on is a date", param="due_on") from None


routes = [
    _doing("/tags", _tag, name="customer.tag"),
    _doing("/tags/drop", _untag, name="customer.untag"),
    _doing("/notes", _note, name="customer.note"),
    _doing("/todos", _task, name="todo.create"),
    _doing("/owner", _owner, name="customer.set_owner"),
]
