"""The ledger beside plain SQL that posts row by row: one transfer, batches, orders of twelve legs, all features on.

Every transfer has two legs between two of a thousand accounts, unless the row says otherwise; keys rise with time.
The rows "at" a size fill the books first: LEDGER_FILL journals (250,000 when nothing is said); the name of the row says
how many, so that LEDGER_FILL=10000000 gives `ledger.batch1000.at10m`.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.registry import row
from cauce.kernel.ids import new_id
from cauce.ledger.posting import post, post_at_once
from cauce.ledger.rules import Account, Book, Code, Item, Journal, Leg
from cauce.storage.database import Database

ACCOUNTS = 1_000
AT = datetime(2030, 1, 1, tzinfo=UTC)
FILL_JOURNALS = int(os.environ.get("LEDGER_FILL", "250000"))
AT_SIZE = (
    f"ledger.batch1000.at{FILL_JOURNALS // 1_000_000}m"
    if FILL_JOURNALS >= 1_000_000
    else f"ledger.batch1000.at{FILL_JOURNALS // 1_000}k"
)

MakeItem = Callable[[], Item]


def user(number: int) -> Account:
    """One of the thousand accounts."""
    return Account(Book.PLATFORM, "", "eur", f"user:{number}")


USERS = [user(number) for number in range(ACCOUNTS)]


def uniform() -> Journal:
    """A transfer between two random accounts."""
    debit, credit = random.sample(USERS, 2)
    return transfer(debit, credit, new_id("jnl"))


def hot() -> Journal:
    """A transfer in which one account, the same in all of them, takes part."""
    return transfer(USERS[0], USERS[random.randrange(1, ACCOUNTS)], new_id("jnl"))


def random_key() -> Journal:
    """A transfer whose key is random, as a client may choose it."""
    debit, credit = random.sample(USERS, 2)
    return transfer(debit, credit, str(uuid.uuid4()))


def transfer(debit: Account, credit: Account, key: str) -> Journal:
    """A journal of two legs."""
    return Journal(key, "user", key, AT, (Leg(debit, 5), Leg(credit, -5)))


def order() -> Journal:
    """The split of a marketplace order: one escrow account, eleven takers, the platform's fee always among them."""
    sellers = random.sample(SELLERS, 10)
    legs = (Leg(random.choice(ESCROWS), 100_000), Leg(FEE, -10_000), *(Leg(seller, -9_000) for seller in sellers))
    key = new_id("jnl")
    return Journal(key, "T06", key, AT, legs, evidence=key)


def custody(code: str) -> Account:
    """An account of one holder's book."""
    return Account(Book.CUSTODY, "chn_bench", "eur", code)


SELLERS = [custody(f"member:{number}:pending") for number in range(ACCOUNTS)]
ESCROWS = [custody(f"escrow:{number}") for number in range(200)]
FEE = custody("fee")


async def open_accounts(database: Database, org: int) -> None:
    """Open the thousand accounts, so that no measured batch does."""
    ring = [transfer(USERS[n], USERS[(n + 1) % ACCOUNTS], new_id("jnl")) for n in range(ACCOUNTS)]
    await post_checked(database, org, ring)


async def post_checked(database: Database, org: int, items: Sequence[Item]) -> None:
    """Post a batch, commit, and be sure that all of it was posted."""
    async with database.transaction(org) as tx:
        results = await post(tx, items)
    assert all(result.code is Code.POSTED for result in results), results[:5]


async def rate_of(bench: Bench, database: Database, org: int, size: int, make: MakeItem) -> float:
    """Items per second, one writer, batches of `size`."""
    for _ in range(3):
        await post_checked(database, org, [make() for _ in range(size)])
    count, until = 0, time.perf_counter() + bench.seconds
    with bench.stopwatch() as watch:
        while time.perf_counter() < until:
            await post_checked(database, org, [make() for _ in range(size)])
            count += size
    return watch.rate(count)


async def batches(bench: Bench, size: int, make: MakeItem) -> float:
    """The same on a fresh ledger of a thousand accounts."""
    async with bench.database() as database:
        org = await bench.org(database)
        await open_accounts(database, org)
        return await rate_of(bench, database, org, size, make)


@row("ledger.baseline.row_by_row", "transfers/s")
async def row_by_row(bench: Bench) -> float:
    """One connection, plain SQL, a table of accounts, journals and entries: lock, insert, update, commit per transfer."""
    async with bench.owner() as connection:
        await connection.execute("""
            CREATE TABLE account (id bigint PRIMARY KEY, balance bigint NOT NULL DEFAULT 0) WITH (fillfactor = 50);
            CREATE TABLE journal (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text COLLATE "C" NOT NULL UNIQUE, created_at timestamptz NOT NULL DEFAULT now());
            CREATE TABLE entry (journal_id bigint NOT NULL, leg smallint NOT NULL, account_id bigint NOT NULL, amount bigint NOT NULL, balance_after bigint NOT NULL, PRIMARY KEY (journal_id, leg));
            CREATE INDEX entry_account ON entry (account_id, journal_id);
            INSERT INTO account (id) SELECT generate_series(0, 999)""")
        lock = await connection.prepare(
            "SELECT id, balance FROM account WHERE id = ANY ($1::bigint[]) ORDER BY id FOR UPDATE"
        )
        journal = await connection.prepare("INSERT INTO journal (key) VALUES ($1) RETURNING id")
        entry = await connection.prepare("INSERT INTO entry VALUES ($1, $2, $3, $4, $5)")
        update = await connection.prepare("UPDATE account SET balance = $2 WHERE id = $1")
        count, until = 0, time.perf_counter() + bench.seconds
        with bench.stopwatch() as watch:
            while time.perf_counter() < until:
                pair = random.sample(range(ACCOUNTS), 2)
                async with connection.transaction():
                    balances = {found["id"]: found["balance"] for found in await lock.fetch(pair)}
                    number = await journal.fetchval(new_id("jnl"))
                    for leg, (account, amount) in enumerate(zip(pair, (5, -5), strict=True), 1):
                        balances[account] += amount
                        await entry.fetch(number, leg, account, amount, balances[account])
                        await update.fetch(account, balances[account])
                count += 1
        return watch.rate(count)


