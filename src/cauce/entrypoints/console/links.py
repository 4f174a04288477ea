"""Where an object's page is, by the prefix of its id."""

from __future__ import annotations

_HOMES = {
    "cus": "customers",
    "sub": "subscriptions",
    "in": "invoices",
    "inst": "instances",
    "msg": "messages",
    "ord": "orders",
    "mer": "merchants",
    "brk": "breaks",
    "cnv": "conversations",
    "seg": "segments",
    "plan": "plans",
}


def link_to(object_id: str) -> str:
    """The page of an object: its own where it has one, else its timeline."""
    prefix = object_id.partition("_")[0]
    return f"/console/{_HOMES.get(prefix, 'objects')}/{object_id}"


def has_page(object_id: str) -> bool:
    """True for an id whose object has a page of its own."""
    prefix, _, rest = object_id.partition("_")
    return prefix in _HOMES and len(rest) == 26 and rest.isalnum()
