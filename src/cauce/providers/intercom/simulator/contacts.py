"""Contacts of the workspace: made once per external id, changed, archived, deleted, found, subscribed."""

from __future__ import annotations

from cauce.providers.intercom import limits
from cauce.providers.intercom.simulator import webhooks
from cauce.providers.intercom.simulator.desk import ApiError, Desk, Json
from cauce.providers.kit.simulator.tenant import Tenant

_PLAIN = ("email", "phone", "name", "avatar", "role", "external_id", "signed_up_at", "last_seen_at", "owner_id")
_INTEGERS = ("signed_up_at", "last_seen_at", "owner_id")
SUBSCRIPTION_TYPES = (
    {"type": "subscription", "id": "1", "state": "live", "consent_type": "opt_out", "content_types": ["email"]},
    {"type": "subscription", "id": "2", "state": "live", "consent_type": "opt_in", "content_types": ["email"]},
)


def view(contact: Json) -> Json:
    """A contact as the API shows it."""
    return {name: value for name, value in contact.items() if not name.startswith("_")}


def create(desk: Desk) -> tuple[int, Json]:
    """`POST /contacts`: 409 with the id in its message when the external id is taken, live or archived."""
    given = desk.body
    if not given.get("external_id") and not given.get("email") and not given.get("role"):
        raise ApiError(400, "parameter_invalid", "email, external_id or role is required")
    taken = by_external_id(desk.tenant, str(given.get("external_id") or ""))
    if taken is not None:
        kind = (
            "An archived contact matching those details already exists"
            if taken["archived"]
            else ("A contact matching those details already exists")
        )
        raise ApiError(409, "conflict", f"{kind} with id={taken['id']}")
    contact: Json = {
        "type": "contact",
        "id": desk.new_id(),
        "workspace_id": desk.tenant.facts.get("app_id", ""),
        "role": "user",
        "created_at": desk.now,
        "archived": False,
        "unsubscribed_from_emails": False,
        "has_hard_bounced": False,
        "marked_email_as_spam": False,
        "custom_attributes": {},
        "_tags": [],
        "_companies": [],
        "_notes": [],
        "_subscriptions": [],
    }
    _write(desk, contact)
    desk.tenant.shelf("contact")[contact["id"]] = contact
    webhooks.emit(desk.tenant, "contact.user.created", view(contact))
    return 200, view(contact)


def update(desk: Desk) -> tuple[int, Json]:
    """`PUT /contacts/{id}`."""
    contact = desk.contact()
    other = by_external_id(desk.tenant, str(desk.body.get("external_id") or ""))
    if other is not None and other["id"] != contact["id"]:
        raise ApiError(409, "conflict", f"A contact matching those details already exists with id={other['id']}")
    _write(desk, contact)
    return 200, view(contact)


def _write(desk: Desk, contact: Json) -> None:
    known = desk.tenant.shelf("attribute")
    custom = desk.body.get("custom_attributes") or {}
    for name in custom:
        if f"contact/{name}" not in known:
            raise ApiError(400, "parameter_invalid", f"Custom attribute '{name}' does not exist", name)
    for name in _INTEGERS:
        if name in desk.body and not isinstance(desk.body[name], int):
            raise ApiError(400, "parameter_invalid", f"{name} must be an integer", name)
    contact.update({name: desk.body[name] for name in _PLAIN if name in desk.body})
    if "unsubscribed_from_emails" in desk.body:
        contact["unsubscribed_from_emails"] = bool(desk.body["unsubscribed_from_emails"])
    contact["custom_attributes"] = {**contact["custom_attributes"], **custom}
    contact["updated_at"] = desk.now


def get(desk: Desk) -> tuple[int, Json]:
    """`GET /contacts/{id}`."""
    return 200, view(desk.contact())


def find(desk: Desk) -> tuple[int, Json]:
    """`GET /contacts/find_by_external_id/{external_id}`: live users at once."""
    contact = by_external_id(desk.tenant, desk.ids[0])
    if contact is None or contact["archived"] or contact["role"] != "user":
        raise ApiError(404, "not_found", "User Not Found")
    return 200, view(contact)


