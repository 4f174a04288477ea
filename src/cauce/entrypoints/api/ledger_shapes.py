"""How the ledger looks in the API: bodies that come in, objects that go out, pages.

Numbers of journals, accounts and holds are shown with a prefix (`jrn_17`): opaque to callers, and no id of one kind
passes for another. Amounts are integers of minor units, debits positive; a float is refused, not rounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec

from cauce.entrypoints.api.shapes import LIMIT_DEFAULT, LIMIT_MAX, pack_cursor, unpack_number
from cauce.kernel.currencies import exponent_of
from cauce.kernel.errors import InvalidRequest, NotFound
from cauce.ledger.chart import is_by_hand, kind_of
from cauce.ledger.reading import Standing, Total
from cauce.ledger.rules import AMOUNT_MAX_MINOR, LEGS_MAX, Account, Book, Journal, Leg, Result
from cauce.storage.database import Row

RECIPE_BY_HAND = "user"
BULK_MAX = 1_000
_Amount = Annotated[int, msgspec.Meta(ge=-AMOUNT_MAX_MINOR, le=AMOUNT_MAX_MINOR)]


class AccountNotByHand(InvalidRequest):
    """A journal written by hand touches accounts under `user:` alone."""

    code = "account_not_by_hand"


class LegBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One leg: an account under `user:`, and an amount, debits positive."""

    account: str
    amount: _Amount
    currency: str


class JournalBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A journal. `key` may also stand in the `Idempotency-Key` header of a request for one journal."""

    legs: Annotated[list[LegBody], msgspec.Meta(min_length=2, max_length=LEGS_MAX)]
    key: str | None = None
    reference: str = ""
    effective_at: datetime | None = None
    link: str | None = None


class BulkBody(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Many journals; each is answered by itself, neighbours with one `link` stand together."""

    journals: Annotated[list[JournalBody], msgspec.Meta(min_length=1, max_length=BULK_MAX)]


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is asked for."""

    after: int
    limit: int

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Page:
        """The page that `limit` and `cursor` name."""
        text = asked.get("limit", str(LIMIT_DEFAULT))
        if not text.isdigit() or not 1 <= int(text) <= LIMIT_MAX:
            raise InvalidRequest(f"limit is 1 to {LIMIT_MAX}", param="limit")
        return cls(unpack_number(asked.get("cursor", ""), 0), int(text))

    def listing(self, shown: Sequence[dict[str, Any]], numbers: Sequence[int]) -> dict[str, Any]:
        """The page as it goes out; one row more than `limit` says that there is another."""
        more = len(shown) > self.limit
        cursor = pack_cursor(numbers[self.limit - 1]) if more else None
        return {"object": "list", "data": shown[: self.limit], "has_more": more, "next_cursor": cursor}


def journal_of(body: JournalBody, now: datetime | None, header_key: str | None) -> Journal:
    """The journal that a body asks for. Raises what makes it impossible."""
    key = body.key if body.key is not None else header_key
    if key is None:
        raise InvalidRequest("a journal needs a key, in its body or in the Idempotency-Key header", param="key")
    if header_key is not None and key != header_key:
        raise InvalidRequest("the key and the Idempotency-Key header differ", param="key")
    effective_at = body.effective_at or now
    assert effective_at is not None
    legs = tuple(Leg(_account_of(leg), leg.amount) for leg in body.legs)
    return Journal(key, RECIPE_BY_HAND, body.reference, effective_at, legs, link=body.link)


def _account_of(leg: LegBody) -> Account:
    if not is_by_hand(leg.account):
        raise AccountNotByHand(f"{leg.account!r} is not an account under user:", param="legs.account")
    kind_of(Book.PLATFORM, leg.account)
    exponent_of(leg.currency)
    return Account(Book.PLATFORM, "", leg.currency, leg.account)


def posted(asked: Journal, result: Result) -> dict[str, Any]:
    """A journal that stands."""
    return {
        "object": "journal",
        "id": f"jrn_{result.id}",
        "key": asked.key,
        "status": "duplicate" if result.code else "posted",
        "reference": asked.reference,
        "effective_at": asked.effective_at,
        "legs": [_leg(leg.account, leg.amount_minor) for leg in asked.legs],
    }


def answered(asked: Journal, result: Result) -> dict[str, Any]:
    """One line of the answer to many journals."""
    status = result.code.name.lower()
    return {"object": "journal", "id": f"jrn_{result.id}" if result.id else None, "key": asked.key, "status": status}


def _leg(account: object, amount_minor: int) -> dict[str, Any]:
    assert isinstance(account, Account)
    return {"account": account.code, "amount": amount_minor, "currency": account.currency}


def journal(head: Row, legs: Sequence[Row]) -> dict[str, Any]:
    """A journal with its legs."""
    return {
        "object": "journal",
        "id": f"jrn_{head['id']}",
        "key": head["key"],
        "recipe": head["recipe"],
        "reference": head["reference"],
        "evidence": head["evidence"],
        "reverses": f"jrn_{head['reverses']}" if head["reverses"] else None,
        "effective_at": head["effective_at"],
        "recorded_at": head["recorded_at"],
        "legs": [
            {
                **_place(leg),
                "account": leg["code"],
                "amount": leg["amount_minor"],
                "balance_after": leg["balance_after"],
            }
            for leg in legs
        ],
    }


def account(found: Standing) -> dict[str, Any]:
    """An account and what is on it. `balance` is signed, debits positive; `available` is in the account's own sense."""
    return {
        "object": "account",
        "id": f"acc_{found.id}",
        "book": found.account.book.value,
        "channel": found.account.channel_id or None,
        "currency": found.account.currency,
        "code": found.account.code,
        "owner": found.owner_id or None,
        "normal_side": "debit" if found.normal_side > 0 else "credit",
        "balance": found.balance_minor,
        "held": found.held_minor,
        "available": found.available_minor,
        "closed_at": found.closed_at,
    }


