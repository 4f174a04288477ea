"""Order files taken in: any order of rows, refused with a reason, killed and gone on with, lived through on the clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from cauce.entrypoints.documents.settlement import as_csv, as_pdf
from cauce.entrypoints.web.texts import translator
from cauce.flows.marketplace import reconcile
from cauce.flows.marketplace.import_orders import ImportRuns, ImportTerms, import_orders, sellers_in
from cauce.flows.marketplace.order_files import BadOrderFile, OrderFiles, order_map_from
from cauce.marketplace.orders import store as order_store
from cauce.reports import marketplace as report
from cauce.reports import settlements
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import BEGIN, Market, market

ORDERS = """order_id,status,purchased_at,approved_at,delivered_at
o3,canceled,2026-01-17T10:00:00Z,2026-01-17T11:00:00Z,
o1,delivered,2026-01-16T10:00:00Z,2026-01-16T11:00:00Z,2026-01-20T10:00:00Z
o2,delivered,2026-01-16T12:00:00Z,2026-01-16T12:30:00Z,2026-01-21T10:00:00Z
o4,shipped,2026-01-18T10:00:00Z,2026-01-18T11:00:00Z,
o5,delivered,2026-01-18T10:00:00Z,2026-01-18T11:00:00Z,2026-01-19T10:00:00Z
o6,delivered,yesterday,,
o7,delivered,2026-01-18T10:00:00Z,,2026-01-19T10:00:00Z
"""
ITEMS = """order_id,item,seller_id,price_cents,freight_cents
o1,1,ana,10000,500
o1,2,bia,3000,0
o2,1,ana,2000,100
o3,1,bia,4000,250
o4,1,bia,990,10
o5,1,carl,990,10
o6,1,ana,990,10
o8,1,ana,990,10
"""
PAYMENTS = """order_id,sequence,method,installments,amount_cents
o1,1,card,1,9000
o1,2,voucher,1,4500
o2,1,card,3,2107
o3,1,card,1,4250
o4,1,boleto,1,1000
o5,1,card,1,1000
o6,1,card,1,1000
o7,1,card,1,1000
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("orders", ORDERS), ("items", ITEMS), ("payments", PAYMENTS)):
        (tmp_path / f"{name}.csv").write_text(text)
    return tmp_path


