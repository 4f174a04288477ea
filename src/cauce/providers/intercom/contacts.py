"""Contacts: one per customer under our id, whatever was lost on the way; tags, notes, archive and erasure of them."""

from __future__ import annotations

from urllib.parse import quote

from cauce.gateway.outcome import Done, Outcome, Unknown
from cauce.gateway.reaching import Contact, ContactRecord
from cauce.providers.intercom import mapping
from cauce.providers.intercom.attributes import with_attributes
from cauce.providers.intercom.wire import Answer, Wire


async def upsert(wire: Wire, contact: Contact) -> Outcome[ContactRecord]:
    """Create the contact, or bring it up to date by its stored ref, by our id, or by the id that a conflict names.

    An archived one is brought back. Keyed by our id and absolute, so a repeat after a lost answer makes no second one.
    """
    body = mapping.contact_body(contact)
    if contact.ref:
        updated = await _write(wire, contact, "update_contact", "PUT", f"/contacts/{_path(contact.ref)}", body)
        if isinstance(updated, Unknown) or updated.status != 404:
            return _record(updated)
    created = await _write(wire, contact, "create_contact", "POST", "/contacts", body)
    if isinstance(created, Unknown) or created.status != 409:
        return _record(created)
    found = await find(wire, contact.external_id)
    if isinstance(found, Unknown):
        return found
    ref = str(found.body["id"]) if found.is_success else mapping.conflict_id(created.body)
    if not ref:
        return created.refusal()
    if not found.is_success or found.body.get("archived"):
        revived = await wire.ask("unarchive_contact", "POST", f"/contacts/{_path(ref)}/unarchive", {})
        if isinstance(revived, Unknown):
            return revived
    return _record(await _write(wire, contact, "update_contact", "PUT", f"/contacts/{_path(ref)}", body))


async def find(wire: Wire, external_id: str) -> Answer | Unknown:
    """The contact under our id; search lags behind and is never used."""
    return await wire.ask("find_contact", "GET", f"/contacts/find_by_external_id/{_path(external_id)}")


async def tag(wire: Wire, contact_ref: str, name: str, *, remove: bool) -> Outcome[ContactRecord]:
    """Put a tag on a contact or take it off; either twice is once. A tag's id is remembered for the channel."""
    found = await _tag_id(wire, name)
    if isinstance(found, Answer):
        return found.refusal()
    if isinstance(found, Unknown):
        return found
    path = f"/contacts/{_path(contact_ref)}/tags"
    if remove:
        return _gone(await wire.ask("untag_contact", "DELETE", f"{path}/{_path(found)}"), contact_ref)
    return _same(await wire.ask("tag_contact", "POST", path, {"id": found}), contact_ref)


async def note(wire: Wire, contact_ref: str, text: str) -> Outcome[ContactRecord]:
    """Write a note that the workspace's staff sees."""
    answer = await wire.ask("note_contact", "POST", f"/contacts/{_path(contact_ref)}/notes", {"body": text})
    return _same(answer, contact_ref)


async def archive(wire: Wire, contact_ref: str) -> Outcome[ContactRecord]:
    """Take a contact out of sight."""
    return _same(await wire.ask("archive_contact", "POST", f"/contacts/{_path(contact_ref)}/archive", {}), contact_ref)


async def erase(wire: Wire, contact_ref: str) -> Outcome[ContactRecord]:
    """Delete a contact for good; one that is not there is deleted."""
    return _gone(await wire.ask("delete_contact", "DELETE", f"/contacts/{_path(contact_ref)}"), contact_ref)


async def _write(
    wire: Wire, contact: Contact, operation: str, method: str, path: str, body: mapping.Json
) -> Answer | Unknown:
    custom = body.get("custom_attributes", {})
    return await with_attributes(
        wire, "contact", custom, lambda: wire.ask(operation, method, path, body, correlation=contact.external_id)
    )


async def _tag_id(wire: Wire, name: str) -> str | Answer | Unknown:
    remembered = await wire.kit.cache.get(f"tag:{name}")
    if remembered:
        return remembered
    made = await wire.ask("find_tag", "POST", "/tags", {"name": name})
    if isinstance(made, Unknown) or not made.is_success:
        return made
    id = str(made.body["id"])
    await wire.kit.cache.put(f"tag:{name}", id)
    return id


def _record(answer: Answer | Unknown) -> Outcome[ContactRecord]:
    if isinstance(answer, Unknown):
        return answer
    return Done(mapping.contact_record(answer.body)) if answer.is_success else answer.refusal()


def _same(answer: Answer | Unknown, ref: str) -> Outcome[ContactRecord]:
    if isinstance(answer, Unknown):
        return answer
    return Done(ContactRecord(ref)) if answer.is_success else answer.refusal()


def _gone(answer: Answer | Unknown, ref: str) -> Outcome[ContactRecord]:
    """What is not there any more is done."""
    if isinstance(answer, Answer) and answer.status == 404:
        return Done(ContactRecord(ref))
    return _same(answer, ref)


def _path(part: str) -> str:
    return quote(part, safe="")
