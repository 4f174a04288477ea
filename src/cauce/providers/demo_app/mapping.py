"""What an operation makes of an instance: its next state, and what of the payload the application shows. Pure.

An instance is a record of plain JSON: `state` (`ready`, `suspended`, `deleted`), `shown` (the customer, the plan, the
language…) and `operations`, the keys that were done, so that a repeat changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cauce.gateway.outcome import Declined, Refusal
from cauce.gateway.reaching import InstanceRequest, InstanceVerb
from cauce.providers.demo_app.limits import KEYS_KEPT

LANGUAGES = ("en", "es", "zh")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME_LENGTH_MAX = 200
_NEXT = {
    InstanceVerb.PROVISION: "ready",
    InstanceVerb.REACTIVATE: "ready",
    InstanceVerb.RESTORE: "ready",
    InstanceVerb.SUSPEND: "suspended",
    InstanceVerb.DEPROVISION: "deleted",
}
_MAKE = frozenset({InstanceVerb.PROVISION, InstanceVerb.REACTIVATE})


@dataclass(frozen=True, slots=True)
class Step:
    """The record after an operation, and whether it was done before."""

    record: dict[str, Any]
    is_repeat: bool

    @property
    def is_gone(self) -> bool:
        """Whether nothing may be left of the instance."""
        return bool(self.record["state"] == "deleted")


def apply(record: Mapping[str, Any] | None, request: InstanceRequest) -> Step | Declined:
    """The record that `request` leads to; a refusal when there is nothing to do it to.

    Removing what is not there is done; so is suspending what is suspended.
    """
    if not is_plain_name(request.instance_id):
        return Declined("bad_instance_id", Refusal.INVALID_REQUEST, "an instance id is up to 64 letters and digits")
    known = dict(record or {"state": "deleted", "shown": {}, "operations": []})
    if request.key in known["operations"]:
        return Step(known, is_repeat=True)
    exists = known["state"] != "deleted"
    if not exists and request.verb not in _MAKE and request.verb is not InstanceVerb.DEPROVISION:
        return Declined("no_such_instance", Refusal.LIFECYCLE, f"there is no instance to {request.verb.value}")
    state = _NEXT.get(request.verb, known["state"])
    after = {
        "instance_id": request.instance_id,
        "state": state,
        "shown": {} if state == "deleted" else {**known["shown"], **shown(request.payload)},
        "operations": [*known["operations"], request.key][-KEYS_KEPT.value :],
    }
    return Step(after, is_repeat=False)


def is_plain_name(text: str) -> bool:
    """Whether `text` may name a folder."""
    return _ID.fullmatch(text) is not None


def shown(payload: Mapping[str, object]) -> dict[str, str]:
    """What the application shows, as far as the payload says it.

    Read are `customer` (`name`, `email`, `locale`) and `plan` (`name`), each an object or a plain name, and `status`,
    `locale`, `portal_url`, `embed_script`, `org`.
    """
    customer, plan = _object(payload.get("customer")), _object(payload.get("plan"))
    locale = _text(payload.get("locale")) or _text(customer.get("locale"))
    found = {
        "customer": _text(customer.get("name")) or _text(customer.get("email")),
        "plan": _text(plan.get("name")) or _text(plan.get("code")),
        "status": _text(payload.get("status")),
        "language": language(locale) if locale else "",
        "portal_url": _address(payload.get("portal_url")),
        "embed_script": _address(payload.get("embed_script")),
        "org": _text(payload.get("org")),
    }
    return {name: text for name, text in found.items() if text}


def language(locale: str) -> str:
    """The language among `LANGUAGES` that serves `locale` (`es-MX`, `zh_Hans_CN`), English if none does."""
    tag = re.split(r"[-_]", locale.lower())[0]
    return tag if tag in LANGUAGES else LANGUAGES[0]


def _object(value: object) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return value
    return {"name": value} if isinstance(value, str) else {}


def _text(value: object) -> str:
    return value[:_NAME_LENGTH_MAX] if isinstance(value, str) else ""


def _address(value: object) -> str:
    text = value if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    plain = text.isprintable() and not set(text) & set(" \"'<>;,\\")
    return text if parts.scheme in ("http", "https") and parts.netloc and plain else ""
