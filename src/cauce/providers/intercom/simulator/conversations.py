"""The chat: what a customer writes in the Messenger, what staff answers, and the notifications of both.

The Messenger here is a page of our own: it takes the token that a customer's page carries, refuses what Intercom would
refuse, shows the attributes it may trust, and passes messages both ways.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from html import escape
from urllib.parse import parse_qs

import msgspec

from cauce.providers.intercom import messenger
from cauce.providers.intercom.simulator import webhooks
from cauce.providers.intercom.simulator.contacts import by_external_id, view
from cauce.providers.intercom.simulator.desk import HEX, Json
from cauce.providers.intercom.simulator.workspace import ADMIN
from cauce.providers.kit.simulator.face import Answer, Call
from cauce.providers.kit.simulator.tenant import Tenant

_POLICY = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"}


class BadToken(Exception):
    """The Messenger refuses to boot this person."""


def claims(tenant: Tenant, token: str, now_seconds: int) -> Json:
    """The claims of a token; `BadToken` when it is expired, nameless, or of another workspace. `now` is wall time."""
    content, _, signature = token.rpartition(".")
    right = messenger.sign(tenant.facts.get("messenger_secret", ""), content).rpartition(".")[2]
    if not signature.isascii() or not hmac.compare_digest(signature, right):
        raise BadToken("the token is signed for another workspace")
    try:
        head, body = (msgspec.json.decode(base64.urlsafe_b64decode(part + "==")) for part in content.split("."))
    except (binascii.Error, ValueError, msgspec.DecodeError) as exc:
        raise BadToken("the token cannot be read") from exc
    if head.get("alg") != "HS256" or not body.get("user_id"):
        raise BadToken("the token names nobody")
    if not isinstance(body.get("exp"), int) or body["exp"] <= now_seconds:
        raise BadToken("the token has expired")
    found: Json = body
    return found


def widget(tenant: Tenant, call: Call) -> Answer:
    """`GET /widget/<app>?token=` shows the chat, `POST` with `token` or `visitor`, and `text`, writes in it."""
    asked = {name: values[0] for name, values in parse_qs(call.query).items()}
    if call.method == "POST":
        asked |= {name: values[0] for name, values in parse_qs(call.body.decode("utf-8", "replace")).items()}
    try:
        person = claims(tenant, asked["token"], int(call.received_at.timestamp())) if asked.get("token") else {}
    except BadToken as exc:
        return _html(403, f"<p>{escape(str(exc))}</p>")
    who = person.get("user_id") or f"visitor:{asked.get('visitor', 'somebody')}"
    if call.method == "POST" and asked.get("text"):
        write(tenant, str(who), asked["text"], str(person.get("email", "")))
    return _html(200, _chat(tenant, str(who), person, asked))


def write(tenant: Tenant, who: str, text: str, email: str = "") -> Json:
    """A customer (our id) or a visitor writes; the conversation."""
    contact = by_external_id(tenant, who)
    person = {
        "type": "contact",
        "id": contact["id"] if contact else tenant.token(24, HEX),
        "external_id": contact.get("external_id") if contact else None,
        "email": contact.get("email") if contact else email,
    }
    open_ones = [c for c in tenant.shelf("conversation").values() if c["who"] == who and c["state"] == "open"]
    if open_ones:
        return _say(tenant, open_ones[-1], "conversation.user.replied", text, {"type": "user", "id": person["id"]})
    conversation: Json = {
        "id": tenant.digits(9),
        "who": who,
        "state": "open",
        "contact": person,
        "parts": [],
    }
    tenant.shelf("conversation")[conversation["id"]] = conversation
    return _say(tenant, conversation, "conversation.user.created", text, {"type": "user", "id": person["id"]})


def answer(tenant: Tenant, conversation_id: str, text: str) -> Json:
    """Staff answers."""
    author = {"type": "admin", "id": ADMIN["id"], "name": ADMIN["name"]}
    return _say(tenant, tenant.shelf("conversation")[conversation_id], "conversation.admin.replied", text, author)


def close(tenant: Tenant, conversation_id: str) -> Json:
    """Staff closes."""
    conversation = tenant.shelf("conversation")[conversation_id]
    conversation["state"] = "closed"
    webhooks.emit(tenant, "conversation.admin.closed", _item(conversation))
    return conversation


def _say(tenant: Tenant, conversation: Json, topic: str, text: str, author: Json) -> Json:
    part = {"type": "conversation_part", "id": tenant.digits(9), "body": f"<p>{escape(text)}</p>", "author": author}
    conversation["parts"].append(part)
    webhooks.emit(tenant, topic, _item(conversation))
    return conversation


def _item(conversation: Json) -> Json:
    first, *others = conversation["parts"]
    return {
        "type": "conversation",
        "id": conversation["id"],
        "state": conversation["state"],
        "source": {"type": "conversation", "id": first["id"], "body": first["body"], "author": first["author"]},
        "contacts": {"type": "contact.list", "contacts": [conversation["contact"]]},
        "conversation_parts": {"type": "conversation_part.list", "conversation_parts": others[-1:]},
    }


def _chat(tenant: Tenant, who: str, person: Json, asked: dict[str, str]) -> str:
    said = [part for c in tenant.shelf("conversation").values() if c["who"] == who for part in c["parts"]]
    lines = "".join(f"<li class={part['author']['type']}>{part['body']}</li>" for part in said)
    trusted = "".join(f"<dt>{escape(str(n))}</dt><dd>{escape(str(v))}</dd>" for n, v in person.items())
    contact = by_external_id(tenant, who)
    name = view(contact).get("name", "") if contact else ""
    hidden = "".join(
        f'<input type="hidden" name="{field}" value="{escape(asked[field])}">'
        for field in ("token", "visitor")
        if asked.get(field)
    )
    return (
        f"<h1>Chat</h1><p>{escape(str(name))}</p><dl>{trusted}</dl><ol>{lines}</ol>"
        f'<form method="post">{hidden}<label>Message <input name="text" required></label><button>Send</button></form>'
    )


def _html(status: int, body: str) -> Answer:
    page = f'<!doctype html><meta charset="utf-8"><title>Chat</title>{body}'
    return Answer(status, page.encode(), "text/html; charset=utf-8", _POLICY)
