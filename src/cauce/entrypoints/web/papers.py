"""Short documents in Markdown as PDF: headings, paragraphs and lists, nothing else."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\#$*_`<>@\[\]~])")
_HEADING = re.compile(r"^(#+) (.*)$")


def pdf_of(markdown: str) -> bytes:
    """The document as PDF; the same text gives the same bytes."""
    import typst  # heavy: only who prints loads it

    body = "\n".join(_line(line) for line in markdown.splitlines())
    page = '#set page(paper: "a4")\n#set text(size: 10pt)\n#set document(date: none)\n'
    made: bytes = typst.compile((page + body).encode())
    return made


def _line(line: str) -> str:
    heading = _HEADING.match(line)
    if heading:
        return "=" * len(heading[1]) + " " + _plain(heading[2])
    if line.startswith("- "):
        return "- " + _plain(line[2:])
    return _plain(line)


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text).replace("//", "/\\/")
