"""What is set of an organization's mail: a form on the page of campaigns."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cauce.channels import service as channels
from cauce.entrypoints.console.view import action, back_to
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input
from cauce.entrypoints.web.texts import translator
from cauce.flows.outreach import mail_settings
from cauce.flows.outreach.mail_settings import MailSettings
from cauce.flows.outreach.reach import find_reach
from cauce.storage.directory.orgs import read_org
from cauce.storage.directory.people import Role

_PATH = "/console/campaigns/mail"


async def mail_form(request: Request, session: Session) -> Button:
    """The form, filled with what is set."""
    t = translator(locale_of(request))
    async with session.context.transaction() as tx:
        org = await read_org(tx, tx.org)
        names = {row["id"]: row["name"] for row in await channels.list_channels(tx)}
    senders = tuple((one, names[one]) for one in (await find_reach(session.context)).mails)
    known = mail_settings.settings_of(org)
    asked = tuple(
        Input(name, f"mail.{name}", value=getattr(known, name), required=False)
        for name in ("from_address", "reply_to", "answers_to")
    )
    first, yes = ("", t("mail.first_channel")), "yes" if known.marketing_opt_in else ""
    return Button(
        _PATH,
        "mail.set",
        inputs=(
            Input("channel", "mail.channel", value=known.mail_channel, options=(first, *senders)),
            *asked,
            Input("opt_in", "mail.opt_in", value=yes, options=(("", t("mail.no")), ("yes", t("mail.yes")))),
        ),
        hint="mail.set_note",
    )


async def save(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Set all of it."""
    given = {name: fields.get(name, "").strip() for name in ("from_address", "reply_to", "answers_to")}
    wanted = MailSettings(fields.get("channel", ""), **given, marketing_opt_in=bool(fields.get("opt_in")))
    async with session.context.transaction() as tx:
        await mail_settings.save_settings(tx, session.context, wanted)
    return back_to("/console/campaigns")


routes = [action(_PATH, save, roles=(Role.ADMIN,))]
