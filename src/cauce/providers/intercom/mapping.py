"""Intercom's field names and ours. Pure. An instant is Unix seconds; money in metadata is minor units and a currency."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from cauce.gateway.outcome import Declined, Refusal
from cauce.gateway.reaching import Contact, ContactRecord, Message, TrackedEvent
from cauce.providers.intercom import limits
from cauce.providers.intercom.naming import event_name

Json = dict[str, Any]

_CONFLICT_ID = re.compile(r"\bid=([0-9a-f]{24})\b")
_COMPANY_FIELDS = ("plan", "size", "website", "industry", "monthly_spend", "remote_created_at")
_CONTACT_FIELDS = ("phone", "signed_up_at", "last_seen_at")
_MINOR = "_minor"
_REFUSALS = {
    400: Refusal.INVALID_REQUEST,
    401: Refusal.AUTH,
    403: Refusal.FORBIDDEN,
    404: Refusal.NOT_FOUND,
    409: Refusal.DUPLICATE,
    422: Refusal.INVALID_REQUEST,
}


def contact_body(contact: Contact) -> Json:
    """`POST /contacts` and `PUT /contacts/{id}`: absolute, so that a repeat changes nothing."""
    plain = {name: contact.attributes[name] for name in _CONTACT_FIELDS if name in contact.attributes}
    custom = {name: value for name, value in contact.attributes.items() if name not in _CONTACT_FIELDS}
    body: Json = {"role": "user", "external_id": contact.external_id, "name": contact.name, **plain}
    if contact.email:
        body["email"] = contact.email
    if contact.unsubscribed is not None:
        body["unsubscribed_from_emails"] = contact.unsubscribed
    if custom:
        body["custom_attributes"] = custom
    return body


def company_body(company_id: str, name: str, attributes: Mapping[str, str | int]) -> Json:
    """`POST /companies`, keyed by our id for ever. `monthly_spend` is in whole units and capped."""
    plain: Json = {field: attributes[field] for field in _COMPANY_FIELDS if field in attributes}
    if isinstance(plain.get("monthly_spend"), int):
        plain["monthly_spend"] = min(max(plain["monthly_spend"], 0), limits.MONTHLY_SPEND_MAX.value)
    custom = {field: value for field, value in attributes.items() if field not in _COMPANY_FIELDS}
    body: Json = {"company_id": company_id, "name": name, **plain}
    if custom:
        body["custom_attributes"] = custom
    return body


def event_body(event: TrackedEvent) -> Json:
    """`POST /events`. The time is that of the business event: it is part of what makes a repeat a repeat."""
    return {
        "event_name": event_name(event.name),
        "created_at": int(event.occurred_at.timestamp()),
        "user_id": event.external_id,
        "metadata": metadata(event.metadata),
    }


def metadata(given: Mapping[str, str | int]) -> Json:
    """At most ten keys, the first; `amount_minor` beside `currency` becomes a money object `amount` when it is positive."""
    currency = given.get("currency")
    found: Json = {}
    has_money = False
    for name, value in given.items():
        if name.endswith(_MINOR) and isinstance(value, int) and isinstance(currency, str):
            if value > 0:
                found[name.removesuffix(_MINOR)] = {"amount": value, "currency": currency}
            has_money = True
        else:
            found[name] = value
    if has_money:
        found.pop("currency", None)
    return dict(list(found.items())[: limits.METADATA_KEYS.value])


def message_body(message: Message, contact_ref: str, admin_id: str) -> Json:
    """`POST /messages`: an e-mail from an admin to one contact."""
    return {
        "message_type": "email",
        "subject": message.subject,
        "body": message.html or message.text,
        "template": "plain",
        "from": {"type": "admin", "id": int(admin_id)},
        "to": {"type": "user", "id": contact_ref},
    }


def contact_record(body: Json) -> ContactRecord:
    """A contact of an answer."""
    return ContactRecord(str(body["id"]), bool(body.get("unsubscribed_from_emails", False)))


def errors_of(body: Json) -> list[Json]:
    """The list of an `error.list`, empty when the body is something else."""
    found = body.get("errors")
    return [error for error in found if isinstance(error, dict)] if isinstance(found, list) else []


def classify_error(status: int, body: Json) -> Declined:
    """A refusal in our words. Believed: codes other than `conflict`, `parameter_invalid` and `not_found`, and 422's shape."""
    first = (errors_of(body) or [{}])[0]
    code = str(first.get("code") or status)
    message = str(first.get("message") or "refused")
    if first.get("field"):
        message = f"{message} (field {first['field']})"
    refusal = _REFUSALS.get(status, Refusal.DECLINED)
    if code == "api_plan_restricted":
        refusal = Refusal.FORBIDDEN
    return Declined(code, refusal, message)


def is_attribute_missing(status: int, body: Json) -> bool:
    """Whether a custom attribute of ours does not exist in the workspace. Believed: 400 `parameter_invalid` with `field`."""
    return status == 400 and any(
        error.get("code") in ("parameter_invalid", "parameter_not_found") and error.get("field")
        for error in errors_of(body)
    )


def conflict_id(body: Json) -> str:
    """The id at the end of a 409's message, "" when there is none. Believed: its place in the text."""
    for error in errors_of(body):
        found = _CONFLICT_ID.search(str(error.get("message", "")))
        if found:
            return found[1]
    return ""


def wait_seconds(headers: Mapping[str, str], now_seconds: int) -> int:
    """After how long to ask again: `Retry-After`, else the reset of the window, else one window."""
    after, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    if after.isascii() and after.isdigit():
        wait = int(after[:6])
    elif reset.isascii() and reset.isdigit():
        wait = int(reset[:12]) - now_seconds
    else:
        wait = limits.ASK_AFTER_SECONDS.value
    return min(max(wait, 1), limits.WAIT_SECONDS_MAX.value)


def plain_text(html: str) -> str:
    """What a person reads of a message's HTML body."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return re.sub(r"\n{3,}", "\n\n", "".join(reader.pieces)).strip()


class _Reader(HTMLParser):
    """Keeps text, breaks lines at paragraphs, leaves out scripts and styles."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self._hidden += 1
        elif tag in ("br", "p", "div", "li"):
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._hidden = max(self._hidden - 1, 0)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(data)
