"""What may be posted: accounts, journals, holds as values, and the answers that `post` gives.

A journal is immutable and is one business event; its legs are signed, debits positive, and sum to zero per book,
holder and currency. Everything checked here is checked again by the database function `ledger.post`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple

from cauce.kernel.errors import Conflict, InvalidRequest

LEGS_MAX = 1_000
AMOUNT_MAX_MINOR = 10**18
"""The largest single leg, and the most that an account may hold reserved; balances may reach eight times as much."""
TEXT_MAX = 255
JOURNAL_ID_MAX = 2**63 - 1


class Book(StrEnum):
    """Whose money it is: the platform's own, or that of others, kept by a licensed holder."""

    PLATFORM = "platform"
    CUSTODY = "custody"


class Code(IntEnum):
    """What became of one item of a batch; the numbers are those of the database function."""

    POSTED = 0
    DUPLICATE = 1
    CONFLICT = 2
    UNKNOWN_ACCOUNT = 3
    ACCOUNT_CLOSED = 4
    INSUFFICIENT = 5
    UNBALANCED = 6
    CLOSED_PERIOD = 7
    LINKED_FAILED = 8
    HOLD_NOT_OPEN = 9
    HOLD_EXCEEDED = 10
    NO_EVIDENCE = 11
    BOTH_BOOKS = 12
    OUT_OF_RANGE = 13
    BAD_LEGS = 14
    NOT_REVERSIBLE = 15

    @property
    def stands(self) -> bool:
        """True when the item's effect is in the books, now or already before."""
        return self <= Code.DUPLICATE


class JournalRefused(Conflict):
    """The ledger refused a journal; `reason` is its result code."""

    code = "journal_refused"


class MalformedJournal(InvalidRequest):
    """The journal cannot be posted as it stands."""

    code = "malformed_journal"


@dataclass(frozen=True, slots=True)
class Account:
    """An account by name. `channel_id` is the holder's channel in the custody book and empty in the platform book."""

    book: Book
    channel_id: str
    currency: str
    code: str

    def __hash__(self) -> int:
        # Batches look accounts up by the thousand, and the hash of an enumeration is slow.
        return hash((self.code, self.channel_id, self.currency))

    def __str__(self) -> str:
        holder = f"@{self.channel_id}" if self.channel_id else ""
        return f"{self.book}{holder}/{self.code} {self.currency}"


AccountName = Account | int
"""An account by name (opened when missing) or by its number (must exist)."""


class Leg(NamedTuple):
    """One side of a journal: `amount_minor` > 0 debits, < 0 credits the account. Batches make them by the thousand."""

    account: AccountName
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Journal:
    """One business event. `key` is unique per organization: the same content again is answered with the first journal.

    `evidence` names the provider instruction or statement line and is required in the custody book. Items with the
    same `link` that stand next to each other in a batch are posted together or not at all.
    """

    key: str
    recipe: str
    reference: str
    effective_at: datetime
    legs: tuple[Leg, ...]
    evidence: str | None = None
    reverses: int | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class PlaceHold:
    """Reserve `amount_minor` of an account's available balance for `owner`, until `expires_at` (None: until somebody ends it)."""

    key: str
    account: AccountName
    amount_minor: int
    owner: str
    reference: str
    effective_at: datetime
    expires_at: datetime | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """Post `journal`, whose leg on `account` takes all or part of the hold; `final` releases what is left of it."""

    hold_key: str
    account: AccountName
    journal: Journal
    final: bool = True


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """End a hold without taking anything; `expired` when its time ran out."""

    hold_key: str
    account: AccountName
    effective_at: datetime
    expired: bool = False
    link: str | None = None


