"""Settings: the organization, who works with it, API keys (each secret shown once), channels."""

from __future__ import annotations

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from cauce.channels import store as channels
from cauce.entrypoints.console.view import action, back_to, framed, page
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input, Table, buttons, columns, ident, moment, state, text
from cauce.kernel.clock import wall_now
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.storage.database import Row
from cauce.storage.directory import keys, orgs, people
from cauce.storage.directory.orgs import Org, read_org
from cauce.storage.directory.people import Role

_MAY = (Role.ADMIN,)


class LastOwner(Conflict):
    """An organization keeps at least one owner."""

    code = "last_owner"


async def show(request: Request, session: Session) -> Response:
    """Everything that is set."""
    return await _show(request, session)


async def _show(request: Request, session: Session, *, secret: str = "", link: str = "") -> Response:
    async with session.context.transaction() as tx:
        known_keys = await keys.list_keys(tx, tx.org)
        members = await people.members(tx, tx.org)
        known_channels = await channels.list_channels(tx)
        org = await read_org(tx, tx.org)
    return await framed(
        request,
        session,
        "console/settings.html",
        secret=secret,
        link=link,
        new_key=_key_form(),
        new_member=_member_form(),
        seller=_seller_form(org),
        tables=[_key_table(known_keys), _member_table(members, session), _channel_table(known_channels)],
    )


def _key_form() -> Button:
    scopes = tuple((one, one) for one in ("admin", *sorted(keys.SCOPES - {"admin"})))
    return Button(
        "/console/settings/keys",
        "keys.create",
        inputs=(Input("name", "keys.name"), Input("scope", "keys.scope", value="read", options=scopes)),
    )


def _seller_form(org: Org) -> Button:
    return Button(
        "/console/settings/seller",
        "settings.seller",
        inputs=(
            Input("legal_name", "settings.legal_name", value=org.legal_name, required=False),
            Input("legal_address", "settings.legal_address", kind="textarea", value=org.legal_address, required=False),
            Input("tax_id", "settings.tax_id", value=org.tax_id, required=False),
            Input("country", "customers.country", value=org.country, required=False, placeholder="ES"),
        ),
        hint="settings.seller_hint",
    )


