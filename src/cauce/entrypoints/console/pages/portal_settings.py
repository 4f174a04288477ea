"""What the hosted pages are allowed: sites that may frame them, where they may lead, and the key that names customers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.view import action, back_to, framed, page
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input
from cauce.flows import portal, portal_settings
from cauce.storage.directory.orgs import read_org
from cauce.storage.directory.people import Role

_PATH = "/console/settings/portal"
_MAY = (Role.ADMIN,)


async def show(request: Request, session: Session) -> Response:
    """Everything that is set, and the lines to put into a page."""
    return await _show(request, session)


async def _show(request: Request, session: Session, *, key: str = "") -> Response:
    async with session.context.transaction() as tx:
        org = await read_org(tx, tx.org)
        has_key = await portal.has_identity_key(tx, session.context.runtime)
    known = portal_settings.settings_of(org)
    form = Button(
        _PATH,
        "embed.save",
        inputs=(
            Input("origins", "embed.origins", kind="textarea", value="\n".join(known.origins), required=False),
            Input("redirects", "embed.redirects", kind="textarea", value="\n".join(known.redirects), required=False),
        ),
        hint="embed.lists",
    )
    rotate = Button(f"{_PATH}/key", "embed.rotate", danger=has_key, hint="embed.rotate_note")
    return await framed(
        request,
        session,
        "console/portal_settings.html",
        known=known,
        key=key,
        has_key=has_key,
        actions=(form, rotate),
        public_url=session.context.runtime.public_url,
    )


async def save(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Set both lists, one origin a line."""
    async with session.context.transaction() as tx:
        await portal_settings.save_settings(
            tx,
            session.context,
            origins=fields.get("origins", "").split(),
            redirects=fields.get("redirects", "").split(),
        )
    return back_to(_PATH)


async def rotate(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """A new identity key, shown on this answer and nowhere else."""
    async with session.context.transaction() as tx:
        key = await portal.rotate_identity_key(tx, session.context)
    return await _show(request, session, key=key)


routes = [
    page(_PATH, show),
    action(_PATH, save, roles=_MAY),
    action(f"{_PATH}/key", rotate, roles=_MAY),
]
