"""`verify` finds nothing in whole books, and each of many planted corruptions by the row that lies.

The corruptions are planted as the database's owner, past grants, triggers and constraints: what a hand in the database,
a half restore or a defect could do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import Event, Holder
from cauce.ledger.recipes.funding import subsidised
from cauce.ledger.rules import Account, Book, Item, require_posted
from cauce.ledger.sealing import seal_all
from cauce.ledger.verify import verify
from cauce.storage.database import Database
from tests.slices.ledger.books import AT, capture, credit, custody, hold, move, new_org, release, user


def own(code: str) -> Account:
    """A platform account."""
    return Account(Book.PLATFORM, "", "eur", code)


@pytest.fixture(scope="module")
async def owner(shared_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """The owner's connection, with every wall of the ledger taken down."""
    connection = await asyncpg.connect(shared_dsn)
    await connection.execute("SET session_replication_role = replica")
    constraints = await connection.fetch(
        "SELECT conrelid::regclass::text AS place, conname FROM pg_constraint WHERE connamespace = 'ledger'::regnamespace AND contype IN ('c', 'f')"
    )
    await connection.execute("DROP INDEX ledger.journal_key")
    for row in constraints:
        await connection.execute(f'ALTER TABLE {row["place"]} DROP CONSTRAINT "{row["conname"]}"')
    yield connection
    await connection.close()


async def tell_story(database: Database) -> int:
    """An organization whose books hold something of everything, all of it right."""
    org, wallet = await new_org(database), credit("cus_1")
    holder = Holder("chn_1", "eur")
    order, fee, seller = custody("escrow:ord_1"), custody("fee"), custody("member:mer_1:withdrawable")
    items: list[Item] = [
        move(user("bank"), wallet, 1_000, key="in"),
        hold(wallet, 300, key="h-open"), hold(wallet, 200, key="h-done"), hold(wallet, 50, key="h-back"),
        capture("h-done", wallet, move(wallet, user("bank"), 150, key="cap")), release("h-back", wallet),
        move(user("bank"), user("other"), 40, key="wrong"),
        move(custody("psp_in_transit"), order, 5_000, key="T02", recipe="T02", evidence="ins_1", reference="ord_1"),
        move(order, fee, 600, key="T06", recipe="T06", evidence="ins_2", reference="ord_1", link="s"),
        move(own("fee_due_from_custody"), own("revenue"), 600, key="T21", recipe="T21", reference="ord_1", link="s"),
        move(order, seller, 4_400, key="T06b", recipe="T06", evidence="ins_2", reference="ord_1"),
        *subsidised(holder, Event("sub_1", "ord_1", "ins_3", AT), "escrow:ord_1", 70),
    ]  # fmt: skip
    async with database.transaction(org) as tx:
        numbers = require_posted(await post(tx, items))
        await post(tx, [move(user("other"), user("bank"), 40, key="right", reverses=numbers[6])])
    assert await seal_all(database, org) == 10
    async with database.transaction(org) as tx:
        await tx.run(
            """INSERT INTO ledger.month (org_id, book, channel_id, starts_on, until_at, state, closed_at, closed_by)
               VALUES ($1, 'platform', '', '2026-01-01', '2026-02-01', 'closed', clock_timestamp(), 'person:1')""", org
        )  # fmt: skip
        await tx.value("SELECT ledger.move_border($1, 'platform', '')", org)
        await post(tx, [move(user("bank"), wallet, 5, key="late")])
    return org


_J = "(SELECT id FROM ledger.journal WHERE org_id = $1 AND key = '{}')"
_A = "(SELECT a.id FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id WHERE a.org_id = $1 AND a.code = '{}' LIMIT 1)"

