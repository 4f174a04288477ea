"""What the hosted pages are allowed: sites that may frame them, where they may lead, and the key that names customers."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cauce.channels import service as channels
from cauce.entrypoints.console.plan_form import read_yaml, written
from cauce.entrypoints.console.view import action, back_to, framed, page
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input
from cauce.entrypoints.web.texts import translator
from cauce.flows import portal, portal_settings
from cauce.gateway.capabilities import Can
from cauce.storage.database import Tx
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
        desks = await _desks(tx, session, livemode=org.livemode)
    t = translator(locale_of(request))
    known = portal_settings.settings_of(org)
    form = Button(
        _PATH,
        "embed.save",
        inputs=(
            Input("origins", "embed.origins", kind="textarea", value="\n".join(known.origins), required=False),
            Input("chat", "embed.chat", value=known.chat_channel, options=(("", t("embed.own_chat")), *desks)),
            Input("redirects", "embed.redirects", kind="textarea", value="\n".join(known.redirects), required=False),
            Input(
                "change_policy",
                "embed.change_policy",
                kind="textarea",
                value=written(known.change_policy),
                required=False,
            ),
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


async def _desks(tx: Tx, session: Session, *, livemode: bool) -> list[tuple[str, str]]:
    """(id, name) of the channels whose chat can stand on the pages."""
    runtime, found = session.context.runtime, []
    for row in await channels.list_channels(tx):
        channel = await channels.open_channel(tx, runtime.sealer, row["id"], livemode=livemode)
        if Can.SHOWS_CHAT in runtime.gateways.capabilities(channel).can:
            found.append((row["id"], row["name"]))
    return found


async def save(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Set both lists, one origin a line."""
    async with session.context.transaction() as tx:
        await portal_settings.save_settings(
            tx,
            session.context,
            origins=fields.get("origins", "").split(),
            redirects=fields.get("redirects", "").split(),
            chat_channel=fields.get("chat", ""),
            change_policy=read_yaml(fields.get("change_policy", ""), "change_policy"),
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
