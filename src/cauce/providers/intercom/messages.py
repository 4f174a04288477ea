"""Direct messages: off until an admin to write them from is named. The only call that must never be repeated blindly."""

from __future__ import annotations

from urllib.parse import quote

from cauce.gateway.errors import CapabilityMissing
from cauce.gateway.outcome import Declined, Done, Outcome, Refusal, Unknown
from cauce.gateway.reaching import Message, SentMessage
from cauce.providers.intercom import contacts, mapping
from cauce.providers.intercom.wire import Wire

_REF_LENGTH = 24


async def send(wire: Wire, message: Message) -> Outcome[SentMessage]:
    """Send to the contact whose ref or whose id with us stands in `to_address`.

    A contact that was only just made is not ready: `LIMIT_EXCEEDED`, nothing was sent, try again. `Unknown` means that
    it may have been sent; nobody can be asked.
    """
    admin_id = wire.channel.settings.get("messages_from_admin", "")
    if not admin_id:
        raise CapabilityMissing("messages need the setting messages_from_admin")
    found = await _contact_ref(wire, message.to_address)
    if isinstance(found, Declined | Unknown):
        return Declined("contact_unseen", Refusal.LIMIT_EXCEEDED, found.reason) if isinstance(found, Unknown) else found
    body = mapping.message_body(message, found, admin_id)
    answer = await wire.ask("send_message", "POST", "/messages", body, correlation=message.key)
    if isinstance(answer, Unknown):
        return answer
    if answer.is_success:
        return Done(SentMessage(str(answer.body["id"])))
    if answer.status == 404:
        return await _why_not_found(wire, found)
    return answer.refusal()


async def _contact_ref(wire: Wire, address: str) -> str | Declined | Unknown:
    is_ref = len(address) == _REF_LENGTH and not set(address) - set("0123456789abcdef")
    if is_ref:
        return address
    found = await contacts.find(wire, address)
    if isinstance(found, Unknown):
        return found
    return str(found.body["id"]) if found.is_success else found.refusal()


async def _why_not_found(wire: Wire, ref: str) -> Outcome[SentMessage]:
    """404 says that the contact is unknown, or too young to be written to."""
    known = await wire.ask("get_contact", "GET", f"/contacts/{quote(ref, safe='')}")
    if isinstance(known, Unknown):
        return Declined("contact_unseen", Refusal.LIMIT_EXCEEDED, known.reason)
    if known.is_success:
        return Declined("contact_not_ready", Refusal.LIMIT_EXCEEDED, "the contact was made a moment ago")
    return known.refusal()
