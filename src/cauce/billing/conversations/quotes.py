"""Which words of an answer are its writer's own: without the mail that he answers, and without his signature. Pure.

No standard says how a quotation looks, so what mail programs commonly write is known here: lines that begin with `>`,
the line before them that says who wrote when, a forwarded head, a rule of underscores, `blockquote`. Words below or
between quoted lines are kept. What is not recognised stays; a person reads it.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

_HEAD = re.compile(
    r"^\s*(-{2,}\s*)?(original message|mensaje original|原始邮件|ursprüngliche nachricht|message d'origine)(\s*-{2,})?\s*$",
    re.IGNORECASE,
)
_RULE = re.compile(r"^\s*_{20,}\s*$")
_FROM = re.compile(r"^\s*\*?(from|de|von|发件人)\s*\*?\s*[:：]", re.IGNORECASE)
_NEXT = re.compile(
    r"^\s*\*?(sent|date|to|subject|enviado|fecha|para|asunto|gesendet|datum|an|betreff|发送时间|日期|收件人|主题)\s*\*?\s*[:：]",
    re.IGNORECASE,
)
_WROTE = re.compile(r"(wrote|escribió|schrieb.*|a écrit|写道|寫道)\s*[:：]\s*$", re.IGNORECASE)
_ATTRIBUTION_LINES_MAX = 3
_SIGNATURE = re.compile(r"^-- ?$")


def own_words(text: str) -> str:
    """What the writer of `text` added himself; "" when he added nothing."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ").split("\n")
    kept = _without_quotes(lines[: _end(lines)])
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in kept)).strip()


def _end(lines: list[str]) -> int:
    """Where the rest is a signature, or an earlier mail with its head."""
    for place, line in enumerate(lines):
        follows = lines[place + 1 : place + 5]
        if _SIGNATURE.match(line) or _HEAD.match(line):
            return place
        if _RULE.match(line) and any(_FROM.match(one) for one in follows):
            return place
        if _FROM.match(line) and any(_NEXT.match(one) for one in follows[:2]):
            return place
    return len(lines)


def _without_quotes(lines: list[str]) -> list[str]:
    kept: list[str] = []
    is_quoted = False
    for place, line in enumerate(lines):
        if line.startswith(">"):
            if not is_quoted:
                _drop_attribution(kept)
            is_quoted = True
            continue
        if is_quoted and not line.strip() and any(one.startswith(">") for one in lines[place + 1 : place + 3]):
            continue
        is_quoted = False
        kept.append(line)
    _drop_attribution(kept)
    return kept


def _drop_attribution(kept: list[str]) -> None:
    """Take away the lines at the end that say who wrote what was quoted below them."""
    end = len(kept)
    while end and not kept[end - 1].strip():
        end -= 1
    for count in range(1, min(_ATTRIBUTION_LINES_MAX, end) + 1):
        lines = kept[end - count : end]
        if not lines[0].strip():
            return
        told = " ".join(lines)
        if _WROTE.search(told) and re.search(r"\d", told):
            del kept[end - count :]
            return


def text_of_html(html: str) -> str:
    """The words that an HTML mail shows, a line for each block, without what it quotes."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return re.sub(r"[ \t]+", " ", "".join(reader.words)).strip()


_SILENT = frozenset({"head", "style", "script", "title", "blockquote"})
_BLOCKS = frozenset({"p", "div", "tr", "li", "ul", "ol", "table", "h1", "h2", "h3", "h4", "pre"})
_VOID = frozenset({"br", "hr", "img", "meta", "link", "input", "col", "area", "base", "wbr", "source"})
_QUOTES = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix", "divrplyfwdmsg", "appendonsend")


class _Reader(HTMLParser):
    """Collects what is shown; inside a quotation it counts tags until its end."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self._say("\n")
        if tag in _VOID:
            return
        named = " ".join(value or "" for name, value in attrs if name in ("class", "id")).lower()
        if self._silent:
            self._silent.append(tag)
        elif tag in _SILENT or any(one in named for one in _QUOTES):
            self._silent = [tag]
        elif tag in _BLOCKS:
            self._say("\n")

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag in self._silent:  # a tag that was never closed ends with the one around it
                place = len(self._silent) - 1 - self._silent[::-1].index(tag)
                del self._silent[place:]
        elif tag in _BLOCKS:
            self._say("\n")

    def handle_data(self, data: str) -> None:
        self._say(re.sub(r"\s+", " ", data))

    def _say(self, words: str) -> None:
        if not self._silent:
            self.words.append(words)