Item = Journal | PlaceHold | Capture | ReleaseHold


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one item: its code, and the number of the journal or hold."""

    code: Code
    id: int


def check_item(item: Item) -> None:
    """Raise `MalformedJournal` for what can be seen without the books, whatever kind of item it is."""
    match item:
        case Journal():
            check_journal(item)
        case Capture(hold_key=hold_key, journal=journal):
            check_text(hold_key, "hold_key", least=1)
            check_journal(journal)
        case PlaceHold():
            check_text(item.key, "key", least=1)
            check_text(item.owner, "owner", least=1)
            check_text(item.reference, "reference")
            check_amount(item.amount_minor)
            if item.amount_minor <= 0:
                raise MalformedJournal("a hold reserves more than nothing", param="amount")
            check_instant(item.effective_at, "effective_at")
            if item.expires_at is not None:
                check_instant(item.expires_at, "expires_at")
        case ReleaseHold(hold_key=hold_key):
            check_text(hold_key, "hold_key", least=1)


SUSPENSE = "suspense"
SUSPENSE_RECIPES = frozenset({"T13", "T17", "T18"})
"""A returned payout of nobody known, an unknown credit, its assignment by two persons. What undoes a journal keeps its recipe."""


def check_journal(journal: Journal) -> None:
    """Raise `MalformedJournal` for what can be seen without the books: legs, amounts, key, sums of named accounts."""
    check_text(journal.key, "key", least=1)
    check_text(journal.recipe, "recipe")
    check_text(journal.reference, "reference")
    if journal.evidence is not None:
        check_text(journal.evidence, "evidence")
    if not 2 <= len(journal.legs) <= LEGS_MAX:
        raise MalformedJournal(f"a journal has 2 to {LEGS_MAX} legs", param="legs")
    check_instant(journal.effective_at, "effective_at")
    if journal.reverses is not None and not 0 < journal.reverses <= JOURNAL_ID_MAX:
        raise MalformedJournal("reverses is the number of a journal", param="reverses")
    sums: dict[tuple[str, str, str], int] = {}
    by_number = False
    for leg in journal.legs:
        check_amount(leg.amount_minor)
        account = leg.account
        if isinstance(account, Account):
            pool = (account.book, account.channel_id, account.currency)
            sums[pool] = sums.get(pool, 0) + leg.amount_minor
            if account.code == SUSPENSE and journal.recipe not in SUSPENSE_RECIPES:
                raise MalformedJournal("suspense is entered and left by its own recipes alone (K15)", param="legs")
        else:
            by_number = True
    if not by_number and any(sums.values()):
        raise MalformedJournal("debits and credits differ within a book and currency", param="legs")


def check_amount(amount_minor: int) -> None:
    """Raise `MalformedJournal` unless the amount is an integer that a leg may carry."""
    if type(amount_minor) is not int:
        raise MalformedJournal("an amount is an integer of minor units", param="amount")
    if not -AMOUNT_MAX_MINOR <= amount_minor <= AMOUNT_MAX_MINOR:
        raise MalformedJournal(f"an amount is at most {AMOUNT_MAX_MINOR} minor units", param="amount")


def check_text(text: str, param: str, *, least: int = 0) -> None:
    """Raise `MalformedJournal` unless the text has `least` to `TEXT_MAX` characters that a database can store."""
    if not least <= len(text) <= TEXT_MAX:
        raise MalformedJournal(f"{param} has {least} to {TEXT_MAX} characters", param=param)
    if "\0" in text or (not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)):
        raise MalformedJournal(f"{param} holds a character that cannot be stored", param=param)


def check_instant(instant: datetime, param: str) -> None:
    """Raise `MalformedJournal` for an instant without a time zone."""
    if instant.tzinfo is None:
        raise MalformedJournal(f"{param} needs a time zone", param=param)


def reversal(journal: Journal, journal_id: int, *, key: str, evidence: str | None, effective_at: datetime) -> Journal:
    """The journal that takes `journal` back, leg by leg."""
    legs = tuple(Leg(leg.account, -leg.amount_minor) for leg in journal.legs)
    return replace(
        journal, key=key, legs=legs, evidence=evidence, effective_at=effective_at, reverses=journal_id, link=None
    )


def require_posted(results: list[Result]) -> list[int]:
    """The numbers of items that all stand; `JournalRefused` naming the first that does not."""
    for position, result in enumerate(results):
        if not result.code.stands:
            raise JournalRefused(
                f"the ledger refused item {position}: {result.code.name.lower()}", reason=result.code.name.lower()
            )
    return [result.id for result in results]
