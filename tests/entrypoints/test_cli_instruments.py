"""`cauce instruments` against the card provider's simulator: bound by one person, approved by another, a change rests."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cauce.entrypoints import logs
from cauce.entrypoints.cli import main
from cauce.flows.marketplace import merchants
from cauce.marketplace.merchants.rules import NewAccount, NewMerchant
from cauce.storage.directory import people
from tests.support.runtime import BEGIN, world

NUMBER = "110000000-000123456789"


async def test_a_bank_account_is_bound_by_one_and_approved_by_another(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with world(dsn, tmp_path / "home", sandbox=True) as product:
        org = await product.sandbox_org()
        channel = await product.channel(org, "stripe")
        await product.control(org).set_clock(BEGIN)
        ref = await product.control(org).merchant("stripe", name="Ana", country="US", currency="usd")
        context = product.context(org)
        (ana,) = await merchants.create_merchants(context, [NewMerchant("Ana", country="US")])
        await merchants.connect_merchants(context, [NewAccount(ana, channel, ref=ref, agreement="A-1")])
        async with product.runtime.db.transaction() as tx:
            for name in ("maker", "checker"):
                await people.add_member(tx, org.id, f"{name}@example.com", people.Role.OWNER)
        (tmp_path / "number").write_text(f"{NUMBER}\n")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("CAUCE_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("CAUCE_DATABASE_URL", dsn)
        monkeypatch.setenv("CAUCE_MASTER_KEY", product.app.settings.master_key[0].hex())
        monkeypatch.setattr(logs, "configure", lambda _: None)  # the process is the tests'

        async def run(*words: str) -> tuple[int, str]:
            capsys.readouterr()
            code = await asyncio.to_thread(main.run, ["instruments", *words])
            said = capsys.readouterr()
            return code, said.out or said.err

        maker, checker = ("--person", "maker@example.com"), ("--person", "checker@example.com")
        asked = ("bind", ana, channel, "usd", "--country", "US", "--number-file", "number", *maker, "--json")
        code, said = await run(*asked, "--holder", "The Platform")
        assert code and "holder_differs" in said
        ids = []
        for _ in range(2):
            ids.append(json.loads((await run(*asked, "--holder", "Ana"))[1])["instrument"])
            code, said = await run("approve", ids[-1], *maker)
            assert code and "econd person" in said
            code, said = await run("approve", ids[-1], *checker, "--json")
            assert code == 0, said
        rests_until = datetime.fromisoformat(json.loads(said)["usable_from"])
        assert rests_until == BEGIN + timedelta(days=1), "a changed bank account rests"
        assert (await run("detach", ids[0], *maker))[0] == 0
        shown = json.loads((await run("list", ana, "--json"))[1])
        assert [(row["state"], row["last4"]) for row in shown] == [("detached", "6789"), ("default", "6789")]
        assert NUMBER not in json.dumps(shown)
        assert (await run("detach", "pin_none"))[0] != 0
