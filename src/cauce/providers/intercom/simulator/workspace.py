"""What belongs to the workspace: tags, custom attributes, admins, subscription types, messages."""

from __future__ import annotations

from cauce.providers.intercom import limits
from cauce.providers.intercom.simulator.contacts import SUBSCRIPTION_TYPES
from cauce.providers.intercom.simulator.desk import ApiError, Desk, Json

ADMIN: Json = {"type": "admin", "id": "1", "name": "Olga Operator", "email": "olga@shop.example"}
_DATA_TYPES = ("string", "integer", "float", "boolean", "date", "datetime")


def me(desk: Desk) -> tuple[int, Json]:
    """`GET /me`."""
    return 200, {**ADMIN, "app": {"type": "app", "id_code": desk.tenant.facts.get("app_id", ""), "region": "US"}}


def admins(_: Desk) -> tuple[int, Json]:
    """`GET /admins`."""
    return 200, {"type": "admin.list", "admins": [ADMIN]}


def subscription_types(_: Desk) -> tuple[int, Json]:
    """`GET /subscription_types`."""
    return 200, {"type": "list", "data": list(SUBSCRIPTION_TYPES)}


def tag(desk: Desk) -> tuple[int, Json]:
    """`POST /tags`: made, or found by name."""
    name, tags = desk.text("name"), desk.tenant.shelf("tag")
    if name not in tags:
        tags[name] = {"type": "tag", "id": desk.tenant.digits(7), "name": name}
    return 200, tags[name]


def attributes(desk: Desk) -> tuple[int, Json]:
    """`GET /data_attributes?model=`."""
    wanted = desk.query.get("model")
    found = [one for one in desk.tenant.shelf("attribute").values() if wanted in (None, one["model"])]
    return 200, {"type": "list", "data": found}


def create_attribute(desk: Desk) -> tuple[int, Json]:
    """`POST /data_attributes`."""
    name, model, data_type = desk.text("name"), desk.text("model"), desk.text("data_type")
    if model not in ("contact", "company") or data_type not in _DATA_TYPES:
        raise ApiError(400, "parameter_invalid", "model or data_type is invalid", "model")
    shelf, key = desk.tenant.shelf("attribute"), f"{model}/{name}"
    if key in shelf:
        raise ApiError(400, "parameter_invalid", f"You already have '{name}' in your {model} data")
    shelf[key] = {"type": "data_attribute", "name": name, "model": model, "data_type": data_type, "custom": True}
    return 200, shelf[key]


def message(desk: Desk) -> tuple[int, Json]:
    """`POST /messages`: to a contact that is a few seconds old at least; sent again, it is sent twice."""
    kind = desk.text("message_type")
    if kind == "email":
        desk.text("subject")
        desk.text("template")
    if str((desk.body.get("from") or {}).get("id")) != ADMIN["id"]:
        raise ApiError(400, "parameter_invalid", "from is not an admin of this workspace", "from")
    contact = desk.contact(str((desk.body.get("to") or {}).get("id")))
    if contact["created_at"] + limits.CONTACT_READY_SECONDS.value > desk.now:
        raise ApiError(404, "not_found", "User Not Found")
    if contact["archived"] or not contact.get("email"):
        raise ApiError(422, "message_not_deliverable", "The contact cannot be written to")
    made = {
        "type": "user_message",
        "id": desk.tenant.digits(9),
        "created_at": desk.now,
        "message_type": kind,
        "subject": desk.body.get("subject", ""),
        "body": desk.text("body"),
        "to": contact["id"],
    }
    desk.tenant.shelf("message")[made["id"]] = made
    return 200, made
