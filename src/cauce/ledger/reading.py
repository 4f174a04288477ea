"""What the books say: balances now and at any past instant, statements, trial balances, journals, holds.

Two kinds of past: *effective* is when something happened in the world, *recorded* is when the books learned of it. A
balance as recorded never changes again; a balance as effective changes when a late fact arrives, until its month is
closed. Balances are signed, debits positive; `Standing.normal_minor` turns the sign to the account's own side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cauce.kernel.errors import NotFound
from cauce.ledger.rules import Account, AccountName, Book
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "reading.sql")
ROWS_MAX = 1_000
"""The most rows of one page."""


class NoSuchAccount(NotFound):
    """There is no such account in the ledger."""

    code = "account_not_found"


class NoSuchJournal(NotFound):
    """There is no such journal in the ledger."""

    code = "journal_not_found"


class NoSuchHold(NotFound):
    """There is no such hold in the ledger."""

    code = "hold_not_found"


@dataclass(frozen=True, slots=True)
class Standing:
    """An account and what is on it now. `floor_minor` None: may go below zero."""

    id: int
    account: Account
    owner_id: str
    normal_side: int
    floor_minor: int | None
    balance_minor: int
    held_minor: int
    closed_at: datetime | None

    @property
    def normal_minor(self) -> int:
        """The balance in the account's own sense: what is owed on a liability is positive."""
        return self.normal_side * self.balance_minor

    @property
    def available_minor(self) -> int:
        """The balance in the account's own sense, less what is reserved."""
        return self.normal_minor - self.held_minor


@dataclass(frozen=True, slots=True)
class Total:
    """One line of a trial balance: `balance_minor` is zero in sound books."""

    book: Book
    channel_id: str
    currency: str
    debit_minor: int
    credit_minor: int
    balance_minor: int


async def number_of(tx: Tx, account: AccountName) -> int:
    """The account's number; `NoSuchAccount` when nothing was ever posted to it."""
    if isinstance(account, int):
        return account
    number: int | None = await tx.value(
        QUERIES.account_by_name, tx.org, account.book.value, account.channel_id, account.currency, account.code
    )
    if number is None:
        raise NoSuchAccount(f"nothing was posted to {account} yet")
    return number


async def standing(tx: Tx, account: AccountName) -> Standing:
    """The account as it stands now."""
    row = await tx.row(QUERIES.account_by_number, tx.org, await number_of(tx, account))
    if row is None:
        raise NoSuchAccount(f"there is no account {account}")
    return _standing(row)


async def standings(
    tx: Tx, *, after: int = 0, rows_max: int = 100, book: Book | None = None, channel_id: str | None = None,
    currency: str | None = None, owner_id: str | None = None, code_prefix: str | None = None,
) -> list[Standing]:  # fmt: skip
    """Accounts in the order of their numbers, from behind number `after`."""
    rows = await tx.rows(
        QUERIES.accounts, tx.org, after, min(rows_max, ROWS_MAX), book, channel_id, currency, owner_id, code_prefix
    )
    return [_standing(row) for row in rows]


async def balances(tx: Tx, accounts: Sequence[Account]) -> dict[Account, int]:
    """What is on each account now, signed; 0 for those that nothing was posted to."""
    found = {_account(row): int(row["balance_minor"]) for row in await _named(tx, accounts)}
    return {account: found.get(account, 0) for account in accounts}


async def availables(tx: Tx, accounts: Sequence[Account]) -> dict[Account, int]:
    """What may leave each account now, in its own sense: the balance less what is reserved; 0 where nothing was posted."""
    found = {
        _account(row): row["normal_side"] * row["balance_minor"] - row["held_minor"]
        for row in await _named(tx, accounts)
    }
    return {account: int(found.get(account, 0)) for account in accounts}


async def spendable(tx: Tx, accounts: Sequence[Account]) -> dict[Account, int]:
    """What may leave each account before it meets its floor; 0 where nothing was posted."""
    found = {
        _account(row): row["normal_side"] * row["balance_minor"] - row["held_minor"] - (row["floor_minor"] or 0)
        for row in await _named(tx, accounts)
    }
    return {account: int(found.get(account, 0)) for account in accounts}


