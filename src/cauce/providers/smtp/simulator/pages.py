"""What a person sees of the inbox: a list, and a mail with its text, its HTML in a frame that may do nothing, its source."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from cauce.providers.kit.simulator.face import Answer

_POLICY = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'"}
_HEAD = (
    '<!doctype html><meta charset="utf-8"><title>{title}</title><style>:root{{color-scheme:light dark;'
    "font:16px/1.5 system-ui,sans-serif}}body{{max-width:60rem;margin:2rem auto;padding:0 1rem}}"
    "td,th{{text-align:left;padding:.2rem 1rem .2rem 0}}iframe{{width:100%;height:28rem;background:#fff}}"
    "pre{{white-space:pre-wrap}}</style><h1>{title}</h1>"
)


def inbox_page(mails: Sequence[Mapping[str, Any]], base_url: str) -> Answer:
    """Every mail, newest first."""
    rows = "".join(
        f"<tr><td>{escape(mail['at'][:19])}</td><td>{escape(', '.join(mail['to']))}</td>"
        f'<td><a href="{escape(base_url)}/{mail["id"]}">{escape(mail["subject"]) or "–"}</a></td></tr>'
        for mail in reversed(mails)
    )
    return _answer("Inbox", f"<table><tr><th>At</th><th>To</th><th>Subject</th></tr>{rows}</table>")


def message_page(mail: Mapping[str, Any]) -> Answer:
    """One mail."""
    headers = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in mail["headers"].items()
    )
    frame = f'<iframe sandbox="" srcdoc="{escape(mail["html"])}" title="HTML"></iframe>' if mail["html"] else ""
    source = escape(base64.b64decode(mail["raw"]).decode("utf-8", "replace"))
    body = (
        f"<table>{headers}</table><h2>Text</h2><pre>{escape(mail['text'])}</pre>{frame}"
        f"<details><summary>Source</summary><pre>{source}</pre></details>"
    )
    return _answer(mail["subject"] or mail["id"], body)


def _answer(title: str, body: str) -> Answer:
    text = _HEAD.format(title=escape(title)) + body
    return Answer(200, text.encode(), "text/html; charset=utf-8", _POLICY)
