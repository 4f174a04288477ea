"""Companies and their members, and the events of contacts."""

from __future__ import annotations

from cauce.providers.intercom import limits
from cauce.providers.intercom.simulator.contacts import by_external_id
from cauce.providers.intercom.simulator.desk import ApiError, Desk, Json

_PLAIN = ("name", "website", "industry", "size", "remote_created_at")


def upsert(desk: Desk) -> tuple[int, Json]:
    """`POST /companies`, by `company_id`, which never changes; `monthly_spend` is cut to whole units."""
    company_id = desk.text("company_id")
    custom = desk.body.get("custom_attributes") or {}
    for name in custom:
        if f"company/{name}" not in desk.tenant.shelf("attribute"):
            raise ApiError(400, "parameter_invalid", f"Custom attribute '{name}' does not exist", name)
    shelf = desk.tenant.shelf("company")
    found = next((one for one in shelf.values() if one["company_id"] == company_id), None)
    if found is None:
        found = {"type": "company", "id": desk.new_id(), "company_id": company_id, "created_at": desk.now}
        found.update(custom_attributes={}, monthly_spend=0, plan={})
        shelf[found["id"]] = found
    found.update({name: desk.body[name] for name in _PLAIN if name in desk.body})
    if "plan" in desk.body:
        found["plan"] = {"type": "plan", "id": "1", "name": str(desk.body["plan"])}
    if "monthly_spend" in desk.body:
        found["monthly_spend"] = min(int(desk.body["monthly_spend"]), limits.MONTHLY_SPEND_MAX.value)
    found["custom_attributes"].update(custom)
    return 200, _view(desk, found)


def join(desk: Desk) -> tuple[int, Json]:
    """`POST /contacts/{id}/companies`."""
    contact, company = desk.contact(), _company(desk, desk.text("id"))
    if company["id"] not in contact["_companies"]:
        contact["_companies"].append(company["id"])
    return 200, _view(desk, company)


def leave(desk: Desk) -> tuple[int, Json]:
    """`DELETE /contacts/{id}/companies/{company_id}`."""
    contact, company = desk.contact(), _company(desk, desk.ids[1])
    if company["id"] not in contact["_companies"]:
        raise ApiError(404, "company_not_found", "Company Not Found")
    contact["_companies"].remove(company["id"])
    return 200, _view(desk, company)


def _company(desk: Desk, id: str) -> Json:
    found = desk.tenant.shelf("company").get(id)
    if found is None:
        raise ApiError(404, "company_not_found", "Company Not Found")
    return found


def _view(desk: Desk, company: Json) -> Json:
    members = sum(company["id"] in contact["_companies"] for contact in desk.tenant.shelf("contact").values())
    return {**company, "user_count": members}


def track(desk: Desk) -> tuple[int, Json | None]:
    """`POST /events`: 202 and nothing more; what came before is counted and dropped."""
    name, created_at = desk.text("event_name"), desk.body.get("created_at")
    if not isinstance(created_at, int):
        raise ApiError(400, "parameter_invalid", "created_at must be Unix seconds", "created_at")
    contact = _whose(desk)
    metadata = desk.body.get("metadata") or {}
    for key, value in metadata.items():
        if isinstance(value, list) or (
            isinstance(value, dict) and set(value) not in ({"amount", "currency"}, {"url", "value"})
        ):
            raise ApiError(400, "parameter_invalid", f"metadata {key} is nested", f"metadata.{key}")
    identity = f"{contact['id']}/{name}/{created_at}"
    events = desk.tenant.shelf("event")
    if identity in events:
        desk.tenant.facts["events_dropped"] = desk.tenant.facts.get("events_dropped", 0) + 1
        return 202, None
    kept = dict(list(metadata.items())[: limits.METADATA_KEYS.value])
    events[identity] = {
        "type": "event",
        "id": desk.new_id(),
        "event_name": name,
        "created_at": created_at,
        "intercom_user_id": contact["id"],
        "user_id": contact.get("external_id"),
        "metadata": kept,
    }
    return 202, None


def _whose(desk: Desk) -> Json:
    if desk.body.get("id"):
        return desk.contact(str(desk.body["id"]))
    found = by_external_id(desk.tenant, str(desk.body.get("user_id") or ""))
    if found is None or found["archived"]:
        raise ApiError(404, "not_found", "User Not Found")
    return found


def events(desk: Desk) -> tuple[int, Json]:
    """`GET /events?type=user&user_id=…`: newest first."""
    wanted = desk.query.get("user_id", "")
    found = [one for one in desk.tenant.shelf("event").values() if one["user_id"] == wanted]
    return 200, {"type": "event.list", "events": sorted(found, key=lambda one: -one["created_at"])}