async def gained_since(
    tx: Tx, accounts: Sequence[tuple[Account, datetime]], *, without: Sequence[str] = ()
) -> dict[Account, tuple[int, datetime]]:
    """What each account gained from its instant on, in its own sense and net of what left again for the same business object,
    and when the first of it took effect. Accounts that gained nothing are left out, recipes in `without` do not count."""
    rows = await tx.rows(
        QUERIES.gained_since,
        tx.org,
        [account.book.value for account, _ in accounts],
        [account.channel_id for account, _ in accounts],
        [account.currency for account, _ in accounts],
        [account.code for account, _ in accounts],
        [since for _, since in accounts],
        list(without),
    )
    return {accounts[row["place"] - 1][0]: (row["gained_minor"], row["first_at"]) for row in rows}


async def balance_effective(tx: Tx, account: AccountName, at: datetime) -> int:
    """The signed balance of everything that took effect up to `at`, as far as the books know today."""
    return int(await tx.value(QUERIES.balance_effective, tx.org, await number_of(tx, account), at))


async def balance_recorded(tx: Tx, account: AccountName, at: datetime) -> int:
    """The signed balance as the books stood at wall time `at`."""
    minor: int = await tx.value(QUERIES.balance_recorded, tx.org, await number_of(tx, account), at)
    return minor


async def statement(tx: Tx, account: AccountName, *, after: int = 0, rows_max: int = 100) -> list[Row]:
    """Entries of an account in the order of recording, each with the balance after it.

    `after` is the journal number of the last line of the page before (an account stands in a journal once).
    """
    return await tx.rows(QUERIES.statement, tx.org, await number_of(tx, account), after, min(rows_max, ROWS_MAX))


async def journal(tx: Tx, number: int) -> tuple[Row, list[Row]]:
    """A journal and its legs; `NoSuchJournal`."""
    head = await tx.row(QUERIES.journal, tx.org, number)
    if head is None:
        raise NoSuchJournal(f"there is no journal {number}")
    return head, await tx.rows(QUERIES.legs, tx.org, [number])


async def journals_of(tx: Tx, reference: str, *, after: int = 0, rows_max: int = 100) -> list[tuple[Row, list[Row]]]:
    """The journals of one business object with their legs, oldest first."""
    heads = await tx.rows(QUERIES.journals_of, tx.org, reference, after, min(rows_max, ROWS_MAX))
    legs: dict[int, list[Row]] = {head["id"]: [] for head in heads}
    for leg in await tx.rows(QUERIES.legs, tx.org, list(legs)):
        legs[leg["journal_id"]].append(leg)
    return [(head, legs[head["id"]]) for head in heads]


async def trial_balance(tx: Tx, *, effective_at: datetime | None = None) -> list[Total]:
    """Debits and credits per book, holder and currency: now, or of everything in effect up to an instant."""
    if effective_at is None:
        rows = await tx.rows(QUERIES.trial_balance, tx.org)
    else:
        rows = await tx.rows(QUERIES.trial_balance_effective, tx.org, effective_at)
    return [
        Total(
            Book(row["book"]), row["channel_id"], row["currency"],
            int(row["debit_minor"]), int(row["credit_minor"]), int(row["balance_minor"]),
        )
        for row in rows
    ]  # fmt: skip


async def holds(
    tx: Tx, *, after: int = 0, rows_max: int = 100, account_id: int | None = None, state: str | None = None
) -> list[Row]:
    """Holds in the order of their numbers; `state` is open, captured, released or expired."""
    return await tx.rows(QUERIES.holds, tx.org, after, min(rows_max, ROWS_MAX), account_id, state)


async def hold_by_key(tx: Tx, key: str) -> Row:
    """One hold; `NoSuchHold`."""
    row = await tx.row(QUERIES.hold_by_key, tx.org, key)
    if row is None:
        raise NoSuchHold(f"there is no hold {key}")
    return row


async def _named(tx: Tx, accounts: Sequence[Account]) -> list[Row]:
    return await tx.rows(
        QUERIES.balances,
        tx.org,
        [account.book.value for account in accounts],
        [account.channel_id for account in accounts],
        [account.currency for account in accounts],
        [account.code for account in accounts],
    )


def _account(row: Row) -> Account:
    return Account(Book(row["book"]), row["channel_id"], row["currency"], row["code"])


def _standing(row: Row) -> Standing:
    return Standing(
        id=row["id"], account=_account(row), owner_id=row["owner_id"], normal_side=row["normal_side"],
        floor_minor=row["floor_minor"], balance_minor=row["balance_minor"], held_minor=row["held_minor"],
        closed_at=row["closed_at"],
    )  # fmt: skip
