"""`cauce catalog` and `cauce import` from the shell: differences, dry runs, reports, and the same file twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cauce.storage.database import Database
from cauce.storage.directory.orgs import Mode, create_org
from tests.flows.billing.shop import BEGIN
from tests.support.shell import Answer, cauce

CATALOGUE = """
products:
  - key: app
    name: The app
    plans:
      - key: pro
        name: Pro
        prices:
          - {key: base, currency: eur, interval: month, model: {type: flat, amount_minor: 2900}}
          - {key: seats, currency: eur, model: {type: per_unit, unit_amount: "900"}}
"""
MAP = """
columns: {reference: Id, external_id: Customer, email: Mail, plan: Tariff, paid_until: Paid to, quantities: Seats, credit_minor: Credit, state: State}
values: {plan: {Gold: pro}}
defaults: {currency: EUR}
"""
ROWS = """Id,Customer,Mail,Tariff,Paid to,Seats,Credit,State
s1,ana,ana@example.com,Gold,2026-01-31,seats=3,500,active
s2,bia,bia@example.com,Gold,2026-02-10,,,active
s3,cid,cid@example.com,Silver,2026-02-10,,,active
s4,dan,dan@example.com,Gold,2026-02-30,,,active
s5,eva,eva@example.com,Gold,2026-02-10,,,canceled
"""
Run = Callable[..., Answer]


@pytest.fixture
async def run(database: Database, dsn: str, tmp_path: Path) -> Run:
    """Runs `cauce` on the test's database, where one sandbox organization exists."""
    async with database.transaction() as tx:
        await create_org(tx, "Shop", Mode.SANDBOX, frozen_at=BEGIN)
    for name, content in (("catalogue.yaml", CATALOGUE), ("map.yaml", MAP), ("rows.csv", ROWS)):
        (tmp_path / name).write_text(content)
    (tmp_path / "old.csv").write_text("reference,total_minor\ns1,5600\ns2,3000\n")
    return lambda *words: cauce(*words, home=tmp_path, cwd=tmp_path, environ={"CAUCE_DATABASE_URL": dsn})


async def test_a_catalogue_and_a_running_system_are_taken_over(run: Run, tmp_path: Path) -> None:
    planned = run("catalog", "apply", "catalogue.yaml", "--dry-run", "--json")
    assert [one["what"] for one in planned.data["differences"]] == ["product app", "plan pro"], planned.err
    assert run("catalog", "apply", "catalogue.yaml").out == "create: product app\ncreate: plan pro\n"
    (tmp_path / "out.yaml").write_text(run("catalog", "export").out)
    assert run("catalog", "apply", "out.yaml").out == "Nothing differs.\n", "a round trip is empty"

    words = ("import", "subscriptions", "rows.csv", "--map", "map.yaml", "--json")
    dry = run(*words, "--dry-run")
    assert dry.code == 0, dry.err
    assert (dry.data["read"], dry.data["accepted"]) == (5, 2)
    reasons = {one["reference"]: one["reason"] for one in dry.data["refused"]}
    assert sorted(reasons) == ["s3", "s4", "s5"] and reasons["s5"] == "line 6: it has ended there"
    done = run(*words, "--compare", "old.csv")
    assert (done.data["accepted"], done.data["refused"]) == (2, dry.data["refused"])
    assert done.data["differences"] == [{"reference": "s2", "old_minor": 3000, "new_minor": 3800}]
    assert run(*words, "--compare", "old.csv").data == done.data, "the same file again changes nothing"


async def test_a_map_that_names_what_is_not_there_is_refused(run: Run, tmp_path: Path) -> None:
    for content in ("columns: {reference: Nothing}", "columns: {shoe_size: Id}", "[]"):
        (tmp_path / "bad.yaml").write_text(content)
        answer = run("import", "customers", "rows.csv", "--map", "bad.yaml")
        assert answer.code == 1 and "bad_import_map" in answer.err
    assert run("import", "customers", "missing.csv", "--map", "map.yaml").code == 1
