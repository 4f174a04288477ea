"""How things look in the API: money, pages of lists, cursors; one form for all resources."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import AMOUNT_MAX_MINOR

LIMIT_DEFAULT, LIMIT_MAX = 20, 100

Amount = Annotated[int, Field(strict=True, ge=-AMOUNT_MAX_MINOR, le=AMOUNT_MAX_MINOR)]
"""Minor units; a float or a string is refused, not rounded."""

PositiveAmount = Annotated[int, Field(strict=True, ge=1, le=AMOUNT_MAX_MINOR)]
Currency = Annotated[str, Field(pattern="^[a-z]{3}$")]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str, Query(description="`next_cursor` of the page before")]


class Body(BaseModel):
    """A request body: fields that are not listed are refused, so a misspelt one is no silent default."""

    model_config = ConfigDict(extra="forbid")


class BadCursor(InvalidRequest):
    """The cursor is not one that this list gave out."""

    code = "bad_cursor"


def listing(rows: Sequence[Any], limit: int, cursor_of: Callable[[Any], object]) -> dict[str, Any]:
    """A page. Ask the database for one row more than `limit`, so that the last page knows that it is the last."""
    shown = [dict(row) for row in rows[:limit]]
    more = len(rows) > limit
    return {
        "object": "list",
        "data": shown,
        "has_more": more,
        "next_cursor": pack_cursor(cursor_of(rows[limit - 1])) if more else None,
    }


def pack_cursor(value: object) -> str:
    """An opaque cursor from a value."""
    return base64.urlsafe_b64encode(str(value).encode()).decode().rstrip("=")


def unpack_cursor(cursor: str) -> str:
    """The value in a cursor ("" for none); `BadCursor` otherwise."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except ValueError as exc:  # not base64, not ASCII, or not UTF-8 inside
        raise BadCursor(param="cursor") from exc


def unpack_number(cursor: str, default: int) -> int:
    """The number in a cursor, or `default` for none."""
    text = unpack_cursor(cursor)
    if not text:
        return default
    if not text.isdigit() or len(text) > 19:
        raise BadCursor(param="cursor")
    return int(text)
