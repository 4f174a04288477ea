"""What the books say, now and then."""

from __future__ import annotations

import csv
import io
import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from cauce.ledger import reading
from cauce.ledger.exporting import Form, export
from cauce.ledger.rules import Book
from cauce.storage.database import Database
from tests.slices.ledger.books import AT, codes, credit, custody, hold, move, new_org, release, results, user


@pytest.fixture
async def org(shared_database: Database) -> int:
    """An organization of the test's own."""
    return await new_org(shared_database)


async def test_an_account_says_what_is_on_it_and_what_is_available(shared_database: Database, org: int) -> None:
    wallet = credit("cus_1")
    await codes(shared_database, org, move(user("bank"), wallet, 100), hold(wallet, 30))
    async with shared_database.transaction(org) as tx:
        found = await reading.standing(tx, wallet)
        assert (found.balance_minor, found.normal_minor, found.available_minor, found.owner_id) == (
            -100,
            100,
            70,
            "cus_1",
        )
        assert await reading.balances(tx, [wallet, user("never")]) == {wallet: -100, user("never"): 0}
        with pytest.raises(reading.NoSuchAccount):
            await reading.standing(tx, user("never"))
        with pytest.raises(reading.NoSuchAccount):
            await reading.standing(tx, 10**12)
        assert [one.account for one in await reading.standings(tx, owner_id="cus_1")] == [wallet]
        assert [one.account for one in await reading.standings(tx, code_prefix="user:")] == [user("bank")]
        first = (await reading.standings(tx, rows_max=1))[0]
        assert first.account not in [one.account for one in await reading.standings(tx, after=first.id)]


async def test_balances_at_past_instants_by_effective_and_by_recorded_time(shared_database: Database, org: int) -> None:
    chance, account, history = random.Random(7), user("a"), []
    for turn in range(40):
        effective, amount = AT + timedelta(days=chance.randint(-30, 30)), chance.randint(-50, 50) or 1
        await codes(
            shared_database,
            org,
            move(account, user("b"), amount, effective_at=effective),
            move(user("c"), user(f"d{turn}"), 1),
        )
        async with shared_database.transaction(org) as tx:
            recorded = await tx.value("SELECT max(recorded_at) FROM ledger.journal WHERE org_id = $1", org)
        history.append((effective, recorded, amount))
    async with shared_database.transaction(org) as tx:
        for day in range(-31, 32, 3):
            at = AT + timedelta(days=day)
            wanted = sum(amount for effective, _, amount in history if effective <= at)
            assert await reading.balance_effective(tx, account, at) == wanted
        for _, recorded, _ in history:
            for at in (recorded - timedelta(microseconds=1), recorded):
                wanted = sum(amount for _, known, amount in history if known <= at)
                assert await reading.balance_recorded(tx, account, at) == wanted
        assert await reading.balance_recorded(tx, account, datetime(2000, 1, 1, tzinfo=UTC)) == 0


async def test_a_statement_is_paged_and_its_balance_runs_on(shared_database: Database, org: int) -> None:
    amounts = [5, -2, 9, 1, -4, 7, 3]
    await codes(shared_database, org, *(move(user("a"), user("b"), amount) for amount in amounts))
    async with shared_database.transaction(org) as tx:
        lines, after = [], 0
        while page := await reading.statement(tx, user("a"), after=after, rows_max=3):
            lines += page
            after = page[-1]["journal_id"]
    assert [line["amount_minor"] for line in lines] == amounts
    assert [line["balance_after"] for line in lines] == [sum(amounts[: n + 1]) for n in range(len(amounts))]


async def test_the_trial_balance_is_zero_per_book_holder_and_currency(shared_database: Database, org: int) -> None:
    await codes(
        shared_database, org,
        move(user("a"), user("b"), 5, effective_at=AT - timedelta(days=9)), move(user("a", "usd"), user("b", "usd"), 7),
        move(custody("psp_in_transit"), custody("escrow:1"), 11, evidence="ins", effective_at=AT + timedelta(days=1)),
    )  # fmt: skip
    async with shared_database.transaction(org) as tx:
        now = await reading.trial_balance(tx)
        then = await reading.trial_balance(tx, effective_at=AT)
    assert [(line.book, line.channel_id, line.currency, line.debit_minor, line.credit_minor) for line in now] == [
        (Book.CUSTODY, "chn_1", "eur", 11, 11), (Book.PLATFORM, "", "eur", 5, 5), (Book.PLATFORM, "", "usd", 7, 7),
    ]  # fmt: skip
    assert [(line.currency, line.debit_minor) for line in then] == [("eur", 5), ("usd", 7)]
    assert not any(line.balance_minor for line in now + then)


async def test_journals_of_an_object_come_with_their_legs(shared_database: Database, org: int) -> None:
    first, second = await results(
        shared_database,
        org,
        move(user("a"), user("b"), 5, reference="ord_1"),
        move(user("a"), user("b"), 6, reference="ord_1"),
    )
    async with shared_database.transaction(org) as tx:
        found = await reading.journals_of(tx, "ord_1")
        assert [(head["id"], [leg["amount_minor"] for leg in legs]) for head, legs in found] == [
            (first.id, [5, -5]), (second.id, [6, -6]),
        ]  # fmt: skip
        head, legs = await reading.journal(tx, second.id)
        assert (head["reference"], len(legs)) == ("ord_1", 2)
        with pytest.raises(reading.NoSuchJournal):
            await reading.journal(tx, 10**12)


async def test_holds_are_listed_by_account_and_state(shared_database: Database, org: int) -> None:
    await codes(
        shared_database, org, hold(user("a"), 5, key="one"), hold(user("b"), 6, key="two"), release("two", user("b"))
    )
    async with shared_database.transaction(org) as tx:
        assert [row["key"] for row in await reading.holds(tx, state="open")] == ["one"]
        assert (await reading.hold_by_key(tx, "two"))["state"] == "released"
        with pytest.raises(reading.NoSuchHold):
            await reading.hold_by_key(tx, "three")


async def test_the_export_holds_every_entry_once_in_both_forms(shared_database: Database, org: int) -> None:
    await codes(shared_database, org, *(move(user("a"), user("b"), 1 + n, reference="=1+1") for n in range(2_100)))
    text = b"".join([piece async for piece in export(shared_database, org, Form.CSV)]).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    lines = b"".join([piece async for piece in export(shared_database, org, Form.JSON_LINES)]).splitlines()
    assert len(rows) == len(lines) == 4_200
    assert sum(int(row["amount_minor"]) for row in rows) == 0
    assert [json.loads(line)["amount_minor"] for line in lines] == [int(row["amount_minor"]) for row in rows]
    assert {row["reference"] for row in rows} == {"'=1+1"}
    assert json.loads(lines[0])["effective_at"].startswith("2026-03-15T12:00:00")
    half = int(rows[2_100]["journal_id"])
    rest = b"".join([piece async for piece in export(shared_database, org, Form.JSON_LINES, after=half)]).splitlines()
    assert all(json.loads(line)["journal_id"] > half for line in rest) and len(rest) == 2_098
