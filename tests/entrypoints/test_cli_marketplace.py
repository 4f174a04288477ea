"""`cauce merchants`, `cauce split-rules` and `cauce fundings` from the shell: two persons where two are needed, past orders tried again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from cauce.channels.service import create_channel
from cauce.entrypoints import logs
from cauce.entrypoints.cli import main
from cauce.storage.database import Database
from cauce.storage.directory import people
from cauce.storage.directory.orgs import Mode, create_org
from cauce.storage.sealing import Sealer
from tests.flows.billing.shop import BEGIN

RULE = {
    "name": "commission",
    "currency": "eur",
    "parts": [{"to": "fee", "kind": "percent", "value": "0.12"}, {"to": "party:seller", "kind": "remainder"}],
}


async def test_a_market_is_set_up_from_the_shell(
    database: Database, dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with database.transaction() as tx:
        org = await create_org(tx, "Shop", Mode.SANDBOX, frozen_at=BEGIN)
        for name in ("ana", "bia"):
            await people.add_member(tx, org.id, f"{name}@example.com", people.Role.OWNER)
    async with database.transaction(org.id) as tx:
        await create_channel(tx, Sealer.of(b"k" * 32), "stripe", "Cards", settings={}, secrets={}, channel_id="ch_x")
    (tmp_path / "rule.json").write_text(json.dumps(RULE))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CAUCE_HOME", str(tmp_path))
    monkeypatch.setenv("CAUCE_DATABASE_URL", dsn)
    monkeypatch.setattr(logs, "configure", lambda _: None)  # the process is the tests'

    async def run(*words: str) -> tuple[int, str]:
        """The command line in a thread of this process: a process for each costs a second."""
        capsys.readouterr()
        code = await asyncio.to_thread(main.run, list(words))
        said = capsys.readouterr()
        return code, said.out or said.err

    made = json.loads((await run("merchants", "create", "Ana", "--number", "ana", "--json"))[1])["merchant"]
    assert made in (await run("merchants", "list", "--search", "an"))[1]
    ana, bia = ("--person", "ana@example.com"), ("--person", "bia@example.com")
    assert await run("merchants", "pause-payouts", made, *ana) == (0, f"{made} is paid nothing out.\n")
    assert await run("merchants", "resume-payouts", made, *ana) == (0, f"Payouts to {made} go on.\n")
    assert (await run("merchants", "pause-payouts", "mer_none", *ana))[0] != 0
    drafted = json.loads((await run("split-rules", "draft", "rule.json", *ana, "--json"))[1])
    refused = await run("split-rules", "activate", drafted["split_rule"], "1", *ana)
    assert refused[0] and "second person" in refused[1]
    assert await run("split-rules", "activate", drafted["split_rule"], "1", *bia) == (
        0,
        f"{drafted['split_rule']} version 1 is active.\n",
    )
    code, said = await run("split-rules", "simulate", "rule.json", "--first", "2026-01-01", "--until", "2026-02-01")
    assert (code, said.splitlines()[0]) == (0, "0 orders, 0 would be divided otherwise, 0 refused.")
    code, said = await run("fundings", "request", "gift", "ch_x", "100", "eur")
    assert code and "gift is none of" in said
    assert await run("orders", "list") == (0, "order  your number  state  minor units  currency\n")
    code, said = await run("orders", "split-kept", "ord_x", "--part", "fee=1.5")
    assert code and "no party=amount in minor units" in said
    for line in ("two", "2=x", "2=0", "2=1.5"):
        code, said = await run("orders", "refund", "ord_x", "--number", "r-1", "--line", line)
        assert code and ("no line" in said or "no amount" in said)
    code, said = await run("orders", "refund", "ord_x", "--number", "r-1", "--line", "2=500", "--line", "3")
    assert code and "there is no order ord_x" in said
    for verb in ("retry-subsidy", "drop-subsidy"):
        code, said = await run("orders", verb, "ord_x")
        assert code != 0 and "there is no order ord_x" in said
    code, said = await run("orders", "split-kept", "ord_x", "--part", "fee=15")
    assert code and "there is no order ord_x" in said
