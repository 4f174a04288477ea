"""`/v1/mail`: what an organization sets of its mail, and the door where answers by mail come in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import Field
from starlette.requests import Request

from cauce.billing.conversations.mails import MAIL_BYTES_MAX, MailTooLarge
from cauce.billing.outreach.delivery_reports import read_report
from cauce.entrypoints.api.access import Admin, Caller, Reader, caller
from cauce.entrypoints.api.resources import PLAIN_TEXT
from cauce.entrypoints.api.shapes import Body
from cauce.flows.chat import by_mail
from cauce.flows.outreach import mail_settings, undelivered
from cauce.flows.outreach.mail_settings import MailSettings
from cauce.storage.directory.orgs import read_org

router = APIRouter(prefix="/v1/mail", tags=["outreach"])
MailDoor = Annotated[Caller, Depends(caller("mail:write"))]
_Address = Annotated[str, Field(max_length=254, pattern=PLAIN_TEXT)]
_RAW = {"requestBody": {"required": True, "content": {"message/rfc822": {"schema": {"type": "string"}}}}}


class MailSettingsBody(Body):
    """All that is set; what is left out is empty. `answers_to`: the mailbox whose `+…` addresses are posted here."""

    mail_channel: Annotated[str, Field(max_length=64, pattern=PLAIN_TEXT)] = ""
    from_address: _Address = ""
    reply_to: _Address = ""
    answers_to: _Address = ""
    marketing_opt_in: bool = False


@router.get("/settings")
async def show_mail_settings(caller: Reader) -> dict[str, Any]:
    """Which channel mail takes, from whom it is, where answers go."""
    async with caller.context.transaction() as tx:
        found = mail_settings.settings_of(await read_org(tx, tx.org))
    return {"object": "mail_settings", **asdict(found)}


@router.put("/settings")
async def set_mail_settings(caller: Admin, body: MailSettingsBody) -> dict[str, Any]:
    """Set all of it."""
    async with caller.context.transaction() as tx:
        kept = await mail_settings.save_settings(tx, caller.context, MailSettings(**body.model_dump()))
    return {"object": "mail_settings", **asdict(kept)}


@router.post("/answers", openapi_extra=_RAW)
async def take_answer(
    request: Request, caller: MailDoor, recipient: Annotated[str, Query(max_length=254, pattern=PLAIN_TEXT)] = ""
) -> dict[str, Any]:
    """Take one mail, raw as it came; `recipient`: of its envelope. The same mail again changes nothing.

    An answer joins its conversation. A report that a mail of ours came back, or was called spam, stops its address.
    """
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > MAIL_BYTES_MAX:
            raise MailTooLarge(f"a mail has at most {MAIL_BYTES_MAX} bytes", param="mail")
    report = read_report(bytes(raw))
    if report is not None:
        noted = await undelivered.note(caller.context, report)
        return {"object": "mail_report", "result": noted.result, "message": noted.message_id, "reason": noted.reason}
    known = [recipient] if recipient else []
    org_id = caller.context.org_id
    taken = await by_mail.receive(request.app.state.runtime, bytes(raw), recipients=known, org_id=org_id)
    told = {"conversation": taken.conversation_id, "message": taken.message_id, "reason": taken.reason}
    return {"object": "mail_answer", "result": taken.result, **told}
