"""Every answer that `post` gives, and that a refusal leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cauce.ledger.chart import UnknownAccountCode
from cauce.ledger.rules import AMOUNT_MAX_MINOR, Account, Book, Code, Journal, Leg, MalformedJournal
from cauce.storage.database import Database
from tests.slices.ledger.books import (
    AT,
    balance,
    capture,
    codes,
    count_rows,
    credit,
    custody,
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


async def test_a_journal_is_posted_and_moves_both_balances(shared_database: Database, org: int) -> None:
    (answer,) = await results(shared_database, org, move(user("a"), user("b"), 700))
    assert answer.code is Code.POSTED and answer.id > 0
    assert await balance(shared_database, org, user("a")) == (700, 0)
    assert await balance(shared_database, org, user("b")) == (-700, 0)


async def test_the_same_content_again_is_answered_with_the_first_journal(shared_database: Database, org: int) -> None:
    journal = move(user("a"), user("b"), 700)
    first, *_ = await results(shared_database, org, journal)
    again, *_ = await results(shared_database, org, replace(journal, effective_at=AT + timedelta(days=1)))
    assert again.code is Code.DUPLICATE and again.id == first.id
    assert await balance(shared_database, org, user("a")) == (700, 0)


@pytest.mark.parametrize(
    "other",
    [
        {"legs": (Leg(user("a"), 701), Leg(user("b"), -701))},
        {"legs": (Leg(user("a"), 700), Leg(user("c"), -700))},
        {"recipe": "other"},
        {"reference": "other"},
        {"evidence": "ins_1"},
        {"reverses": 1},
    ],
)
async def test_the_same_key_with_other_content_is_refused(shared_database: Database, org: int, other: dict) -> None:
    journal = move(user("a"), user("b"), 700)
    await results(shared_database, org, journal)
    (answer,) = await results(shared_database, org, replace(journal, **other))
    assert (answer.code, answer.id) == (Code.CONFLICT, 0)


async def test_texts_of_a_journal_cannot_be_shifted_into_each_other(shared_database: Database, org: int) -> None:
    journal = replace(move(user("a"), user("b"), 700), reference="a|b", evidence="c")
    shifted = replace(journal, reference="a", evidence="b|c")
    assert await codes(shared_database, org, journal, shifted) == [Code.POSTED, Code.CONFLICT]


async def test_an_account_number_that_does_not_exist_is_unknown(shared_database: Database, org: int) -> None:
    stranger = await new_org(shared_database)
    await results(shared_database, stranger, move(user("a"), user("b"), 1))
    async with shared_database.transaction(stranger) as tx:
        foreign = await tx.value("SELECT min(id) FROM ledger.account WHERE org_id = $1", stranger)
    answers = await codes(
        shared_database,
        org,
        move(user("a"), 999_999_999, 5),
        move(user("a"), foreign, 5),
        move(user("a"), user("b"), 5),
    )
    assert answers == [Code.UNKNOWN_ACCOUNT, Code.UNKNOWN_ACCOUNT, Code.POSTED]


async def test_an_account_that_the_chart_does_not_know_is_refused_before_anything_is_sent(
    shared_database: Database, org: int
) -> None:
    with pytest.raises(UnknownAccountCode):
        await results(shared_database, org, move(Account(Book.PLATFORM, "", "eur", "nonsense"), user("b"), 5))
    assert await count_rows(shared_database, org, "account") == 0


async def test_a_closed_account_takes_nothing(shared_dsn: str, shared_database: Database, org: int) -> None:
    import asyncpg

    await results(shared_database, org, move(user("a"), user("b"), 5))
    owner = await asyncpg.connect(shared_dsn)
    await owner.execute("UPDATE ledger.account SET closed_at = now() WHERE org_id = $1 AND code = 'user:b'", org)
    await owner.close()
    answers = await codes(shared_database, org, move(user("a"), user("b"), 5), hold(user("b"), 1))
    assert answers == [Code.ACCOUNT_CLOSED, Code.ACCOUNT_CLOSED]


async def test_what_would_fall_below_its_floor_is_insufficient(shared_database: Database, org: int) -> None:
    wallet = credit("cus_1")
    await results(shared_database, org, move(user("bank"), wallet, 100))
    answers = await codes(
        shared_database, org, move(wallet, user("x"), 101), move(wallet, user("x"), 100), move(wallet, user("x"), 1)
    )
    assert answers == [Code.INSUFFICIENT, Code.POSTED, Code.INSUFFICIENT]
    assert await balance(shared_database, org, wallet) == (0, 0)


async def test_available_is_balance_less_holds_for_journals_and_holds_alike(
    shared_database: Database, org: int
) -> None:
    wallet = credit("cus_1")
    answers = await codes(
        shared_database, org,
        move(user("bank"), wallet, 100), hold(wallet, 60), hold(wallet, 41), move(wallet, user("x"), 41),
        move(wallet, user("x"), 40), hold(wallet, 1),
    )  # fmt: skip
    assert answers == [
        Code.POSTED, Code.POSTED, Code.INSUFFICIENT, Code.INSUFFICIENT, Code.POSTED, Code.INSUFFICIENT,
    ]  # fmt: skip
    assert await balance(shared_database, org, wallet) == (-60, 60)


async def test_legs_that_do_not_sum_to_zero_are_unbalanced(shared_database: Database, org: int) -> None:
    await results(shared_database, org, move(user("a"), user("b"), 5))
    async with shared_database.transaction(org) as tx:
        numbers = {
            row["code"]: row["id"]
            for row in await tx.rows("SELECT id, code FROM ledger.account WHERE org_id = $1", org)
        }
    lopsided = replace(move(user("a"), user("b"), 5), legs=(Leg(numbers["user:a"], 5), Leg(numbers["user:b"], -4)))
    assert await codes(shared_database, org, lopsided) == [Code.UNBALANCED]
    assert await balance(shared_database, org, user("a")) == (5, 0)


async def test_each_currency_must_sum_to_zero_by_itself(shared_database: Database, org: int) -> None:
    both = (Leg(user("a"), 5), Leg(user("b", "usd"), -5))
    with pytest.raises(MalformedJournal):
        await results(shared_database, org, replace(move(user("a"), user("b"), 5), legs=both))
    await results(shared_database, org, move(user("a"), user("b"), 1), move(user("a", "usd"), user("b", "usd"), 1))
    async with shared_database.transaction(org) as tx:
        rows = await tx.rows(
            "SELECT a.id, p.currency, a.code FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id WHERE a.org_id = $1",
            org,
        )
    number = {(row["code"], row["currency"]): row["id"] for row in rows}
    by_number = (Leg(number["user:a", "eur"], 5), Leg(number["user:b", "usd"], -5))
    assert await codes(shared_database, org, replace(move(user("a"), user("b"), 5), legs=by_number)) == [
        Code.UNBALANCED
    ]
    exchange = (
        Leg(user("b", "usd"), -7), Leg(user("a"), 5), Leg(user("a", "usd"), 7), Leg(user("b"), -5),
    )  # fmt: skip
    assert await codes(shared_database, org, replace(move(user("a"), user("b"), 5), legs=exchange)) == [Code.POSTED]


async def test_links_stand_or_fall_together(shared_database: Database, org: int) -> None:
    wallet = credit("cus_1")
    answers = await codes(
        shared_database, org,
        move(user("bank"), wallet, 50, link="one"), move(wallet, user("x"), 60, link="one"),
        move(user("bank"), user("x"), 7, link="one"),
        move(user("bank"), wallet, 30, link="two"), move(wallet, user("x"), 30, link="two"),
        move(wallet, user("x"), 1),
    )  # fmt: skip
    assert answers == [
        Code.LINKED_FAILED, Code.INSUFFICIENT, Code.LINKED_FAILED, Code.POSTED, Code.POSTED, Code.INSUFFICIENT,
    ]  # fmt: skip
    assert await balance(shared_database, org, user("bank")) == (30, 0)


async def test_a_broken_group_undoes_its_holds_captures_and_releases_in_reverse(
    shared_database: Database, org: int
) -> None:
    wallet, kept, new = credit("cus_1"), fresh_key(), fresh_key()
    await results(shared_database, org, move(user("bank"), wallet, 100), hold(wallet, 40, key=kept))
    answers = await codes(
        shared_database, org,
        release(kept, wallet, link="g"), hold(wallet, 90, key=new, link="g"),
        capture(new, wallet, move(wallet, user("x"), 30, link="g"), final=False),
        move(wallet, user("x"), 1_000, link="g"),
        hold(wallet, 60, key=new),
    )  # fmt: skip
    assert answers == [
        Code.LINKED_FAILED, Code.LINKED_FAILED, Code.LINKED_FAILED, Code.INSUFFICIENT, Code.POSTED,
    ]  # fmt: skip
    assert await balance(shared_database, org, wallet) == (-100, 100)
    assert await codes(shared_database, org, capture(kept, wallet, move(wallet, user("x"), 40))) == [Code.POSTED]


async def test_what_stood_before_the_batch_stays_a_duplicate_when_its_group_breaks(
    shared_database: Database, org: int
) -> None:
    wallet = credit("cus_1")
    stands = move(user("a"), user("b"), 5, link="g")
    (first,) = await results(shared_database, org, stands)
    fresh = move(user("a"), user("b"), 6, link="g")
    answers = await results(shared_database, org, stands, fresh, replace(fresh), move(wallet, user("b"), 1, link="g"))
    assert [answer.code for answer in answers] == [
        Code.DUPLICATE, Code.LINKED_FAILED, Code.LINKED_FAILED, Code.INSUFFICIENT,
    ]  # fmt: skip
    assert answers[0].id == first.id
    assert await balance(shared_database, org, user("a")) == (5, 0)


async def test_a_hold_is_captured_in_parts_until_the_final_one(shared_database: Database, org: int) -> None:
    wallet, key = credit("cus_1"), fresh_key()
    await results(shared_database, org, move(user("bank"), wallet, 100), hold(wallet, 80, key=key))
    answers = await codes(
        shared_database, org,
        capture(key, wallet, move(wallet, user("x"), 30), final=False),
        capture(key, wallet, move(wallet, user("x"), 51), final=False),
        capture(key, wallet, move(wallet, user("x"), 20)),
        capture(key, wallet, move(wallet, user("x"), 1)),
        move(wallet, user("x"), 50),
    )  # fmt: skip
    assert answers == [Code.POSTED, Code.HOLD_EXCEEDED, Code.POSTED, Code.HOLD_NOT_OPEN, Code.POSTED]
    assert await balance(shared_database, org, wallet) == (0, 0)


async def test_a_capture_must_take_from_the_held_account(shared_database: Database, org: int) -> None:
    wallet, key = credit("cus_1"), fresh_key()
    await results(shared_database, org, move(user("bank"), wallet, 100), hold(wallet, 80, key=key))
    answers = await codes(
        shared_database, org,
        capture(key, wallet, move(user("bank"), wallet, 5)),
        capture(key, wallet, move(user("bank"), user("x"), 5)),
        capture(key, user("bank"), move(user("bank"), user("x"), 5)),
        capture("no such hold", wallet, move(wallet, user("x"), 5)),
    )  # fmt: skip
    assert answers == [Code.HOLD_EXCEEDED, Code.HOLD_EXCEEDED, Code.HOLD_NOT_OPEN, Code.HOLD_NOT_OPEN]
    assert await balance(shared_database, org, wallet) == (-100, 80)


async def test_releasing_twice_is_one_release_and_expiry_is_something_else(shared_database: Database, org: int) -> None:
    wallet, key, other = credit("cus_1"), fresh_key(), fresh_key()
    await results(
        shared_database, org, move(user("bank"), wallet, 100), hold(wallet, 80, key=key), hold(wallet, 20, key=other)
    )
    first, again = await results(shared_database, org, release(key, wallet), release(key, wallet))
    assert (first.code, again.code, first.id) == (Code.POSTED, Code.DUPLICATE, again.id)
    answers = await codes(
        shared_database, org, release(key, wallet, expired=True),
        release(other, wallet, expired=True), release(other, wallet, expired=True), release(other, wallet),
    )  # fmt: skip
    assert answers == [Code.HOLD_NOT_OPEN, Code.POSTED, Code.DUPLICATE, Code.HOLD_NOT_OPEN]
    assert await balance(shared_database, org, wallet) == (-100, 0)


async def test_the_same_hold_again_is_a_duplicate_and_another_amount_a_conflict(
    shared_database: Database, org: int
) -> None:
    wallet, key = credit("cus_1"), fresh_key()
    placed, twin, *_ = await results(
        shared_database, org, hold(user("free"), 5, key=key), hold(user("free"), 5, key=key)
    )
    assert (placed.code, twin.code, twin.id) == (Code.POSTED, Code.DUPLICATE, placed.id)
    answers = await codes(
        shared_database, org, hold(user("free"), 5, key=key), hold(user("free"), 6, key=key), hold(wallet, 5, key=key)
    )
    assert answers == [Code.DUPLICATE, Code.CONFLICT, Code.CONFLICT]


async def test_the_custody_book_takes_nothing_without_evidence(shared_database: Database, org: int) -> None:
    collected = (custody("psp_in_transit"), custody("escrow:ord_1"), 500)
    answers = await codes(
        shared_database, org,
        move(*collected), move(*collected, evidence=""), move(*collected, evidence="ins_1", recipe="T02"),
    )  # fmt: skip
    assert answers == [Code.NO_EVIDENCE, Code.NO_EVIDENCE, Code.POSTED]


async def test_only_the_fee_sweep_touches_both_books(shared_database: Database, org: int) -> None:
    await results(shared_database, org, move(custody("psp_in_transit"), custody("fee"), 9, evidence="ins_1"))
    legs = (
        Leg(custody("fee"), 9), Leg(custody("psp_in_transit"), -9),
        Leg(Account(Book.PLATFORM, "", "eur", "own_bank"), 9),
        Leg(Account(Book.PLATFORM, "", "eur", "fee_due_from_custody"), -9),
    )  # fmt: skip
    sweep = Journal(fresh_key(), "T14", "swp_1", AT, legs, "ins_2")
    answers = await codes(
        shared_database, org, replace(sweep, key=fresh_key(), recipe="T06"), replace(sweep, key=fresh_key(), evidence=None), sweep
    )  # fmt: skip
    assert answers == [Code.BOTH_BOOKS, Code.NO_EVIDENCE, Code.POSTED]


async def test_two_holders_are_two_books(shared_database: Database, org: int) -> None:
    between = move(custody("custody_bank"), custody("custody_bank", channel="chn_2"), 5, evidence="ins")
    with pytest.raises(MalformedJournal):
        await results(shared_database, org, between)


async def test_balances_and_holds_beyond_their_range_are_refused_and_the_batch_goes_on(
    shared_database: Database, org: int
) -> None:
    most = AMOUNT_MAX_MINOR
    answers = await codes(shared_database, org, *(move(user("a"), user("b"), most) for _ in range(10)))
    assert answers == [Code.POSTED] * 8 + [Code.OUT_OF_RANGE] * 2
    answers = await codes(
        shared_database, org, hold(user("b"), most), hold(user("b"), 1), move(user("b"), user("a"), 1)
    )
    assert answers == [Code.POSTED, Code.OUT_OF_RANGE, Code.POSTED]


async def test_the_database_itself_refuses_amounts_that_python_would_not_send(
    shared_database: Database, org: int
) -> None:
    await results(shared_database, org, move(user("a"), user("b"), 1), hold(user("b"), 1, key="h-range"))
    statement = """
        SELECT codes FROM ledger.post($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, $10, $11, $12, $13, $14, NULL, NULL, NULL, NULL,
                                      $15, $16, $17, $18, $19, $6, $20)"""
    least, most = -(2**63), 2**63 - 1
    async with shared_database.transaction(org) as tx:
        a, b = await tx.value("SELECT array_agg(id ORDER BY code) FROM ledger.account WHERE org_id = $1", org)
        low, high = (1, 2) if a < b else (2, 1)
        found = await tx.value(
            statement, org, sorted([a, b]), [1, 1, 3, 2, 2], ["r1", "r2", "r3", "h4", "h5"], [7] * 5, [""] * 5,
            [None] * 5, [AT] * 5, [1, 3, 5, 7, 7], [2, 2, 2, 0, 0],
            [1, 1, 2, 2, 3, 3], [1, 2, 1, 2, 1, 2], [low, high, low, high, low, high],
            [least, most, 10**18 + 1, -(10**18) - 1, most, least],
            ["h-range", "h4", "h5"], [0, 0, 1, 2, 3], [0, 0, high, low, low], [0, 0, 0, most, -5], [True] * 5, [None] * 5,
        )  # fmt: skip
    assert [Code(code) for code in found] == [
        Code.OUT_OF_RANGE, Code.OUT_OF_RANGE, Code.HOLD_EXCEEDED, Code.OUT_OF_RANGE, Code.OUT_OF_RANGE,
    ]  # fmt: skip


@pytest.mark.parametrize("amount", [1.0, True, "5", 10**18 + 1, -(10**18) - 1, 2**80])
async def test_amounts_that_are_no_integers_in_range_never_reach_the_database(
    shared_database: Database, org: int, amount: object
) -> None:
    legs = (Leg(user("a"), amount), Leg(user("b"), -5))  # type: ignore[arg-type]
    with pytest.raises(MalformedJournal):
        await results(shared_database, org, replace(move(user("a"), user("b"), 5), legs=legs))
    with pytest.raises(MalformedJournal):
        await results(shared_database, org, hold(user("a"), amount))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "x" * 256, "nul\0", "half\ud800"])
async def test_keys_that_cannot_be_stored_never_reach_the_database(
    shared_database: Database, org: int, text: str
) -> None:
    with pytest.raises(MalformedJournal):
        await results(shared_database, org, replace(move(user("a"), user("b"), 5), key=text))


async def test_a_leg_of_nothing_and_an_account_twice_are_bad_legs(shared_database: Database, org: int) -> None:
    nothing = replace(move(user("a"), user("b"), 5), legs=(Leg(user("a"), 0), Leg(user("b"), 0)))
    twice = replace(move(user("a"), user("b"), 5), legs=(Leg(user("a"), 5), Leg(user("b"), -8), Leg(user("a"), 3)))
    assert await codes(shared_database, org, nothing, twice) == [Code.BAD_LEGS, Code.BAD_LEGS]
    assert await balance(shared_database, org, user("a")) == (0, 0)


async def test_a_negative_amount_does_not_slip_past_the_floor(shared_database: Database, org: int) -> None:
    wallet = credit("cus_1")
    assert await codes(shared_database, org, move(user("bank"), wallet, -5)) == [Code.INSUFFICIENT]


async def test_a_journal_is_taken_back_once(shared_database: Database, org: int) -> None:
    first, second = await results(shared_database, org, move(user("a"), user("b"), 5), move(user("a"), user("b"), 6))
    wallet = credit("cus_1")
    answers = await codes(
        shared_database, org,
        move(wallet, user("b"), 5, reverses=first.id),
        move(user("b"), user("a"), 5, reverses=first.id),
        move(user("b"), user("a"), 5, reverses=first.id),
        move(user("b"), user("a"), 5, reverses=first.id + 10**9),
        move(user("b"), user("a"), 6, reverses=second.id, link="g"), move(wallet, user("b"), 1, link="g"),
        move(user("b"), user("a"), 6, reverses=second.id),
    )  # fmt: skip
    assert answers == [
        Code.INSUFFICIENT, Code.POSTED, Code.NOT_REVERSIBLE, Code.NOT_REVERSIBLE,
        Code.LINKED_FAILED, Code.INSUFFICIENT, Code.POSTED,
    ]  # fmt: skip
    assert await codes(shared_database, org, move(user("b"), user("a"), 5, reverses=first.id)) == [Code.NOT_REVERSIBLE]
    assert await balance(shared_database, org, user("a")) == (0, 0)


async def test_nothing_is_posted_before_the_border_of_closed_months(
    shared_dsn: str, shared_database: Database, org: int
) -> None:
    import asyncpg

    border = datetime(2026, 3, 1, tzinfo=UTC)
    await results(shared_database, org, move(user("a"), user("b"), 5))
    owner = await asyncpg.connect(shared_dsn)
    await owner.execute("UPDATE ledger.pool SET closed_before = $2 WHERE org_id = $1", org, border)
    await owner.close()
    answers = await codes(
        shared_database, org,
        move(user("a"), user("b"), 5, effective_at=border - timedelta(microseconds=1)),
        move(user("a"), user("b"), 5, effective_at=border),
    )  # fmt: skip
    assert answers == [Code.CLOSED_PERIOD, Code.POSTED]


async def test_an_empty_batch_is_no_work(shared_database: Database, org: int) -> None:
    assert await results(shared_database, org) == []
