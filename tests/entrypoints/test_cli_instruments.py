"""`cauce instruments` against the card provider's simulator: bound by one person, approved by another, a change rests."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

from cauce.flows.marketplace import merchants
from cauce.marketplace.merchants.rules import NewAccount, NewMerchant
from cauce.storage.directory import people
from tests.support.runtime import BEGIN, world
from tests.support.shell import Answer, cauce

NUMBER = "110000000-000123456789"


async def test_a_bank_account_is_bound_by_one_and_approved_by_another(dsn: str, tmp_path: Path) -> None:
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
        environ = {
            "CAUCE_DATABASE_URL": dsn,
            "CAUCE_MASTER_KEY": product.app.settings.master_key[0].hex(),
            "CAUCE_SANDBOX_PORT": product.sandbox_url.rpartition(":")[2],
        }

        async def run(*words: str) -> Answer:
            home = tmp_path / "home"
            return await asyncio.to_thread(cauce, "instruments", *words, home=home, cwd=tmp_path, environ=environ)

        maker, checker = ("--person", "maker@example.com"), ("--person", "checker@example.com")
        asked = ("bind", ana, channel, "usd", "--country", "US", "--number-file", "number", *maker, "--json")
        refused = await run(*asked, "--holder", "The Platform")
        assert refused.code and "holder_differs" in refused.err
        ids = []
        for _ in range(2):
            bound = await run(*asked, "--holder", "Ana")
            assert bound.code == 0, bound.err
            ids.append(bound.data["instrument"])
            alone = await run("approve", ids[-1], *maker)
            assert alone.code and "econd person" in alone.err
            approved = await run("approve", ids[-1], *checker, "--json")
            assert approved.code == 0, approved.err
        rests_until = datetime.fromisoformat(approved.data["usable_from"])
        assert rests_until == BEGIN + timedelta(days=1), "a changed bank account rests"
        assert (await run("detach", ids[0], *maker)).code == 0
        shown = await run("list", ana, "--json")
        assert [(row["state"], row["last4"]) for row in shown.data] == [("detached", "6789"), ("default", "6789")]
        assert NUMBER not in shown.out
        assert (await run("detach", "pin_none")).code != 0
