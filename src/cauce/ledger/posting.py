"""`post`: the one way into the ledger. One call to one database function per batch, whatever the batch holds.

Account numbers never change, so they are remembered per process; an account that does not exist yet is opened in the
same transaction, with the properties that the chart gives it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from cauce.ledger import batch
from cauce.ledger.chart import kind_of, owner_of
from cauce.ledger.rules import Account, AccountName, Item, Result, check_item
from cauce.storage.database import Database, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__)
ITEMS_MAX = 10_000
_REMEMBERED_MAX = 100_000

_Known = dict[tuple[int, AccountName], tuple[int, int]]
"""(organization, account) -> (number, pool)."""


async def post(tx: Tx, items: Sequence[Item]) -> list[Result]:
    """Post a batch for the transaction's organization; one result per item, a failing item never fails its neighbours.

    Raises `MalformedJournal` or `UnknownAccountCode` before anything is sent when an item cannot be right. A flow
    posts at most once, last, and decides by the codes (`rules.require_posted` when all must stand).
    """
    assert len(items) <= ITEMS_MAX, f"a batch holds at most {ITEMS_MAX} items"
    if not items:
        return []
    for item in items:
        check_item(item)
    arrays = batch.flatten(items, await _numbers(tx, _accounts(items)))
    row = await tx.row(QUERIES.post, tx.org, *arrays.arguments())
    assert row is not None
    return batch.results_of(row["codes"], row["ids"])


async def post_at_once(database: Database, org_id: int, items: Sequence[Item]) -> list[Result]:
    """Post a batch in a transaction of its own; the answers are durable when it returns.

    One trip to the database where every account is known to this process: the function names the organization itself.
    """
    remembered: _Known = database.memory.get("ledger.accounts", {})
    known = {account: remembered.get((org_id, account)) for account in _accounts(items)}
    if not all(known.values()):
        async with database.transaction(org_id) as tx:
            return await post(tx, items)
    assert len(items) <= ITEMS_MAX, f"a batch holds at most {ITEMS_MAX} items"
    if not items:
        return []
    for item in items:
        check_item(item)
    arrays = batch.flatten(items, cast(batch.Numbers, known))
    async with database.connection() as connection:
        row = await connection.fetchrow(QUERIES.post, org_id, *arrays.arguments())
    assert row is not None
    return batch.results_of(row["codes"], row["ids"])


def _accounts(items: Sequence[Item]) -> set[AccountName]:
    return {account for item in items for account in batch.accounts_of(item)}


async def _numbers(tx: Tx, accounts: set[AccountName]) -> batch.Numbers:
    remembered: _Known = tx.memory.setdefault("ledger.accounts", {})
    numbers: dict[AccountName, tuple[int, int]] = {}
    missing: list[AccountName] = []
    for account in accounts:
        found = remembered.get((tx.org, account))
        if found is None:
            missing.append(account)
        else:
            numbers[account] = found
    if missing:
        fresh = await _open(tx, [account for account in missing if isinstance(account, Account)])
        fresh |= await _look_up(tx, [account for account in missing if isinstance(account, int)])
        for account in missing:  # a number that does not exist: the database answers unknown_account
            numbers[account] = fresh.get((tx.org, account)) or (cast(int, account), 0)
        tx.after_commit(lambda: _remember(remembered, fresh))
    return numbers


def _remember(remembered: _Known, fresh: _Known) -> None:
    if len(remembered) + len(fresh) > _REMEMBERED_MAX:
        remembered.clear()
    remembered.update(fresh)


async def _open(tx: Tx, accounts: list[Account]) -> _Known:
    if not accounts:
        return {}
    accounts.sort(key=lambda account: (account.book, account.channel_id, account.currency, account.code))
    kinds = [kind_of(account.book, account.code) for account in accounts]
    numbers = await tx.value(
        QUERIES.open_accounts,
        tx.org,
        [account.book.value for account in accounts],
        [account.channel_id for account in accounts],
        [account.currency for account in accounts],
        [account.code for account in accounts],
        [owner_of(kind, account.code) for kind, account in zip(kinds, accounts, strict=True)],
        [kind.normal_side for kind in kinds],
        [kind.floor_minor for kind in kinds],
    )
    pools = {row["id"]: row["pool_id"] for row in await tx.rows(QUERIES.pools_of, tx.org, numbers)}
    return {(tx.org, account): (number, pools[number]) for account, number in zip(accounts, numbers, strict=True)}


async def _look_up(tx: Tx, numbers: list[int]) -> _Known:
    if not numbers:
        return {}
    rows = await tx.rows(QUERIES.pools_of, tx.org, numbers)
    return {(tx.org, row["id"]): (row["id"], row["pool_id"]) for row in rows}
