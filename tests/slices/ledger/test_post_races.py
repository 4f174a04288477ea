"""Many writers at once: no deadlock, no lost update, one journal per key, whatever meets whatever."""

from __future__ import annotations

import asyncio
import random

import pytest

from cauce.ledger.posting import post
from cauce.ledger.rules import Account, Code, Item
from cauce.storage.database import Database
from tests.slices.ledger.books import (
    balance,
    codes,
    count_rows,
    credit,
    fresh_key,
    hold,
    move,
    new_org,
    release,
    results,
    user,
)  # fmt: skip


@pytest.fixture
async def org(shared_database: Database) -> int:
    """An organization of the test's own."""
    return await new_org(shared_database)


@pytest.mark.parametrize("same_accounts", [True, False])
async def test_two_batches_with_one_key_post_it_once(shared_database: Database, org: int, same_accounts: bool) -> None:
    pairs = [(user("a"), user("b")), (user("a"), user("b")) if same_accounts else (user("c"), user("d"))]
    await codes(shared_database, org, *(move(a, b, 1) for a, b in pairs))
    key = fresh_key()
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def first() -> list[Code]:
        async with shared_database.transaction(org) as tx:
            answers = await post(tx, [move(*pairs[0], 5, key=key), move(*pairs[0], 1)])
            inside.set()
            await go_on.wait()
        return [answer.code for answer in answers]

    async def second() -> list[Code]:
        await inside.wait()
        asyncio.get_running_loop().call_later(0.2, go_on.set)
        return await codes(shared_database, org, move(*pairs[1], 2), move(*pairs[1], 5, key=key), move(*pairs[1], 3))

    one, two = await asyncio.gather(first(), second())
    assert one == [Code.POSTED, Code.POSTED]
    assert two == [Code.POSTED, Code.DUPLICATE if same_accounts else Code.CONFLICT, Code.POSTED]


async def test_a_key_that_arrives_meanwhile_does_not_double_holds_or_balances(
    shared_database: Database, org: int
) -> None:
    wallet, key, kept = credit("cus_1"), fresh_key(), fresh_key()
    await codes(shared_database, org, move(user("bank"), wallet, 100), move(user("a"), user("b"), 1))
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with shared_database.transaction(org) as tx:
            await post(tx, [move(user("a"), user("b"), 5, key=key)])
            inside.set()
            await go_on.wait()

    async def second() -> list[Code]:
        await inside.wait()
        asyncio.get_running_loop().call_later(0.2, go_on.set)
        return await codes(
            shared_database, org, hold(wallet, 30, key=kept), move(wallet, user("bank"), 70, key=key), hold(wallet, 70),
            release(kept, wallet),
        )  # fmt: skip

    _, two = await asyncio.gather(first(), second())
    assert two == [Code.POSTED, Code.CONFLICT, Code.POSTED, Code.POSTED]
    assert await balance(shared_database, org, wallet) == (-100, 70)


async def test_batches_with_the_same_keys_in_other_order_on_other_accounts_do_not_deadlock(
    shared_database: Database, org: int
) -> None:
    for _ in range(15):
        keys = [fresh_key() for _ in range(200)]

        def batch(name: str, order: list[str]) -> list[Item]:
            return [move(user(f"{name}1"), user(f"{name}2"), 1, key=key) for key in order]

        groups = await asyncio.gather(
            results(shared_database, org, *batch("p", keys)), results(shared_database, org, *batch("q", keys[::-1])),
            results(shared_database, org, *batch("r", random.sample(keys, len(keys)))),
        )  # fmt: skip
        posted = sum(answer.code is Code.POSTED for group in groups for answer in group)
        assert posted == len(keys)


async def test_two_batches_take_back_one_journal_and_one_of_them_does(shared_database: Database, org: int) -> None:
    originals = await results(shared_database, org, *(move(user("a"), user("b"), 5) for _ in range(20)))
    numbers = [answer.id for answer in originals]

    async def take_back(name: str, order: list[int]) -> list[Code]:
        return await codes(shared_database, org, *(move(user(name), user(f"{name}x"), 5, reverses=n) for n in order))

    one, two = await asyncio.gather(take_back("p", numbers), take_back("q", numbers[::-1]))
    both = one + two
    assert both.count(Code.POSTED) == 20 and both.count(Code.NOT_REVERSIBLE) == 20


