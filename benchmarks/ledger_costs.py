"""What each feature of the ledger costs: batches of 1,000 beside the bare sketch, and with one thing more or less."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.ledger import (
    ACCOUNTS,
    AT,
    SELLERS,
    USERS,
    batches,
    custody,
    open_accounts,
    post_checked,
    rate_of,
    transfer,
    uniform,
    user,
)  # fmt: skip
from benchmarks.registry import row
from cauce.kernel.ids import new_id
from cauce.ledger.rules import Account, Book, Capture, Item, Journal, Leg, PlaceHold

SIZE = 1_000
_TABLES = ("pool", "account", "journal", "entry", "hold", "reversal")


@row("ledger.cost.sketch", "transfers/s", against="ledger.batch1000")
async def sketch(bench: Bench) -> float:
    """The sketch: two legs, one book, no names, tenants, holds, links or months."""
    text = Path(__file__).with_name("ledger_sketch.sql").read_text(encoding="utf-8")
    async with bench.owner() as connection:
        await connection.execute(text)
        await connection.execute(
            "INSERT INTO lp.account (id) SELECT generate_series(1, $1::bigint)".replace("$1", str(ACCOUNTS))
        )
        await connection.execute("SET search_path = lp")
        statement = await connection.prepare(
            "SELECT post_batch_v2($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[])"
        )
        count, until = 0, time.perf_counter() + bench.seconds
        with bench.stopwatch() as watch:
            while time.perf_counter() < until:
                pairs = [random.sample(range(1, ACCOUNTS + 1), 2) for _ in range(SIZE)]
                keys = [_rising() for _ in pairs]
                await statement.fetchval(keys, [pair[0] for pair in pairs], [pair[1] for pair in pairs], [5] * SIZE)
                count += SIZE
        return watch.rate(count)


def _rising() -> uuid.UUID:
    return uuid.UUID(int=(time.time_ns() << 64) | random.getrandbits(64))


async def altered(bench: Bench, statements: Sequence[str]) -> float:
    """`ledger.batch1000` after changing the schema."""
    async with bench.owner() as connection:
        for statement in statements:
            await connection.execute(statement)
    return await batches(bench, SIZE, uniform)


@row("ledger.cost.without_row_security", "transfers/s", against="ledger.batch1000")
async def without_row_security(bench: Bench) -> float:
    """Row-level security off on the ledger's tables."""
    return await altered(
        bench,
        [f"ALTER TABLE ledger.{name} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY" for name in _TABLES],
    )


@row("ledger.cost.without_reference_index", "transfers/s", against="ledger.batch1000")
async def without_reference_index(bench: Bench) -> float:
    """No look-up of journals by business object."""
    return await altered(bench, ["DROP INDEX ledger.journal_reference"])


@row("ledger.cost.without_statements", "transfers/s", against="ledger.batch1000")
async def without_statements(bench: Bench) -> float:
    """No look-up of entries by account."""
    return await altered(bench, ["DROP INDEX ledger.entry_account"])


async def prepared(bench: Bench, make: Callable[[], Item], accounts: Sequence[Account]) -> float:
    """Items per second after money was put on `accounts`."""
    async with bench.database() as database:
        org = await bench.org(database)
        await open_accounts(database, org)
        source = custody("psp_in_transit") if accounts[0].book is Book.CUSTODY else user(0)
        legs = [(Leg(source, 10**12), Leg(account, -(10**12))) for account in accounts]
        keys = [new_id("jnl") for _ in legs]
        await post_checked(
            database,
            org,
            [Journal(key, "T02", key, AT, pair, evidence=key) for key, pair in zip(keys, legs, strict=True)],
        )
        return await rate_of(bench, database, org, SIZE, make)


@row("ledger.cost.custody", "transfers/s", against="ledger.batch1000")
async def in_custody(bench: Bench) -> float:
    """Transfers between members of a custody book: evidence, and a floor on every account."""

    def make() -> Item:
        debit, credit = random.sample(SELLERS, 2)
        key = new_id("jnl")
        return Journal(key, "T08", key, AT, (Leg(debit, 5), Leg(credit, -5)), evidence=key)

    return await prepared(bench, make, SELLERS)


@row("ledger.cost.two_books", "journals/s", against="ledger.batch1000")
async def in_two_books(bench: Bench) -> float:
    """Linked pairs: a custody journal that moves the fee, and its mirror in the platform book."""
    pair: list[Item] = []
    fee_due = Account(Book.PLATFORM, "", "eur", "fee_due_from_custody")
    revenue = Account(Book.PLATFORM, "", "eur", "revenue")

    def make() -> Item:
        if not pair:
            key, seller = new_id("jnl"), random.choice(SELLERS)
            moved = Journal(key, "T06", key, AT, (Leg(seller, 5), Leg(custody("fee"), -5)), evidence=key, link=key)
            mirror = Journal(f"T21:{key}", "T21", key, AT, (Leg(fee_due, 5), Leg(revenue, -5)), link=key)
            pair.extend((mirror, moved))
        return pair.pop()

    return await prepared(bench, make, SELLERS)


@row("ledger.cost.holds", "items/s", against="ledger.batch1000")
async def with_holds(bench: Bench) -> float:
    """Holds and their captures in turns, each capture a journal."""
    open_holds: list[PlaceHold] = []

    def make() -> Item:
        if len(open_holds) < 500:
            one = PlaceHold(new_id("hld"), random.choice(SELLERS), 5, "payout", "ref", AT)
            open_holds.append(one)
            return one
        one = open_holds.pop(0)
        key = new_id("jnl")
        legs = (Leg(one.account, 5), Leg(custody("payout_in_transit"), -5))
        return Capture(one.key, one.account, Journal(key, "T12", key, AT, legs, evidence=key))

    return await prepared(bench, make, SELLERS)


@row("ledger.cost.links", "transfers/s", against="ledger.batch1000")
async def with_links(bench: Bench) -> float:
    """Transfers in link groups of five."""
    left: list[str] = []

    def make() -> Item:
        if not left:
            left.extend([new_id("lnk")] * 5)
        debit, credit = random.sample(USERS, 2)
        made = transfer(debit, credit, new_id("jnl"))
        return Journal(made.key, made.recipe, made.reference, made.effective_at, made.legs, link=left.pop())

    return await batches(bench, SIZE, make)
