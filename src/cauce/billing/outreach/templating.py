"""The language of message texts: placeholders, conditions, paragraphs, lists and links. Pure, and safe by what it lacks.

A text has `{{ name }}`, `{% if name %} … {% else %} … {% end %}`, an empty line between paragraphs, `- ` before an item
of a list, and `[label]({{ address }})` for a link; a link that stands alone becomes a button. There are no calls, no
attributes, no loops and no HTML: whatever a value contains is shown as it is, and a link leads to http(s) or nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from cauce.kernel.errors import InvalidRequest

TEXT_CHARACTERS_MAX = 20_000
SUBJECT_CHARACTERS_MAX = 300
_TOKEN = re.compile(r"\{\{\s*(?P<value>[^{}]*?)\s*\}\}|\{%\s*(?P<tag>[^{}%]*?)\s*%\}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LINK = re.compile(r"\[(?P<label>[^\[\]\n]+)\]\((?P<address>[^()\s]+)\)")
_OPEN, _CLOSE = "\ue000", "\ue001"
_SLOT = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")
_BUTTON = (
    "display:inline-block;padding:10px 18px;border-radius:6px;background:#0b5d56;color:#ffffff;"
    "text-decoration:none;font-weight:600"
)

Value = str | int | bool | None


class BadTemplate(InvalidRequest):
    """The text of a message cannot be understood."""

    code = "bad_template"


@dataclass(frozen=True, slots=True)
class Text:
    """The words of one message in one language, as its author wrote them."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message ready to be sent: its subject on one line, and its body twice."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class _If:
    name: str
    then: tuple[_Node, ...]
    otherwise: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Name:
    name: str


_Node = str | _Name | _If


def check(text: Text, known: frozenset[str]) -> None:
    """Refuse a text that does not parse, is too long, is empty, or uses a name that no message has (`BadTemplate`)."""
    if not text.subject.strip() or not text.body.strip():
        raise BadTemplate("a message has a subject and a body", param="body")
    if len(text.subject) > SUBJECT_CHARACTERS_MAX or len(text.body) > TEXT_CHARACTERS_MAX:
        raise BadTemplate(f"a subject has {SUBJECT_CHARACTERS_MAX} characters, a body {TEXT_CHARACTERS_MAX}")
    for name in sorted(names_in(text)):
        if name not in known:
            raise BadTemplate(f"messages have no value {name!r}", param=name)


def names_in(text: Text) -> set[str]:
    """The names that a text uses."""
    return set(_names(_parse(text.subject))) | set(_names(_parse(text.body)))


def render(text: Text, values: Mapping[str, Value]) -> Rendered:
    """The message with its values; a name without a value is empty."""
    slots: list[str] = []
    subject = _filled(_parse(text.subject), values, slots)
    marked = _filled(_parse(text.body), values, slots)
    blocks = [block.strip("\n") for block in re.split(r"\n[ \t]*\n", marked) if block.strip()]
    return Rendered(
        " ".join(_plain(subject, slots).split()),
        "\n\n".join(_plain_block(block, slots) for block in blocks) + "\n",
        _page("\n".join(_html_block(block, slots) for block in blocks)),
    )


def _parse(source: str) -> tuple[_Node, ...]:
    source = source.replace(_OPEN, "").replace(_CLOSE, "")
    pieces: list[tuple[str, str]] = []
    last = 0
    for found in _TOKEN.finditer(source):
        pieces.append(("text", source[last : found.start()]))
        pieces.append(("value", found["value"]) if found["value"] is not None else ("tag", found["tag"]))
        last = found.end()
    pieces.append(("text", source[last:]))
    for kind, content in pieces:
        if kind == "text" and ("{{" in content or "{%" in content):
            raise BadTemplate("a placeholder is not closed")
    nodes, rest, ended = _block(pieces, 0, "")
    if rest != len(pieces) or ended:
        raise BadTemplate(f"{{% {ended} %}} without {{% if %}}")
    return nodes