@row("ledger.single.c8", "transfers/s", against="ledger.baseline.row_by_row")
async def single_c8(bench: Bench) -> float:
    """One transfer per transaction from eight connections."""
    async with bench.database(connections_max=8) as database:
        org = await bench.org(database)
        await open_accounts(database, org)
        until, counts = time.perf_counter() + bench.seconds, [0] * 8

        async def client(number: int) -> None:
            while time.perf_counter() < until:
                (result,) = await post_at_once(database, org, [uniform()])
                assert result.code is Code.POSTED
                counts[number] += 1

        with bench.stopwatch() as watch:
            await asyncio.gather(*(client(number) for number in range(8)))
        return watch.rate(sum(counts))


@row("ledger.batch100", "transfers/s", against="ledger.baseline.row_by_row")
async def batch100(bench: Bench) -> float:
    """Batches of 100, one writer."""
    return await batches(bench, 100, uniform)


@row("ledger.batch1000", "transfers/s", against="ledger.baseline.row_by_row")
async def batch1000(bench: Bench) -> float:
    """Batches of 1,000, one writer."""
    return await batches(bench, 1_000, uniform)


@row("ledger.batch1000.hot", "transfers/s", against="ledger.batch1000")
async def batch1000_hot(bench: Bench) -> float:
    """The same with one account in every transfer."""
    return await batches(bench, 1_000, hot)


@row("ledger.batch1000.random_keys", "transfers/s", against="ledger.batch1000")
async def batch1000_random_keys(bench: Bench) -> float:
    """The same with random keys, on a fresh ledger; `make bench` with LEDGER_FILL says it at size."""
    return await batches(bench, 1_000, random_key)


@row("ledger.orders12", "orders/s", against="ledger.baseline.row_by_row")
async def orders12(bench: Bench) -> float:
    """Split orders of twelve legs in the custody book, with evidence and floors, in batches of 100."""
    async with bench.database() as database:
        org = await bench.org(database)
        for n in range(0, ACCOUNTS, 50):
            key = new_id("jnl")
            legs = (Leg(custody("psp_in_transit"), 50), *(Leg(seller, -1) for seller in SELLERS[n : n + 50]))
            await post_checked(database, org, [Journal(key, "T01", key, AT, legs, evidence=key)])
        rich = 10**15
        for escrow in ESCROWS:
            key = new_id("jnl")
            legs = (Leg(custody("psp_in_transit"), rich), Leg(escrow, -rich))
            await post_checked(database, org, [Journal(key, "T02", key, AT, legs, evidence=key)])
        return await rate_of(bench, database, org, 100, order)


async def filled(bench: Bench, make: Callable[[], Journal]) -> float:
    """The rate on a ledger that holds FILL_JOURNALS journals, posted through the same door.

    Measured after a while of posting: right after a checkpoint PostgreSQL writes each page that it touches whole, once.
    """
    async with bench.database() as database:
        org = await bench.org(database)
        await open_accounts(database, org)
        for _ in range(0, FILL_JOURNALS, 5_000):
            await post_checked(database, org, [make() for _ in range(5_000)])
        async with bench.owner() as connection:
            await connection.execute("VACUUM (ANALYZE, FREEZE) ledger.account, ledger.journal, ledger.entry")
            await connection.execute("CHECKPOINT")
        await rate_of(bench, database, org, 1_000, make)
        return await rate_of(bench, database, org, 1_000, make)


@row(AT_SIZE, "transfers/s", against="ledger.batch1000")
async def batch1000_filled(bench: Bench) -> float:
    """Batches of 1,000 on a large ledger, keys rising with time."""
    return await filled(bench, uniform)


@row(f"{AT_SIZE}.random_keys", "transfers/s", against="ledger.batch1000")
async def batch1000_filled_random_keys(bench: Bench) -> float:
    """The same with random keys."""
    return await filled(bench, random_key)


if os.environ.get("PGLEDGER_SQL"):

    @row("ledger.peer.pgledger", "transfers/s", against="ledger.baseline.row_by_row")
    async def peer_pgledger(bench: Bench) -> float:
        """The peer whose file PGLEDGER_SQL names: one transfer per transaction from eight connections."""
        import asyncpg

        text = await asyncio.to_thread(Path(os.environ["PGLEDGER_SQL"]).read_text, encoding="utf-8")
        async with bench.owner() as connection:
            await connection.execute(text)
            accounts = [
                await connection.fetchval("SELECT id FROM pgledger_create_account($1, 'EUR')", f"a{number}")
                for number in range(ACCOUNTS)
            ]
        until, counts = time.perf_counter() + bench.seconds, [0] * 8

        async def client(number: int) -> None:
            connection = await asyncpg.connect(bench.dsn)
            while time.perf_counter() < until:
                pair = random.sample(accounts, 2)
                await connection.fetch("SELECT id FROM pgledger_create_transfer($1, $2, 5)", *pair)
                counts[number] += 1
            await connection.close()

        with bench.stopwatch() as watch:
            await asyncio.gather(*(client(number) for number in range(8)))
        return watch.rate(sum(counts))
