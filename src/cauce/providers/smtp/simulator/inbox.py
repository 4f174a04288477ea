"""The relay's decisions and its inbox: what each step of a delivery is answered, and the mails that were taken.

Addresses behave by their local part: `unknown` has no mailbox, `blocked` is refused by policy, `full` and the first try
of `greylisted` are put off. A fault of status 4xx or 5xx is replied as that SMTP code; operations are `auth`, `mail`,
`rcpt` and `data`. `POST /_sim/messages` (`{"to": …}`) lists, the pages below `/_sim/pages/<tenant>/` show.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

import msgspec

from cauce.providers.kit.simulator.callbacks import Callback
from cauce.providers.kit.simulator.face import Answer, Call, Face, Refused, Routed, Signed, json_answer
from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.smtp.simulator.listener import listen
from cauce.providers.smtp.simulator.pages import inbox_page, message_page

_STEPS = ("auth", "mail", "rcpt", "data")
_MAILBOXES = {
    "unknown": "550 5.1.1 no such mailbox",
    "blocked": "550 5.7.1 refused by policy",
    "full": "452 4.2.2 the mailbox is full",
}


def smtp_face() -> Face:
    """The relay's stand-in; see `kit.simulator.face.Face`."""
    return Face(
        name="smtp",
        route=route,
        handle=handle,
        sign=_sign,
        open=open_tenant,
        error=_error,
        control=control,
        page=page,
    )


def open_tenant(tenant: Tenant, registration: Mapping[str, Any]) -> None:
    """A relay that listens on the port of its registration."""
    for name in ("port", "username", "password", "face_url"):
        if name in registration:
            tenant.facts[name] = registration[name]
    if "port" in tenant.facts:
        tenant.facts["is_listening"] = listen(
            int(tenant.facts["port"]), f"{tenant.facts['face_url']}/wire/{tenant.name}"
        )


def route(call: Call) -> Routed:
    """`POST /wire/<tenant>/<step>`, from the listener alone."""
    parts = call.path.strip("/").split("/")
    if call.method != "POST" or len(parts) != 3 or parts[0] != "wire" or parts[2] not in _STEPS:
        raise Refused(json_answer(404, {"reply": "502 5.5.1 no such step"}))
    return Routed(parts[1], parts[2])


def handle(tenant: Tenant, call: Call, routed: Routed) -> Answer:
    """One step of a delivery; the answer carries the relay's reply."""
    told = {name: values[0] for name, values in parse_qs(call.query, keep_blank_values=True).items()}
    return json_answer(200, {"reply": _REPLIES[routed.operation](tenant, told, call.body)})


def _auth(tenant: Tenant, told: Mapping[str, str], _: bytes) -> str:
    password: str = tenant.facts.get("password", "")
    wanted = (tenant.facts.get("username", ""), sha256(password.encode()).hexdigest())
    given = (told.get("username", ""), told.get("digest", ""))
    return "235 2.7.0 welcome" if given == wanted else "535 5.7.8 wrong user or password"


def _mail(tenant: Tenant, told: Mapping[str, str], _: bytes) -> str:
    if tenant.facts.get("username") and told.get("user") != tenant.facts["username"]:
        return "530 5.7.0 authenticate first"
    return "250 2.1.0 ok"


def _rcpt(tenant: Tenant, told: Mapping[str, str], _: bytes) -> str:
    local = told["to"].rpartition("@")[0].lower()
    if local == "greylisted":
        seen = tenant.shelf("greylisted")
        is_first = told["to"] not in seen
        seen[told["to"]] = {}
        return "451 4.7.1 come back later" if is_first else "250 2.1.5 ok"
    return _MAILBOXES.get(local, "250 2.1.5 ok")


def _data(tenant: Tenant, told: Mapping[str, str], body: bytes) -> str:
    id = f"mail_{tenant.token(12)}"
    tenant.shelf("message")[id] = {
        "id": id,
        "at": tenant.now().isoformat(),
        "from": told["from"],
        "to": told["to"].split(","),
        "raw": base64.b64encode(body).decode(),
        **_seen(body),
    }
    return f"250 2.0.0 kept as {id}"


_REPLIES = {"auth": _auth, "mail": _mail, "rcpt": _rcpt, "data": _data}


def _seen(raw: bytes) -> dict[str, Any]:
    """The mail as its reader sees it."""
    mail = message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    return {
        "message_id": str(mail["Message-ID"] or ""),
        "subject": str(mail["Subject"] or ""),
        "headers": {name: str(value) for name, value in mail.items()},
        "text": text.get_content() if text else "",
        "html": html.get_content() if html else "",
    }


def control(tenant: Tenant, verb: str, body: Mapping[str, Any], _: str) -> dict[str, Any]:
    """Look into the inbox, or empty it."""
    kept = tenant.shelf("message")
    match verb:
        case "messages":
            to = body.get("to")
            return {"messages": [mail for mail in kept.values() if to is None or to in mail["to"]]}
        case "clear":
            kept.clear()
            return {}
        case _:
            raise KeyError(verb)


def page(tenant: Tenant, call: Call) -> Answer:
    """The inbox, or one mail."""
    id = call.path.partition(f"/_sim/pages/{tenant.name}")[2].strip("/")
    kept = tenant.shelf("message")
    if not id:
        return inbox_page(list(kept.values()), f"{call.base_url}/_sim/pages/{tenant.name}")
    return message_page(kept[id]) if id in kept else Answer(404, b"no such mail", "text/plain")


def _error(kind: str, status: int) -> Answer:
    reply = "421 4.7.0 too many connections" if kind == "rate_limited" else f"{status} told to fail"
    return Answer(status, msgspec.json.encode({"reply": reply}))


def _sign(_: Tenant, __: Callback, ___: datetime) -> Signed:
    return Signed({}, b"")  # a relay never calls