@pytest.fixture(params=["owned", "pooled"])
async def shop(dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[Market]:
    async with market(dsn, {"ch": Bank(OWNED if request.param == "owned" else POOLED)}) as one:
        yield one


def _terms(shop: Market) -> ImportTerms:
    return ImportTerms("ch", "brl", shop.rule_id)


async def test_an_import_takes_what_is_sound_and_says_why_not_the_rest(shop: Market, folder: Path) -> None:
    files = OrderFiles.within(folder)
    assert sellers_in(files) == ["ana", "bia", "carl"]
    found = await import_orders(shop.context, files, _terms(shop))
    assert (found.read, found.accepted, found.refused) == (8, 4, 4)
    async with shop.context.transaction() as tx:
        refused = {row["external_id"]: row["code"] for row in await order_store.refused_of(tx, found.import_id)}
    assert refused == {
        "o5": "unknown_merchant",
        "o6": "order_malformed",
        "o7": "order_malformed",
        "o8": "order_malformed",
    }


async def test_imported_orders_live_their_life_and_only_the_odd_payment_is_a_break(shop: Market, folder: Path) -> None:
    await import_orders(shop.context, OrderFiles.within(folder), _terms(shop))
    await shop.advance(timedelta(days=18))
    first = BEGIN.date()
    await reconcile.fetch_statements(shop.context, "ch", [first + timedelta(days=n) for n in range(18)])
    await reconcile.reconcile(shop.context, "ch", first, first + timedelta(days=18))
    async with shop.context.transaction() as tx:
        breaks = await report.breaks(tx, "ch")
        listed = {row["external_id"]: (row["state"], row["refunded_minor"]) for row in await report.orders(tx)}
    assert [(row["type"], row["key"], row["amount_minor"]) for row in breaks] == [("amount", "o2", 7)]
    assert listed == {"o1": ("released", 0), "o2": ("released", 0), "o3": ("canceled", 4_250), "o4": ("paid", 0)}
    assert await shop.differences() == []
    assert await reconcile.check_mirror(shop.context, "ch") == {}


async def test_a_killed_import_goes_on_and_a_finished_one_does_nothing(
    shop: Market, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cauce.flows.marketplace.import_orders.ORDERS_A_CHUNK", 2)

    def die(read: int, _total: int) -> None:
        if read >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await import_orders(shop.context, OrderFiles.within(folder), _terms(shop), progress=die)
    found = await import_orders(shop.context, OrderFiles.within(folder), _terms(shop))
    again = await import_orders(shop.context, OrderFiles.within(folder), _terms(shop))
    assert found == again
    assert (found.read, found.accepted, found.refused) == (8, 4, 4)
    async with shop.context.transaction() as tx:
        assert len(await report.orders(tx)) == 4


async def test_what_was_refused_is_tried_again_when_asked_and_two_imports_do_not_share_their_work(
    shop: Market, folder: Path
) -> None:
    files = OrderFiles.within(folder)
    first = await import_orders(shop.context, files, _terms(shop))
    await shop.seller("carl")
    assert await import_orders(shop.context, files, _terms(shop)) == first
    again = await import_orders(shop.context, files, _terms(shop), again=True)
    assert (again.import_id, again.read, again.accepted, again.refused) == (first.import_id, 8, 5, 3)
    async with shop.context.transaction() as tx:
        assert len(await report.orders(tx)) == 5
        counts = [(row["code"], row["orders"]) for row in await order_store.refused_counts(tx, first.import_id)]
        assert counts == [("order_malformed", 3)]
        taken_over = not await order_store.import_progress(tx, first.import_id, (4, 8), 4, 0, None)
    assert taken_over and ImportRuns().code == "import_runs"


async def test_a_file_of_its_own_kind_is_read_by_its_map(shop: Market, tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text(
        "Order,Vendor,Price,State,Placed,Arrived\n"
        "x1,ana,100.50,ok,2026-01-16T10:00:00Z,2026-01-17T10:00:00Z\nx1,bia,20,ok,,\n"
        "x2,ana,7.005,ok,2026-01-16T10:00:00Z,\nx3,bia,7.50,void,2026-01-16T10:00:00Z,\n"
    )
    (tmp_path / "payments.csv").write_text("Order,Paid,Number,Fee\nx1,120.50,tx_1,1.20\nx2,7,,\nx3,7.50,,\n")
    order_map = order_map_from(
        {
            "columns": {
                "order_id": "Order", "seller_id": "Vendor", "price_cents": "Price", "status": "State",
                "purchased_at": "Placed", "amount_cents": "Paid", "ref": "Number", "fee_cents": "Fee",
                "delivered_at": "Arrived",
            },
            "values": {"status": {"void": "canceled"}},
            "defaults": {"freight_cents": "0", "method": "card", "approved_at": ""},
            "amounts": "major",
        }
    )  # fmt: skip
    files = OrderFiles(None, tmp_path / "items.csv", tmp_path / "payments.csv", order_map)
    found = await import_orders(shop.context, files, _terms(shop))
    assert (found.read, found.accepted, found.refused) == (3, 2, 1)
    async with shop.context.transaction() as tx:
        (refused,) = await order_store.refused_of(tx, found.import_id)
        (paid,) = [row for row in await report.orders(tx) if row["external_id"] == "x1"]
        (collection, *_) = (await report.waterfall(tx, paid["id"])).collections
        words = await tx.value("SELECT metadata->>'status' FROM orders.purchase WHERE external_id = 'x3'")
    assert words == "canceled"
    assert "7.005" in refused["message"]
    assert (paid["state"], paid["collected_minor"]) == ("paid", 12_050)
    assert collection["fee_minor"] > 0


@pytest.mark.parametrize("plain", [[], {"columns": {"price": "x"}}, {"amounts": "euros"}, {"values": {"status": "x"}}])
def test_a_map_that_cannot_be_meant_is_refused(plain: object) -> None:
    with pytest.raises(BadOrderFile):
        order_map_from(plain)


def test_a_file_that_is_no_csv_is_refused(tmp_path: Path) -> None:
    for name in ("orders", "items", "payments"):
        (tmp_path / f"{name}.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadOrderFile, match="UTF-8"):
        sellers_in(OrderFiles.within(tmp_path))
    with pytest.raises(BadOrderFile, match="no file"):
        OrderFiles(None, tmp_path / "i.csv", tmp_path / "p.csv").fingerprint()


async def test_columns_may_be_called_otherwise_and_a_missing_one_is_named(shop: Market, folder: Path) -> None:
    (folder / "items.csv").write_text(ITEMS.replace("price_cents", "amount"))
    with pytest.raises(BadOrderFile, match="price_cents"):
        await import_orders(shop.context, OrderFiles.within(folder), _terms(shop))
    files = OrderFiles.within(folder, {"price_cents": "amount"})
    assert (await import_orders(shop.context, files, _terms(shop))).accepted == 4


async def test_the_waterfall_of_an_order_shows_who_gets_what(shop: Market, folder: Path) -> None:
    await import_orders(shop.context, OrderFiles.within(folder), _terms(shop))
    await shop.advance(timedelta(days=18))
    async with shop.context.transaction() as tx:
        (order,) = [row for row in await report.orders(tx) if row["external_id"] == "o1"]
        found = await report.waterfall(tx, order["id"])
        paid_out = await report.payouts(tx, state="paid")
        batches = await report.batches(tx)
        statement = await settlements.statement(tx, batches[0]["id"])
    gross = sum(row["amount_minor"] for row in found.collections)
    fees = sum(row["fee_minor"] for row in found.collections)
    assert gross == 13_500
    assert sum(row["amount_minor"] for row in found.parts) == gross - fees
    assert sum(row["amount_minor"] for row in found.parts if row["party"] == "fee") == 1_560
    assert {row["state"] for row in found.parts} == {"applied"}
    assert {row["state"] for row in found.instructions} == {"succeeded"}
    assert sum(row["amount_minor"] for row in paid_out) == sum(row["payout_minor"] for row in batches)
    moved = sum(line.amount_minor for line in statement.lines)
    assert statement.opening_minor + moved - statement.payout_minor == statement.closing_minor == 0
    text = as_csv(statement).splitlines()
    assert (text[0][:3], text[-1].split(",")[4]) == ("at,", "0.00")
    made = as_pdf(statement, translator("zh"))
    assert made.startswith(b"%PDF-")
    assert made == as_pdf(statement, translator("zh")), "the same data gives the same bytes"


def test_a_statement_carries_no_formula_into_a_spreadsheet() -> None:
    line = settlements.Line(BEGIN, "T06", "=HYPERLINK(1)", 5, 5)
    text = as_csv(settlements.Statement("sbt_1", "Ana", "ch", "brl", None, BEGIN, 0, [line], 5, 0))
    assert "'=HYPERLINK(1)" in text