async def set_seller(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Who sells in law, for invoices to come."""
    async with session.context.transaction() as tx:
        await orgs.set_seller(
            tx,
            await read_org(tx, tx.org),
            legal_name=fields.get("legal_name", "").strip()[:200],
            legal_address=fields.get("legal_address", "").strip()[:1_000],
            tax_id=fields.get("tax_id", "").strip()[:50],
            country=fields.get("country", "").strip().upper(),
        )
    return back_to("/console/settings")


def _member_form() -> Button:
    roles = tuple((one.value, one.value) for one in Role)
    return Button(
        "/console/settings/members",
        "members.add",
        inputs=(
            Input("email", "members.email", kind="email"),
            Input("role", "members.role", value=Role.VIEWER.value, options=roles),
        ),
        hint="members.add_hint",
    )


def _key_table(rows: list[Row]) -> Table:
    return Table(
        columns("keys.name", "keys.hint", "keys.scope", "keys.used", "keys.state", ">"),
        [
            (
                text(row["name"]),
                ident(row["hint"]),
                text(", ".join(row["scopes"])),
                moment(row["last_used_at"]),
                state("revoked" if row["revoked_at"] else "active"),
                buttons(
                    *(
                        []
                        if row["revoked_at"]
                        else [Button(f"/console/settings/keys/{row['public_id']}/revoke", "keys.revoke", danger=True)]
                    )
                ),
            )
            for row in rows
        ],
        none="keys.none",
        title="keys.title",
    )


def _member_table(rows: list[Row], session: Session) -> Table:
    return Table(
        columns("members.email", "members.name", "members.role", "members.since", ">"),
        [
            (
                text(row["email"]),
                text(row["name"]),
                text(row["role"]),
                moment(row["created_at"]),
                buttons(
                    *(
                        []
                        if row["email"] == session.visitor.email
                        else [Button("/console/settings/members/remove", "members.remove", (("email", row["email"]),), danger=True)]
                    )
                ),
            )
            for row in rows
        ],
        title="members.title",
    )  # fmt: skip


def _channel_table(rows: list[Row]) -> Table:
    return Table(
        columns(
            "channels.name", "channels.provider", "channels.id", "channels.state", "channels.last_notice",
            "channels.read_to", "channels.missed", "channels.refused", "channels.lost",
        ),
        [
            (
                text(row["name"]),
                text(row["provider"]),
                ident(row["id"]),
                state(row["state"]),
                moment(row["last_notice_at"]),
                moment(row["notices_read_to"]),
                text(str(row["notices_missed"] or "")),
                text(str(row["notices_refused"] or "")),
                text(_span(row["notices_lost_from"], row["notices_lost_to"])),
            )
            for row in rows
        ],
        none="channels.none",
        title="channels.title",
    )  # fmt: skip


def _span(begin: datetime | None, end: datetime | None) -> str:
    return f"{begin:%Y-%m-%d %H:%M} – {end:%Y-%m-%d %H:%M}" if begin and end else ""


async def create_key(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """A new key; its secret stands on this answer and nowhere else."""
    name = fields.get("name", "").strip()
    if not 1 <= len(name) <= 100:
        raise InvalidRequest("a key has a name of 1 to 100 characters", param="name")
    async with session.context.transaction() as tx:
        org = await read_org(tx, tx.org)
        _, secret = await keys.create_key(tx, org.id, org.mode, name, frozenset({fields.get("scope", "")}))
    return await _show(request, session, secret=secret)


async def revoke_key(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """End a key at once."""
    async with session.context.transaction() as tx:
        await keys.revoke_key(tx, tx.org, request.path_params["key_id"])
    return back_to("/console/settings")


async def add_member(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Give somebody a role, and show the link that signs him in once."""
    role = _role(fields.get("role", ""))
    if role is Role.OWNER:
        session.require(Role.OWNER)
    async with session.context.transaction() as tx:
        await _keep_an_owner(session, await people.members(tx, tx.org), fields.get("email", ""), role)
        person_id = await people.add_member(tx, tx.org, fields.get("email", ""), role)
        token = await people.make_link(tx, person_id, tx.org, wall_now())
    return await _show(request, session, link=f"{session.context.runtime.public_url}/sign-in?token={token}")


async def remove_member(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Take somebody's role away."""
    email = fields.get("email", "").strip().lower()
    async with session.context.transaction() as tx:
        members = await people.members(tx, tx.org)
        if all(row["email"] != email for row in members):
            raise InvalidRequest(f"{email} is no member", param="email")
        await _keep_an_owner(session, members, email, Role.VIEWER)
        person_id = await people.add_member(tx, tx.org, email, Role.VIEWER)
        await people.remove_member(tx, tx.org, person_id)
    return back_to("/console/settings")


async def _keep_an_owner(session: Session, members: list[Row], email: str, role: Role) -> None:
    """Only an owner changes an owner's role, and one owner always stays."""
    owners = {row["email"] for row in members if row["role"] == Role.OWNER}
    if email.strip().lower() not in owners or role is Role.OWNER:
        return
    session.require(Role.OWNER)
    if len(owners) == 1:
        raise LastOwner(param="role")


def _role(typed: str) -> Role:
    try:
        return Role(typed)
    except ValueError:
        raise InvalidRequest(f"{typed!r} is no role", param="role") from None


routes = [
    page("/console/settings", show),
    action("/console/settings/keys", create_key, name="api_key.create", roles=_MAY),
    action("/console/settings/keys/{key_id}/revoke", revoke_key, name="api_key.revoke", roles=_MAY),
    action("/console/settings/seller", set_seller, name="organization.set_seller", roles=_MAY),
    action("/console/settings/members", add_member, name="member.add", roles=_MAY),
    action("/console/settings/members/remove", remove_member, name="member.remove", roles=_MAY),
]
