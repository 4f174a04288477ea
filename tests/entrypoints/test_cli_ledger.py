"""`cauce ledger` from the shell: sound books, a planted lie, exports, months."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from cauce.storage.database import Database
from tests.slices.ledger.books import codes, move, new_org, user
from tests.support.shell import Answer, cauce

AT = datetime(2026, 1, 15, tzinfo=UTC)
Run = Callable[..., Answer]


@pytest.fixture
async def org(database: Database) -> int:
    """The only organization, with two journals."""
    org_id = await new_org(database)
    await codes(database, org_id, *(move(user("a"), user("b"), amount, effective_at=AT) for amount in (700, 50)))
    return org_id


@pytest.fixture
def run(dsn: str, tmp_path: Path) -> Run:
    """Runs `cauce ledger …` on the test's database."""
    return lambda *words: cauce("ledger", *words, home=tmp_path, environ={"CAUCE_DATABASE_URL": dsn})


async def test_verify_ends_with_0_on_whole_books_and_with_1_on_a_lie(dsn: str, org: int, run: Run) -> None:
    answer = run("verify")
    assert (answer.code, answer.out) == (0, "1 ledgers are whole\n"), answer.err
    owner = await asyncpg.connect(dsn)
    await owner.execute("UPDATE ledger.account SET balance_minor = balance_minor + 1 WHERE code = 'user:a'")
    await owner.close()
    answer = run("verify", "--json")
    assert answer.code == 1 and answer.data["ok"] is False
    (findings,) = answer.data["organizations"].values()
    assert any(finding.startswith("balances: account") for finding in findings)


async def test_balance_shows_sums_accounts_and_the_past(org: int, run: Run) -> None:
    (total,) = run("balance", "--json").data
    assert (total["debit_minor"], total["credit_minor"], total["difference_minor"]) == (750, 750, 0)
    accounts = run("balance", "--account", "user:", "--json").data
    assert {one["account"]: one["balance_minor"] for one in accounts} == {"user:a": 750, "user:b": -750}
    assert run("balance", "--at", "2025-01-01T00:00:00Z", "--json").data == []
    assert run("balance", "--at", "2025-01-01").code == 1


async def test_export_writes_a_file_or_standard_output(org: int, run: Run, tmp_path: Path) -> None:
    lines = run("export", "--format", "jsonl").out.splitlines()
    assert [json.loads(line)["amount_minor"] for line in lines] == [700, -700, 50, -50]
    answer = run("export", "--file", str(tmp_path / "ledger.csv"))
    assert answer.code == 0, answer.err
    assert len((tmp_path / "ledger.csv").read_text().splitlines()) == 5
    assert run("export", "--format", "xml").code == 1


async def test_a_month_is_checked_closed_and_reopened_by_two(org: int, run: Run) -> None:
    assert run("close", "2026-01", "--by", "ana", "--check", "--json").data["closed"] is False
    answer = run("close", "2026-01", "--by", "ana")
    assert answer.code == 0 and "2026-01 is closed" in answer.out, answer.err
    refused = run("reopen", "2026-01", "--by", "ana", "--approved-by", "ana", "--reason", "late", "--json")
    assert (refused.code, refused.data["error"]["code"]) == (1, "two_persons_needed")
    answer = run("reopen", "2026-01", "--by", "ana", "--approved-by", "ben", "--reason", "late")
    assert (answer.code, answer.out) == (0, "platform:2026-01 is open\n")
    assert run("close", "January", "--by", "ana").code == 1


async def test_with_two_organizations_one_must_be_named(database: Database, org: int, run: Run) -> None:
    await new_org(database)
    answer = run("balance")
    assert answer.code == 1 and "--org" in answer.err


async def test_book_rates_come_from_a_file_and_stand(org: int, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(
        "currency,valid_on,rate,source\nEUR,2026-01-15,1.09,central bank\njpy,2026-01-15,0.0064,central bank\n"
    )
    for _ in range(2):
        answer = run("rates", str(file), "--base", "usd", "--by", "ana")
        assert (answer.code, answer.out) == (0, "2 rates in usd stand\n"), answer.err
    file.write_text("currency,valid_on,rate,source\neur,2026-01-15,1.10,central bank\n")
    refused = run("rates", str(file), "--base", "usd", "--by", "ana", "--json")
    assert (refused.code, refused.data["error"]["code"]) == (1, "rate_is_set")
    for line, said in (
        ("eur,2026-01-16,0,bank", "line 2"),
        ("eur,16 January,1.1,bank", "line 2"),
        ("eur,2026-01-16,1.1,", "line 2"),
    ):
        file.write_text(f"currency,valid_on,rate,source\n{line}\n")
        answer = run("rates", str(file), "--base", "usd", "--by", "ana")
        assert answer.code == 1 and said in answer.err