async def test_many_writers_on_few_accounts_never_deadlock_or_lose_an_update(
    shared_database: Database, org: int
) -> None:
    accounts: list[Account] = [user(f"n{turn}") for turn in range(4)] + [credit("c1"), credit("c2")]
    expected = dict.fromkeys(accounts, 0)

    async def writer(seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(12):
            batch: list[Item] = []
            for _ in range(chance.randint(1, 20)):
                debit, credited = chance.sample(accounts, 2)
                batch.append(move(debit, credited, chance.randint(1, 50)))
            answers = await results(shared_database, org, *batch)
            for item, answer in zip(batch, answers, strict=True):
                assert answer.code in (Code.POSTED, Code.INSUFFICIENT)
                if answer.code is Code.POSTED:
                    for leg in item.legs:  # type: ignore[union-attr]
                        expected[leg.account] += leg.amount_minor

    await asyncio.gather(*(writer(seed) for seed in range(16)))
    assert {account: (await balance(shared_database, org, account))[0] for account in accounts} == expected
    assert sum(expected.values()) == 0


async def test_batches_that_open_the_same_accounts_in_other_order_do_not_wait_crosswise(
    shared_database: Database, org: int
) -> None:
    for turn in range(10):
        names = [user(f"t{turn}.{number}", currency) for number in range(30) for currency in ("eur", "usd")]

        def batch(order: list[Account]) -> list[Item]:
            return [move(account, user("sink", account.currency), 1) for account in order]

        done = await asyncio.gather(
            *(results(shared_database, org, *batch(random.sample(names, len(names)))) for _ in range(4))
        )
        assert all(answer.code is Code.POSTED for group in done for answer in group)


async def test_two_organizations_with_one_key_do_not_meet(shared_database: Database, org: int) -> None:
    other, key = await new_org(shared_database), fresh_key()
    journal = move(user("a"), user("b"), 5, key=key)
    assert await codes(shared_database, org, journal) == [Code.POSTED]
    assert await codes(shared_database, other, journal) == [Code.POSTED]
    assert await count_rows(shared_database, other, "journal") == 1


async def test_the_application_cannot_change_what_is_posted(shared_database: Database, org: int) -> None:
    import asyncpg

    await codes(shared_database, org, move(user("a"), user("b"), 5), hold(user("a"), 1))
    for statement in (
        "UPDATE ledger.journal SET recipe = 'x'", "DELETE FROM ledger.journal", "UPDATE ledger.entry SET amount_minor = 1",
        "DELETE FROM ledger.entry", "TRUNCATE ledger.entry", "UPDATE ledger.account SET balance_minor = 0",
        "UPDATE ledger.hold SET remaining_minor = 0, state = 'released'", "UPDATE ledger.pool SET closed_before = now()",
        "INSERT INTO ledger.entry VALUES (1, 1, 9, 1, 5, 5)", "DELETE FROM ledger.month", "DELETE FROM ledger.seal",
    ):  # fmt: skip
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with shared_database.transaction(org) as tx:
                await tx.run(statement)


async def test_even_the_owner_is_refused_by_the_second_wall(
    shared_dsn: str, shared_database: Database, org: int
) -> None:
    import asyncpg

    await codes(shared_database, org, move(user("a"), user("b"), 5))
    owner = await asyncpg.connect(shared_dsn)
    try:
        for statement in (
            "UPDATE ledger.journal SET recipe = 'x'", "DELETE FROM ledger.entry", "TRUNCATE ledger.journal",
        ):  # fmt: skip
            with pytest.raises(asyncpg.IntegrityConstraintViolationError):
                await owner.execute(statement)
    finally:
        await owner.close()


async def test_another_organization_sees_nothing(shared_database: Database, org: int) -> None:
    await codes(shared_database, org, move(user("a"), user("b"), 5), hold(user("a"), 1))
    stranger = await new_org(shared_database)
    for table in ("pool", "account", "journal", "entry", "hold"):
        async with shared_database.transaction(stranger) as tx:
            assert await tx.value(f"SELECT count(*) FROM ledger.{table} WHERE org_id = $1", org) == 0