def entry(of: Standing, row: Row) -> dict[str, Any]:
    """One line of an account's statement."""
    return {
        "object": "entry",
        "journal": f"jrn_{row['journal_id']}",
        "amount": row["amount_minor"],
        "balance_after": row["balance_after"],
        "currency": of.account.currency,
        "recipe": row["recipe"],
        "reference": row["reference"],
        "evidence": row["evidence"],
        "effective_at": row["effective_at"],
        "recorded_at": row["recorded_at"],
    }


def total(of: Total) -> dict[str, Any]:
    """One line of a trial balance."""
    return {
        "book": of.book.value,
        "channel": of.channel_id or None,
        "currency": of.currency,
        "debit": of.debit_minor,
        "credit": of.credit_minor,
        "difference": of.balance_minor,
    }


def hold(row: Row) -> dict[str, Any]:
    """A hold."""
    return {
        "object": "hold",
        "id": f"hld_{row['id']}",
        "key": row["key"],
        "account": f"acc_{row['account_id']}",
        **_place(row),
        "code": row["code"],
        "owner": row["owner"],
        "reference": row["reference"],
        "amount": row["amount_minor"],
        "remaining": row["remaining_minor"],
        "state": row["state"],
        "expires_at": row["due_at"],
        "created_at": row["created_at"],
    }


def _place(row: Row) -> dict[str, Any]:
    return {"book": row["book"], "channel": row["channel_id"] or None, "currency": row["currency"]}


def number_in(text: str, prefix: str, missing: type[NotFound]) -> int:
    """The number in an id like `acc_17`; `missing` when it cannot be one."""
    head, _, digits = text.partition("_")
    if head != prefix or not digits.isascii() or not digits.isdigit() or len(digits) > 18:
        raise missing(f"there is no {text}")
    return int(digits)


def book_in(text: str | None) -> Book | None:
    """The book that a query names."""
    if text is None:
        return None
    try:
        return Book(text)
    except ValueError as exc:
        raise InvalidRequest(f"book is one of {', '.join(Book)}", param="book") from exc


def instant_in(text: str | None, param: str) -> datetime | None:
    """The instant that a query names, with its time zone."""
    if not text:
        return None
    try:
        instant = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as exc:
        raise InvalidRequest(f"{param} is an instant like 2026-03-31T23:59:59Z", param=param) from exc
    if instant.tzinfo is None:
        raise InvalidRequest(f"{param} needs a time zone", param=param)
    return instant