CORRUPTIONS: dict[str, tuple[str, str]] = {
    "a balance is changed": (
        "UPDATE ledger.account SET balance_minor = balance_minor + 1 WHERE org_id = $1 AND code = 'user:bank'", "balances"),
    "two balances are changed so that the sum stays": (
        "UPDATE ledger.account SET balance_minor = balance_minor + CASE code WHEN 'user:bank' THEN 7 ELSE -7 END WHERE org_id = $1 AND code IN ('user:bank', 'user:other')", "balances"),
    "an amount is changed": (
        f"UPDATE ledger.entry SET amount_minor = amount_minor + 1 WHERE org_id = $1 AND journal_id = {_J.format('in')} AND leg = 1", "journal_sums"),
    "a running balance is changed": (
        f"UPDATE ledger.entry SET balance_after = balance_after - 3 WHERE org_id = $1 AND journal_id = {_J.format('T06')} AND leg = 1", "balance_chain"),
    "an entry is deleted": (f"DELETE FROM ledger.entry WHERE org_id = $1 AND journal_id = {_J.format('T02')} AND leg = 2", "legs"),
    "all entries of a journal are deleted": (f"DELETE FROM ledger.entry WHERE org_id = $1 AND journal_id = {_J.format('wrong')}", "legs"),
    "a journal is deleted": (f"DELETE FROM ledger.journal WHERE org_id = $1 AND id = {_J.format('T06b')}", "orphan_entries"),
    "a journal and its entries are deleted": (
        "WITH j AS (DELETE FROM ledger.journal WHERE org_id = $1 AND key = 'late' RETURNING id) DELETE FROM ledger.entry e USING j WHERE e.org_id = $1 AND e.journal_id = j.id", "balances"),
    "an entry points to no account": (
        f"UPDATE ledger.entry SET account_id = 99999999 WHERE org_id = $1 AND journal_id = {_J.format('in')} AND leg = 2", "orphan_entries"),
    "an entry is moved to another account": (
        f"UPDATE ledger.entry SET account_id = {_A.format('user:other')} WHERE org_id = $1 AND journal_id = {_J.format('late')} AND account_id = {_A.format('user:bank')}", "balances"),
    "a journal is invented": (
        "INSERT INTO ledger.journal SELECT org_id, id - 100000, 'invented', content_hash, recipe, reference, evidence, NULL, books, effective_at, recorded_at FROM ledger.journal WHERE org_id = $1 AND key = 'in'", "legs"),
    "a recipe is renamed after sealing": ("UPDATE ledger.journal SET recipe = 'gift' WHERE org_id = $1 AND key = 'in'", "seals"),
    "an effective date is moved after sealing": (
        "UPDATE ledger.journal SET effective_at = effective_at + interval '1 month' WHERE org_id = $1 AND key = 'in'", "seals"),
    "a key is changed after sealing": ("UPDATE ledger.journal SET key = 'in2' WHERE org_id = $1 AND key = 'in'", "seals"),
    "a seal's hash is replaced": ("UPDATE ledger.seal SET hash = sha256('x') WHERE org_id = $1", "seals"),
    "a seal is renumbered": ("UPDATE ledger.seal SET number = 2 WHERE org_id = $1", "seal_sequence"),
    "custody evidence is wiped": ("UPDATE ledger.journal SET evidence = NULL WHERE org_id = $1 AND key = 'T02'", "evidence"),
    "a custody reference is wiped": ("UPDATE ledger.journal SET reference = '' WHERE org_id = $1 AND key = 'T02'", "evidence"),
    "a journal says the wrong book": ("UPDATE ledger.journal SET books = 1 WHERE org_id = $1 AND key = 'T02'", "books"),
    "an account changes its book": (
        "UPDATE ledger.account SET pool_id = (SELECT id FROM ledger.pool WHERE org_id = $1 AND book = 'custody') WHERE org_id = $1 AND code = 'user:other'", "books"),
    "a key is in the books twice": ("UPDATE ledger.journal SET key = 'in' WHERE org_id = $1 AND key = 'late'", "keys"),
    "a reversal is forgotten": ("DELETE FROM ledger.reversal WHERE org_id = $1", "reversals"),
    "a journal is taken back twice": (
        f"UPDATE ledger.journal SET reverses = {_J.format('wrong')} WHERE org_id = $1 AND key = 'late'", "reversals"),
    "a journal takes back one that never was": ("UPDATE ledger.journal SET reverses = 5555555 WHERE org_id = $1 AND key = 'late'", "reversals"),
    "a reserve is changed": ("UPDATE ledger.account SET held_minor = 1 WHERE org_id = $1 AND code = 'customer:cus_1:credit'", "held"),
    "a hold is deleted": ("DELETE FROM ledger.hold WHERE org_id = $1 AND key = 'h-open'", "held"),
    "a released hold still reserves": ("UPDATE ledger.hold SET remaining_minor = 5 WHERE org_id = $1 AND key = 'h-back'", "holds"),
    "a hold reserves more than its amount": ("UPDATE ledger.hold SET remaining_minor = 900 WHERE org_id = $1 AND key = 'h-open'", "holds"),
    "an account is below its floor": ("UPDATE ledger.account SET floor_minor = 1000000 WHERE org_id = $1 AND code = 'customer:cus_1:credit'", "floors"),
    "recorded times are swapped": ("UPDATE ledger.journal SET recorded_at = recorded_at - interval '1 day' WHERE org_id = $1 AND key = 'late'", "recording_order"),
    "a journal is dated into a closed month": (
        "UPDATE ledger.journal SET effective_at = '2026-01-20' WHERE org_id = $1 AND key = 'late'", "closed_months"),
    "the border of closed months is moved": ("UPDATE ledger.pool SET closed_before = '-infinity' WHERE org_id = $1 AND book = 'platform'", "borders"),
    "an earlier month is opened behind a closed one": (
        "INSERT INTO ledger.month (org_id, book, channel_id, starts_on, until_at, state) VALUES ($1, 'platform', '', '2025-12-01', '2026-01-01', 'open')", "month_gaps"),
    "the fee's mirror is gone": (
        "WITH j AS (DELETE FROM ledger.journal WHERE org_id = $1 AND key = 'T21' RETURNING id), e AS (DELETE FROM ledger.entry e USING j WHERE e.org_id = $1 AND e.journal_id = j.id) UPDATE ledger.account SET balance_minor = 0 WHERE org_id = $1 AND code IN ('revenue', 'fee_due_from_custody')", "fee_mirror"),
    "a subsidy lost its platform journal": ("UPDATE ledger.journal SET reference = 'ord_2' WHERE org_id = $1 AND recipe = 'T15' AND books = 1", "funding_pairs"),
    "an account that the chart does not know": ("UPDATE ledger.account SET code = 'slush' WHERE org_id = $1 AND code = 'user:other'", "chart"),
    "an account on the wrong side": ("UPDATE ledger.account SET normal_side = -normal_side WHERE org_id = $1 AND code = 'user:other'", "chart"),
    "an account given to another owner": ("UPDATE ledger.account SET owner_id = 'cus_9' WHERE org_id = $1 AND code = 'customer:cus_1:credit'", "chart"),
}  # fmt: skip


