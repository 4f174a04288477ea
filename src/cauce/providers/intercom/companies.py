"""Team accounts as companies, who belongs to them, and the events that happen to contacts."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from cauce.gateway.outcome import Done, Outcome, Unknown
from cauce.gateway.reaching import ContactRecord, TrackedEvent
from cauce.providers.intercom import mapping
from cauce.providers.intercom.attributes import with_attributes
from cauce.providers.intercom.wire import Answer, Wire


async def upsert(wire: Wire, company_id: str, name: str, attributes: Mapping[str, str | int]) -> Outcome[ContactRecord]:
    """Create or update a company under our id; the ref is Intercom's own id, which `join` wants."""
    body = mapping.company_body(company_id, name, attributes)
    custom = body.get("custom_attributes", {})
    answer = await with_attributes(
        wire, "company", custom, lambda: wire.ask("upsert_company", "POST", "/companies", body, correlation=company_id)
    )
    if isinstance(answer, Unknown):
        return answer
    return Done(ContactRecord(str(answer.body["id"]))) if answer.is_success else answer.refusal()


async def join(wire: Wire, contact_ref: str, company_ref: str) -> Outcome[ContactRecord]:
    """Let a contact belong to a company; twice is once."""
    path = f"/contacts/{quote(contact_ref, safe='')}/companies"
    return _member(await wire.ask("join_company", "POST", path, {"id": company_ref}), contact_ref)


async def leave(wire: Wire, contact_ref: str, company_ref: str) -> Outcome[ContactRecord]:
    """Let a contact no longer belong to a company; who does not is done."""
    path = f"/contacts/{quote(contact_ref, safe='')}/companies/{quote(company_ref, safe='')}"
    answer = await wire.ask("leave_company", "DELETE", path)
    if isinstance(answer, Answer) and answer.status == 404:
        return Done(ContactRecord(contact_ref))
    return _member(answer, contact_ref)


async def track(wire: Wire, event: TrackedEvent) -> Outcome[ContactRecord]:
    """Tell an event. Name, contact and second make it one: a repeat is dropped over there."""
    answer = await wire.ask("track_event", "POST", "/events", mapping.event_body(event), correlation=event.key)
    return _member(answer, event.external_id)


def _member(answer: Answer | Unknown, ref: str) -> Outcome[ContactRecord]:
    if isinstance(answer, Unknown):
        return answer
    return Done(ContactRecord(ref)) if answer.is_success else answer.refusal()