def _block(pieces: list[tuple[str, str]], at: int, inside: str) -> tuple[tuple[_Node, ...], int, str]:
    """The nodes from `at` up to the tag that ends them: (nodes, place behind that tag, the tag)."""
    nodes: list[_Node] = []
    while at < len(pieces):
        kind, content = pieces[at]
        at += 1
        if kind == "text":
            nodes.append(content)
        elif kind == "value":
            nodes.append(_Name(_name(content)))
        elif content in ("else", "end"):
            return tuple(nodes), at, content
        else:
            word, _, name = content.partition(" ")
            if word != "if":
                raise BadTemplate(f"there is no {{% {content} %}}")
            then, at, ended = _block(pieces, at, "if")
            otherwise: tuple[_Node, ...] = ()
            if ended == "else":
                otherwise, at, ended = _block(pieces, at, "else")
            if ended != "end":
                raise BadTemplate("an {% if %} has no {% end %}")
            nodes.append(_If(_name(name), then, otherwise))
    if inside:
        raise BadTemplate("an {% if %} has no {% end %}")
    return tuple(nodes), at, ""


def _name(content: str) -> str:
    name = content.strip()
    if not _NAME.fullmatch(name):
        raise BadTemplate(f"{content!r} is not the name of a value")
    return name


def _names(nodes: tuple[_Node, ...]) -> list[str]:
    found: list[str] = []
    for node in nodes:
        if isinstance(node, _Name):
            found.append(node.name)
        elif isinstance(node, _If):
            found += [node.name, *_names(node.then), *_names(node.otherwise)]
    return found


def _filled(nodes: tuple[_Node, ...], values: Mapping[str, Value], slots: list[str]) -> str:
    """The text with a numbered slot for every value, so that no value is ever read as markup."""
    parts: list[str] = []
    for node in nodes:
        if isinstance(node, str):
            parts.append(node)
        elif isinstance(node, _Name):
            slots.append(_shown(values.get(node.name)))
            parts.append(f"{_OPEN}{len(slots) - 1}{_CLOSE}")
        else:
            parts.append(_filled(node.then if values.get(node.name) else node.otherwise, values, slots))
    return "".join(parts)


def _shown(value: Value) -> str:
    if value is None or value is False:
        return ""
    shown = "".join(c for c in str(value) if c.isprintable() or c == "\n")
    return shown.replace(_OPEN, "").replace(_CLOSE, "")


def _plain(marked: str, slots: list[str]) -> str:
    return _SLOT.sub(lambda slot: slots[int(slot[1])], marked)


def _plain_block(block: str, slots: list[str]) -> str:
    def link(found: re.Match[str]) -> str:
        address = _address(found["address"], slots)
        return f"{found['label']}: {address}" if address else found["label"]

    lines = [" ".join(line.split()) for line in block.split("\n")]
    return _plain("\n".join(_LINK.sub(link, line) for line in lines), slots)


def _html_block(block: str, slots: list[str]) -> str:
    lines = [line.strip() for line in block.split("\n") if line.strip()]
    if all(line.startswith("- ") for line in lines):
        return "<ul>" + "".join(f"<li>{_inline(line[2:], slots)}</li>" for line in lines) + "</ul>"
    alone = _LINK.fullmatch(" ".join(lines))
    if alone and _address(alone["address"], slots):
        return f"<p>{_anchor(alone, slots, _BUTTON)}</p>"
    return f"<p>{'<br>'.join(_inline(line, slots) for line in lines)}</p>"


def _inline(line: str, slots: list[str]) -> str:
    parts: list[str] = []
    last = 0
    for found in _LINK.finditer(line):
        parts += [_escaped(line[last : found.start()], slots), _anchor(found, slots, "color:#0b5d56")]
        last = found.end()
    return "".join([*parts, _escaped(line[last:], slots)])


def _anchor(found: re.Match[str], slots: list[str], style: str) -> str:
    address = _address(found["address"], slots)
    label = _escaped(found["label"], slots)
    return f'<a href="{escape(address)}" style="{style}">{label}</a>' if address else label


def _address(marked: str, slots: list[str]) -> str:
    """Where a link leads, or "" when that is no plain http(s) address."""
    address = _plain(marked, slots)
    return address if re.fullmatch(r"https?://[^\s\"'<>]+", address) else ""


def _escaped(marked: str, slots: list[str]) -> str:
    return _SLOT.sub(lambda slot: escape(slots[int(slot[1])]).replace("\n", "<br>"), escape(marked))


def _page(content: str) -> str:
    return (
        '<!doctype html><html><head><meta charset="utf-8"><meta name="color-scheme" content="light dark"></head>'
        '<body style="margin:0;padding:24px;font:16px/1.5 system-ui,sans-serif"><div style="max-width:36em;margin:0 auto">'
        f"{content}</div></body></html>\n"
    )