async def test_whole_books_have_no_finding(shared_database: Database, owner: asyncpg.Connection) -> None:
    org = await tell_story(shared_database)
    async with shared_database.transaction(org) as tx:
        assert await verify(tx) == []


@pytest.mark.parametrize("name", CORRUPTIONS)
async def test_each_planted_corruption_is_found(
    shared_database: Database, owner: asyncpg.Connection, name: str
) -> None:
    statement, check = CORRUPTIONS[name]
    org = await tell_story(shared_database)
    status = await owner.execute(statement, org)
    assert not status.endswith(" 0"), "nothing was planted"
    async with shared_database.transaction(org) as tx:
        found = {finding.check: str(finding) for finding in await verify(tx)}
    assert check in found, found


def test_more_than_twenty_corruptions_are_planted() -> None:
    assert len(CORRUPTIONS) >= 20
    assert len({check for _, check in CORRUPTIONS.values()}) >= 18


async def test_what_follows_in_the_transaction_is_planned_as_before(shared_database: Database) -> None:
    org = await tell_story(shared_database)
    asked = "SELECT array_agg(setting ORDER BY name) FROM pg_settings WHERE name ~ '^(enable_|work_mem)'"
    async with shared_database.transaction(org) as tx:
        before = await tx.value(asked)
        await verify(tx)
        assert await tx.value(asked) == before


async def test_the_first_row_that_lies_is_named(shared_database: Database, owner: asyncpg.Connection) -> None:
    org = await tell_story(shared_database)
    await owner.execute("UPDATE ledger.account SET balance_minor = balance_minor + 1 WHERE org_id = $1", org)
    async with shared_database.transaction(org) as tx:
        number = await tx.value("SELECT min(id) FROM ledger.account WHERE org_id = $1", org)
        finding = next(finding for finding in await verify(tx) if finding.check == "balances")
    assert finding.subject.startswith(f"account {number} ")


async def test_a_counter_behind_the_journals_is_found(shared_database: Database, owner: asyncpg.Connection) -> None:
    org = await tell_story(shared_database)
    last = await owner.fetchval("SELECT last_value FROM ledger.journal_id")
    await owner.execute("SELECT setval('ledger.journal_id', 1)")
    try:
        async with shared_database.transaction(org) as tx:
            assert {finding.check for finding in await verify(tx)} == {"journal_numbers"}
    finally:
        await owner.execute("SELECT setval('ledger.journal_id', $1)", last)