def search(desk: Desk) -> tuple[int, Json]:
    """`POST /contacts/search` with one `=` condition: what is new is not found yet."""
    query = desk.body.get("query") or {}
    lag = desk.tenant.facts.get("search_lag_seconds", limits.SEARCH_LAG_SECONDS.value)
    found = [
        view(contact)
        for contact in desk.tenant.shelf("contact").values()
        if contact["created_at"] + lag <= desk.now and contact.get(str(query.get("field"))) == query.get("value")
    ]
    return 200, {"type": "list", "data": found, "total_count": len(found)}


def archive(desk: Desk) -> tuple[int, Json]:
    """`POST /contacts/{id}/archive`."""
    contact = desk.contact()
    contact["archived"] = True
    webhooks.emit(desk.tenant, "contact.archive", view(contact))
    return 200, _ending(contact, archived=True)


def unarchive(desk: Desk) -> tuple[int, Json]:
    """`POST /contacts/{id}/unarchive`."""
    contact = desk.contact()
    contact["archived"] = False
    return 200, _ending(contact, archived=False)


def delete(desk: Desk) -> tuple[int, Json]:
    """`DELETE /contacts/{id}`."""
    contact = desk.contact()
    del desk.tenant.shelf("contact")[contact["id"]]
    webhooks.emit(desk.tenant, "contact.deleted", _ending(contact, deleted=True))
    return 200, _ending(contact, deleted=True)


def _ending(contact: Json, **how: bool) -> Json:
    return {"type": "contact", "id": contact["id"], "external_id": contact.get("external_id"), **how}


def tag(desk: Desk) -> tuple[int, Json]:
    """`POST /contacts/{id}/tags`."""
    contact, tag = desk.contact(), _tag(desk, desk.text("id"))
    if tag["id"] not in contact["_tags"]:
        contact["_tags"].append(tag["id"])
        item = {"type": "contact_tag", "contact": view(contact), "tag": tag}
        webhooks.emit(desk.tenant, "contact.tag.created", item)
    return 200, tag


def untag(desk: Desk) -> tuple[int, Json]:
    """`DELETE /contacts/{id}/tags/{tag_id}`."""
    contact, tag = desk.contact(), _tag(desk, desk.ids[1])
    if tag["id"] not in contact["_tags"]:
        raise ApiError(404, "not_found", "Resource Not Found")
    contact["_tags"].remove(tag["id"])
    return 200, tag


def _tag(desk: Desk, id: str) -> Json:
    for known in desk.tenant.shelf("tag").values():
        if known["id"] == id:
            return known
    raise ApiError(404, "tag_not_found", "Tag Not Found")


def note(desk: Desk) -> tuple[int, Json]:
    """`POST /contacts/{id}/notes`."""
    made = {"type": "note", "id": desk.tenant.digits(8), "created_at": desk.now, "body": desk.text("body")}
    desk.contact()["_notes"].append(made)
    return 200, made


def subscribe(desk: Desk) -> tuple[int, Json]:
    """`POST /contacts/{id}/subscriptions`: out of an opt-out type, into an opt-in type."""
    contact, wanted = desk.contact(), desk.text("id")
    if wanted not in contact["_subscriptions"]:
        contact["_subscriptions"].append(wanted)
    return 200, _subscription(wanted)


def unsubscribe(desk: Desk) -> tuple[int, Json]:
    """`DELETE /contacts/{id}/subscriptions/{id}`: the other way round."""
    contact = desk.contact()
    contact["_subscriptions"] = [id for id in contact["_subscriptions"] if id != desk.ids[1]]
    return 200, _subscription(desk.ids[1])


def subscriptions(desk: Desk) -> tuple[int, Json]:
    """`GET /contacts/{id}/subscriptions`."""
    return 200, {"type": "list", "data": [_subscription(id) for id in desk.contact()["_subscriptions"]]}


def _subscription(id: str) -> Json:
    for known in SUBSCRIPTION_TYPES:
        if known["id"] == id:
            return dict(known)
    raise ApiError(404, "not_found", "Resource Not Found")


def by_external_id(tenant: Tenant, external_id: str) -> Json | None:
    """The contact under an external id, archived or not."""
    return next(
        (c for c in tenant.shelf("contact").values() if external_id and c.get("external_id") == external_id), None
    )
