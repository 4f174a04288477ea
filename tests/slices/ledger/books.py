"""Short words for the ledger's tests: accounts, journals, holds, and what the books say."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from cauce.ledger.posting import post
from cauce.ledger.rules import (
    Account,
    AccountName,
    Book,
    Capture,
    Code,
    Item,
    Journal,
    Leg,
    PlaceHold,
    ReleaseHold,
    Result,
)
from cauce.storage.database import Database
from cauce.storage.directory.orgs import Mode, create_org

AT = datetime(2026, 3, 15, 12, tzinfo=UTC)
_numbers = count(1)


def fresh_key() -> str:
    """A key that no other test uses."""
    return f"key-{next(_numbers):09d}"


def user(name: str, currency: str = "eur") -> Account:
    """A platform account without a floor."""
    return Account(Book.PLATFORM, "", currency, f"user:{name}")


def credit(customer: str, currency: str = "eur") -> Account:
    """A platform account that may not fall below zero."""
    return Account(Book.PLATFORM, "", currency, f"customer:{customer}:credit")


def custody(code: str, currency: str = "eur", channel: str = "chn_1") -> Account:
    """An account in a holder's book."""
    return Account(Book.CUSTODY, channel, currency, code)


def move(
    debit: AccountName, credited: AccountName, amount_minor: int, *, key: str | None = None, recipe: str = "user",
    reference: str = "ref", evidence: str | None = None, link: str | None = None, reverses: int | None = None,
    effective_at: datetime = AT,
) -> Journal:  # fmt: skip
    """A journal of two legs."""
    legs = (Leg(debit, amount_minor), Leg(credited, -amount_minor))
    return Journal(key or fresh_key(), recipe, reference, effective_at, legs, evidence, reverses, link)


def hold(
    account: AccountName, amount_minor: int, *, key: str | None = None, expires_at: datetime | None = None,
    link: str | None = None, owner: str = "payout",
) -> PlaceHold:  # fmt: skip
    """A reservation."""
    return PlaceHold(key or fresh_key(), account, amount_minor, owner, "ref", AT, expires_at, link)


def release(hold_key: str, account: AccountName, *, expired: bool = False, link: str | None = None) -> ReleaseHold:
    """The end of a reservation."""
    return ReleaseHold(hold_key, account, AT, expired, link)


def capture(hold_key: str, account: AccountName, journal: Journal, *, final: bool = True) -> Capture:
    """The use of a reservation."""
    return Capture(hold_key, account, journal, final)


async def new_org(database: Database) -> int:
    """A fresh organization."""
    async with database.transaction() as tx:
        return (await create_org(tx, "Test", Mode.SANDBOX)).id


async def results(database: Database, org: int, *items: Item) -> list[Result]:
    """Post the items as one batch and commit."""
    async with database.transaction(org) as tx:
        return await post(tx, items)


async def codes(database: Database, org: int, *items: Item) -> list[Code]:
    """The answers to the items, posted as one batch."""
    return [result.code for result in await results(database, org, *items)]


async def balance(database: Database, org: int, account: Account) -> tuple[int, int]:
    """(balance debits positive, held) of an account; zeros when it does not exist."""
    statement = """
        SELECT a.balance_minor, a.held_minor FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id
         WHERE a.org_id = $1 AND p.book = $2 AND p.channel_id = $3 AND p.currency = $4 AND a.code = $5"""
    async with database.transaction(org) as tx:
        row = await tx.row(statement, org, account.book.value, account.channel_id, account.currency, account.code)
    return (row["balance_minor"], row["held_minor"]) if row else (0, 0)


async def count_rows(database: Database, org: int, table: str) -> int:
    """How many rows of the organization a ledger table holds."""
    async with database.transaction(org) as tx:
        found: int = await tx.value(f"SELECT count(*) FROM ledger.{table} WHERE org_id = $1", org)
    return found
