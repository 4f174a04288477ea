"""The browser's session: an HttpOnly cookie, and a token in every form that another site cannot know."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from cauce.flows.context import Context, Runtime
from cauce.kernel.clock import wall_now
from cauce.kernel.errors import Forbidden, Unauthenticated
from cauce.storage.audit import Actor
from cauce.storage.directory import people
from cauce.storage.directory.people import Role, Visitor

COOKIE = "cauce_session"
FORM_FIELD = "form_token"

WRITERS = frozenset({Role.OWNER, Role.ADMIN, Role.FINANCE, Role.SUPPORT, Role.DEVELOPER})
"""Everybody but viewers."""


class SignInNeeded(Unauthenticated):
    """Sign in to see this page."""

    code = "sign_in_needed"


class ForeignForm(Forbidden):
    """The form was not sent from a page of this session; load the page again."""

    code = "foreign_form"


class RoleTooSmall(Forbidden):
    """Your role does not allow this."""

    code = "role_too_small"


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in visitor with an organization in view, and the context to work in."""

    visitor: Visitor
    context: Context
    form_token: str

    def require(self, *roles: Role) -> None:
        """Raise `RoleTooSmall` unless the visitor has one of `roles` (owners may everything)."""
        if self.visitor.role is not Role.OWNER and self.visitor.role not in roles:
            raise RoleTooSmall()


async def current_session(request: Request) -> Session:
    """The session of this request; `SignInNeeded` without one."""
    token = request.cookies.get(COOKIE, "")
    runtime: Runtime = request.app.state.runtime
    async with runtime.db.transaction() as tx:
        visitor = await people.read_session(tx, token, wall_now()) if token else None
    if visitor is None or visitor.org_id is None:
        raise SignInNeeded()
    address = request.client.host if request.client else None
    actor = Actor(f"person:{visitor.email}", address, request.scope.get("state", {}).get("request_id"))
    return Session(visitor, runtime.context(visitor.org_id, actor=actor, cause="console"), form_token(token))


async def posted_form(request: Request) -> tuple[Session, dict[str, str]]:
    """The session and the fields of a form that this session's own page sent; viewers may not post."""
    session = await current_session(request)
    form = await request.form()
    fields = {name: value for name, value in form.items() if isinstance(value, str)}  # files are the action's to read
    if not hmac.compare_digest(fields.pop(FORM_FIELD, ""), session.form_token):
        raise ForeignForm()
    session.require(*WRITERS)
    return session, fields


def form_token(session_token: str) -> str:
    """What forms carry: derived from the session, useless without its cookie."""
    return hashlib.sha256(b"form:" + session_token.encode()).hexdigest()


def set_cookie(response: Response, token: str, *, secure: bool) -> None:
    """Keep the session in the browser."""
    response.set_cookie(
        COOKIE, token, max_age=people.SESSION_DAYS * 86_400, httponly=True, secure=secure, samesite="lax", path="/"
    )
