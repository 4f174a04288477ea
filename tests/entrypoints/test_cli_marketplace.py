"""`cauce import orders` and `cauce reconcile` from the shell, on an organization at a provider's simulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from cauce.entrypoints.cli.order_import import told
from cauce.entrypoints.cli.reconciling import File
from cauce.entrypoints.demo import real_orders
from cauce.entrypoints.demo.stage import Stage
from cauce.flows.marketplace import compliance
from cauce.flows.marketplace.import_orders import ImportTerms
from cauce.kernel.errors import InvalidRequest
from cauce.marketplace.compliance.rules import QUESTIONS, PooledMoney
from cauce.marketplace.compliance.rules import Answer as Said
from cauce.providers.kit.bankfiles import Format
from tests.flows.threads import silent
from tests.support.runtime import BEGIN, world
from tests.support.shell import Answer, cauce

ITEMS = """order_id,seller_id,price_cents,freight_cents,purchased_at
o1,ana,10000,500,2026-01-20T10:00:00Z
o2,bia,3000,0,2026-01-20T11:00:00Z
=o3,carl,990,10,2026-01-20T12:00:00Z
"""
PAYMENTS = "order_id,method,amount_cents\no1,card,10500\no2,card,3000\n=o3,card,1000\n"
MAP = "defaults: {status: '', approved_at: '', delivered_at: ''}\n"
ANSWERS = {one.number: Said("no" if one.stops == "yes" else "the holder", "contract 7") for one in QUESTIONS}
BANK_MAP = (
    "currency: brl\naccount_ref: A1\ncolumns: {booking_date: Day, amount: Amount, text: Text, bank_ref: Ref}\n"
    "entry_key: {columns: [Ref]}\n"
)


@dataclass
class Shop:
    """A marketplace at Stripe's simulator, and a shell beside it."""

    stage: Stage
    terms: ImportTerms
    run: Callable[..., Awaitable[Answer]]


@pytest.fixture(scope="module")
async def shop(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    home = tmp_path_factory.mktemp("home")
    async with world(shared_dsn, home, sandbox=True) as product:
        org = await product.sandbox_org("Feira")
        stage = Stage(product.app, org, product.sandbox_url, silent)
        terms = await real_orders.open_channel(stage, "stripe", ["ana", "bia"], BEGIN)
        environ = {
            "CAUCE_DATABASE_URL": shared_dsn,
            "CAUCE_MASTER_KEY": product.app.settings.master_key[0].hex(),
        }

        async def run(*words: str) -> Answer:
            return await asyncio.to_thread(cauce, *words, "--org", org.public_id, home=home, environ=environ)

        yield Shop(stage, terms, run)


async def test_orders_are_imported_once_and_what_is_refused_is_told_with_its_reason(shop: Shop, tmp_path: Path) -> None:
    for name, text in (("items.csv", ITEMS), ("payments.csv", PAYMENTS), ("map.yaml", MAP)):
        (tmp_path / name).write_text(text)
    words = (
        "import", "orders", "--items", f"{tmp_path}/items.csv", "--payments", f"{tmp_path}/payments.csv",
        "--map", f"{tmp_path}/map.yaml", "--channel", shop.terms.channel_id, "--refused", f"{tmp_path}/refused.csv",
    )  # fmt: skip
    first = await shop.run(*words, "--rule", shop.terms.rule_id, "--json")
    assert first.code == 0, first.err
    assert {name: first.data[name] for name in ("read", "accepted", "refused", "reasons")} == {
        "read": 3, "accepted": 2, "refused": 1, "reasons": {"unknown_merchant": 1}
    }  # fmt: skip
    assert "'=o3,unknown_merchant," in (tmp_path / "refused.csv").read_text()
    assert told(first.data, None)[:2] == ["2 of 3 orders taken, 1 refused.", "  1 x unknown_merchant"]


async def test_nobody_signs_for_a_channel_whose_provider_pays_merchants_money_out_by_itself(shop: Shop) -> None:
    schedule = {"payouts": {"schedule": {"interval": "daily"}}}
    await shop.stage.control.verb("stripe", "settings", {"settings": schedule})
    with pytest.raises(PooledMoney, match="daily"):
        await compliance.sign(shop.stage.context, ANSWERS)
    schedule["payouts"]["schedule"]["interval"] = "manual"
    await shop.stage.control.verb("stripe", "settings", {"settings": schedule})
    await shop.stage.control.fault("stripe", "drop_before", "balance_settings.retrieve", times=9)
    with pytest.raises(PooledMoney, match="does not tell"):
        await compliance.sign(shop.stage.context, ANSWERS)
    await shop.stage.control.clear_faults("stripe")
    await compliance.sign(shop.stage.context, ANSWERS)
    gate = await compliance.read_gate(shop.stage.context)
    assert [(one.channel_id, one.is_signed) for one in gate.channels] == [(shop.terms.channel_id, True)]


async def test_a_reconciliation_fetches_takes_in_a_file_and_prints_what_differs(shop: Shop, tmp_path: Path) -> None:
    day = (BEGIN - timedelta(days=1)).date()
    (tmp_path / "bank.csv").write_text(f"Day,Amount,Text,Ref\n{day},-4.00,yearly fee,r1\n")
    (tmp_path / "map.yaml").write_text(BANK_MAP)
    file = ("--channel", shop.terms.channel_id, "--file", f"{tmp_path}/bank.csv", "--map", f"{tmp_path}/map.yaml")
    shown = await shop.run("reconcile", *file)
    assert (shown.code, "brought 1 new lines" in shown.out) == (1, True), shown.err
    assert "unknown_debit" in shown.out and " 4.00 " in shown.out
    found = await shop.run("reconcile", *file, "--no-fetch", "--json")
    assert (found.code, found.data["file"]["new_lines"]) == (1, 0)
    assert [(one["type"], one["amount_minor"]) for one in found.data["breaks"]] == [("unknown_debit", 400)]


def test_a_file_is_known_by_its_ending_or_refused() -> None:
    with pytest.raises(InvalidRequest, match="mt940"):
        File(Path("bank.doc")).kind()
    assert [File(Path(name)).kind() for name in ("a.STA", "b.xml")] == [Format.MT940, Format.CAMT053]
