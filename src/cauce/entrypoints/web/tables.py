"""Lists as values: a page says which columns there are and what stands in each cell; one macro draws them all.

A cell knows what it is (an amount, an instant, a state, a link), so the reader's language and zone are applied in one
place, and on a phone every row becomes a card whose lines carry their column's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Cell:
    """One value and how it is drawn; `href` leads somewhere, `note` stands smaller below."""

    kind: str
    value: Any
    href: str = ""
    note: str = ""
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading (a key of the catalogues); `right` for amounts and numbers."""

    text: str
    right: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    """A small form in a row or below a page's title: one click, one action.

    `fields` are hidden values, `inputs` what the visitor types. `danger` asks twice: the fields unfold first.
    """

    path: str
    text: str
    fields: tuple[tuple[str, str], ...] = ()
    inputs: tuple[Input, ...] = ()
    danger: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """One field of a form; `options` (value, text) make it a choice, texts already translated or data."""

    name: str
    text: str
    kind: str = "text"
    value: str = ""
    options: tuple[tuple[str, str], ...] = ()
    required: bool = True
    placeholder: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under columns. `title` and `none` are keys; `none` with `_hint` behind it is the hint."""

    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]
    none: str = "list.none"
    title: str = ""


def text(value: object, *, note: object = "", href: str = "") -> Cell:
    """Plain text; None is empty."""
    return Cell("text", "" if value is None else str(value), href, "" if note is None else str(note))


def word(key: str) -> Cell:
    """A text of the catalogues."""
    return Cell("word", key)


def movement(recipe: str, *, note: str = "", href: str = "") -> Cell:
    """A money movement by the code of its recipe, in words where the catalogues have them."""
    return Cell("movement", recipe, href, note)


def ident(value: object, *, href: str = "") -> Cell:
    """An id, in small type."""
    return Cell("ident", "" if value is None else str(value), href)


def amount(amount_minor: int | None, currency: str, *, note: str = "") -> Cell:
    """Money."""
    return Cell("amount", amount_minor, note=note, currency=currency)


def number(value: int | None) -> Cell:
    """A count."""
    return Cell("number", value)


def moment(at: datetime | None) -> Cell:
    """An instant."""
    return Cell("moment", at)


def day(on: date | None) -> Cell:
    """A date."""
    return Cell("day", on)


def state(value: str, *, note: str = "") -> Cell:
    """A state; its name is the key `state.<value>`."""
    return Cell("state", value, note=note)


def buttons(*each: Button) -> Cell:
    """What can be done with this row."""
    return Cell("buttons", each)


def columns(*names: str) -> tuple[Column, ...]:
    """Columns by key; one that ends in `>` is set to the right."""
    return tuple(Column(name.rstrip(">"), name.endswith(">")) for name in names)
