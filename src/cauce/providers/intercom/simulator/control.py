"""What tests and people may do at the stand-in: act for contacts and staff, look at what arrived, one page for all of it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import msgspec

from cauce.providers.intercom.simulator import conversations, webhooks
from cauce.providers.intercom.simulator.contacts import view
from cauce.providers.intercom.simulator.desk import Json
from cauce.providers.kit.simulator.face import Answer, Call
from cauce.providers.kit.simulator.tenant import Tenant


def control(tenant: Tenant, verb: str, body: Mapping[str, Any], _: str) -> dict[str, Any]:
    """`contacts/<id>/unsubscribe|subscribe|archive|bounce`, `conversations/write|reply|close`, `events`, `messages`, …"""
    match verb.split("/"):
        case ["contacts"]:
            return {"contacts": [_whole(tenant, contact) for contact in tenant.shelf("contact").values()]}
        case ["contacts", id, act]:
            return _act(tenant, tenant.shelf("contact")[id], act, body)
        case ["companies"]:
            return {"companies": list(tenant.shelf("company").values())}
        case ["events"]:
            events = [e for e in tenant.shelf("event").values() if body.get("contact") in (None, e["user_id"])]
            return {"events": events, "dropped": tenant.facts.get("events_dropped", 0)}
        case ["messages"]:
            return {"messages": list(tenant.shelf("message").values())}
        case ["conversations"]:
            return {"conversations": list(tenant.shelf("conversation").values())}
        case ["conversations", "write"]:
            return conversations.write(tenant, str(body["who"]), str(body["text"]))
        case ["conversations", "reply"]:
            return conversations.answer(tenant, str(body["conversation"]), str(body["text"]))
        case ["conversations", "close"]:
            return conversations.close(tenant, str(body["conversation"]))
        case ["settings"]:
            tenant.facts.update(
                {name: body[name] for name in ("requests_per_minute", "search_lag_seconds") if name in body}
            )
            return {}
        case ["revoke"]:
            tenant.facts["access_token"] = ""
            return {}
        case _:
            raise KeyError(verb)


def _act(tenant: Tenant, contact: Json, act: str, body: Mapping[str, Any]) -> dict[str, Any]:
    match act:
        case "unsubscribe" | "subscribe":
            contact["unsubscribed_from_emails"] = act == "unsubscribe"
            webhooks.emit(tenant, f"contact.{act}d", view(contact))
        case "archive":
            contact["archived"] = True
            webhooks.emit(tenant, "contact.archive", view(contact))
        case "email":
            contact["email"] = str(body["email"])
            webhooks.emit(tenant, "contact.email.updated", view(contact))
        case _:
            raise KeyError(act)
    return view(contact)


def _whole(tenant: Tenant, contact: Json) -> Json:
    names = {tag["id"]: tag["name"] for tag in tenant.shelf("tag").values()}
    return {
        **view(contact),
        "tags": [names[id] for id in contact["_tags"]],
        "companies": contact["_companies"],
        "notes": [note["body"] for note in contact["_notes"]],
    }


def page(tenant: Tenant, _: Call) -> Answer:
    """Everything that Intercom would have received."""
    shown = [
        _section("Contacts", [_whole(tenant, contact) for contact in tenant.shelf("contact").values()]),
        _section("Companies", tenant.shelf("company").values()),
        _section("Events", tenant.shelf("event").values()),
        _section("Messages", tenant.shelf("message").values()),
        _section("Conversations", tenant.shelf("conversation").values()),
    ]
    text = f'<!doctype html><meta charset="utf-8"><title>Workspace</title><h1>Workspace</h1>{"".join(shown)}'
    policy = {"content-security-policy": "default-src 'none'"}
    return Answer(200, text.encode(), "text/html; charset=utf-8", policy)


def _section(title: str, things: Any) -> str:
    items = "".join(f"<li><pre>{escape(msgspec.json.encode(one).decode())}</pre></li>" for one in things)
    return f"<h2>{title}</h2><ul>{items}</ul>"
