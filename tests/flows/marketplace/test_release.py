"""From an order to its parties: escrow, release by delivery, the platform's commission, payout; on both kinds of holder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from fractions import Fraction

import pytest

from cauce.flows.marketplace import merchants, release
from cauce.flows.marketplace.simulate import simulate_rule
from cauce.gateway.outcome import Declined, Refusal
from cauce.marketplace.merchants.rules import NewAccount, NewMerchant
from cauce.marketplace.orders.rules import ReleaseOn
from cauce.marketplace.splits.rules.parsing import parse_rule
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import BEGIN, COMMISSION, Market, market


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch_owned": Bank(OWNED), "ch_pooled": Bank(POOLED)}) as one:
        yield one


async def test_an_order_waits_in_escrow_until_its_delivery(shop: Market) -> None:
    (taken,) = await shop.take(shop.order("A1", "ch_owned", [("ana", 10_000, 500)]))
    assert taken.refused is None
    assert await shop.books() == [
        f"custody escrow:{taken.order_id}: 10437",
        "custody psp_in_transit: 10437",
    ]
    await shop.advance(timedelta(hours=1))
    await release.confirm_delivery(shop.context, {taken.order_id: BEGIN + timedelta(hours=1)})
    await shop.work()
    assert await shop.books() == [
        "custody member:ana:withdrawable: 9237",
        "custody psp_in_transit: 9237",
        "platform own_bank: 1200",
        "platform revenue: 1200",
    ]
    assert await shop.differences() == []


async def test_a_release_after_the_freeze_is_refused_when_planned_and_names_the_channels_that_wait(
    shop: Market,
) -> None:
    stay = {"release_on": ReleaseOn.DAYS, "release_days": 200}
    taken = await shop.take(*(shop.order(one, one, [("ana", 10_000, 0)], **stay) for one in ("ch_owned", "ch_pooled")))
    refused = taken[0].refused
    assert refused is not None and refused.code == "release_after_freeze"
    assert (refused.fields["limit"], refused.fields["source"], refused.fields["fits"]) == (180, "test", ["ch_pooled"])
    assert taken[1].refused is None


async def test_where_money_is_pooled_the_commission_stays_and_the_seller_gets_the_rest(shop: Market) -> None:
    (taken,) = await shop.take(shop.order("A1", "ch_pooled", [("ana", 10_000, 500), ("bia", 5_000, 0)]))
    await shop.advance(timedelta(hours=1))
    await release.release_orders(shop.context, [taken.order_id])
    await shop.work()
    assert await shop.books() == [
        "custody fee: 1800",
        "custody member:ana:withdrawable: 9237",
        "custody member:bia:withdrawable: 4370",
        "custody psp_in_transit: 15407",
        "platform fee_due_from_custody: 1800",
        "platform revenue: 1800",
    ]
    assert await shop.differences() == []


async def test_on_the_day_of_the_week_merchants_are_paid_out(shop: Market) -> None:
    found = await shop.take(
        shop.order("A1", "ch_owned", [("ana", 10_000, 500)], deliver_at=BEGIN + timedelta(days=1)),
        shop.order(
            "A2", "ch_pooled", [("ana", 2_000, 0), ("bia", 700, 20)], 500, 2_220, deliver_at=BEGIN + timedelta(days=2)
        ),
    )
    assert [one.refused for one in found] == [None, None]
    await shop.advance(timedelta(days=3))
    assert await shop.differences() == []
    await shop.advance(timedelta(days=3))
    books = await shop.books()
    assert [line for line in books if "member" in line] == []
    assert await shop.differences() == []


async def test_an_order_due_by_days_is_released_by_itself(shop: Market) -> None:
    (taken,) = await shop.take(
        shop.order("A1", "ch_owned", [("ana", 1_000, 0)], release_on=ReleaseOn.DAYS, release_days=7)
    )
    await shop.advance(timedelta(days=6))
    assert f"custody escrow:{taken.order_id}: 994" in await shop.books()
    await shop.advance(timedelta(days=1))
    assert "custody member:ana:withdrawable: 874" in await shop.books()


async def test_orders_are_refused_one_by_one_and_a_repeated_number_is_the_same_order(shop: Market) -> None:
    good = shop.order("A1", "ch_owned", [("ana", 1_000, 0)])
    bad = shop.order("A2", "ch_owned", [("ana", -5, 0)])
    stranger = shop.order("A3", "ch_owned", [("ana", 5, 0)], parties={"agent": "mer_nobody"})
    first = await shop.take(good, bad, stranger)
    assert [one.refused.code if one.refused else "" for one in first] == ["", "order_malformed", "merchant_not_payable"]
    again = await shop.take(good, shop.order("A1", "ch_owned", [("ana", 2_000, 0)]))
    assert (again[0].order_id, again[0].is_new) == (first[0].order_id, False)
    assert again[1].refused is not None
    assert again[1].refused.code == "order_number_taken"


async def test_a_share_above_the_channels_cap_is_refused_when_it_is_planned(shop: Market) -> None:
    greedy = {**COMMISSION, "parts": [{"to": "fee", "kind": "percent", "value": "0.31"}]}
    rule_id = await shop.rule(greedy)
    (taken,) = await shop.take(shop.order("A1", "ch_owned", [("ana", 10_000, 0)], rule_id=rule_id))
    assert taken.refused is not None
    assert taken.refused.code == "share_above_cap"


@dataclass
class Asked(Bank):
    """A holder that says for each merchant how much of his collections may go to others."""

    caps: dict[str, Fraction] = field(default_factory=dict)

    async def share_cap(self, merchant_ref: str) -> Fraction:
        return self.caps[merchant_ref]


async def test_one_sellers_cap_is_no_other_sellers_in_the_same_request(dsn: str) -> None:
    bank = Asked(replace(OWNED, share_max=None), caps={"acct_ana": Fraction(3, 10), "acct_bia": Fraction(1, 50)})
    async with market(dsn, {"ch": bank}) as one:
        ana, bia = (one.order(name, "ch", [(name, 10_000, 0)]) for name in ("ana", "bia"))
        taken = await one.take(ana, bia)
        assert [each.refused and each.refused.code for each in taken] == [None, "share_above_cap"]


async def test_a_lost_answer_moves_money_once(shop: Market) -> None:
    for bank in shop.banks.values():
        bank.lose = 3
    await shop.take(
        shop.order("A1", "ch_owned", [("ana", 10_000, 500)], deliver_at=BEGIN + timedelta(days=1)),
        shop.order("A2", "ch_pooled", [("ana", 2_000, 0), ("bia", 700, 20)], deliver_at=BEGIN + timedelta(days=1)),
    )
    await shop.advance(timedelta(days=7))
    assert [line for line in await shop.books() if "escrow" in line or "member" in line] == []
    assert await shop.differences() == []


async def test_a_refused_part_stays_with_the_owner(shop: Market) -> None:
    shop.banks["ch_owned"].close_parts = {""}
    await shop.take(shop.order("A1", "ch_owned", [("ana", 10_000, 0)], deliver_at=BEGIN + timedelta(days=1)))
    await shop.advance(timedelta(days=1))
    assert "custody member:ana:withdrawable: 9940" in await shop.books()
    assert await shop.differences() == []


@pytest.mark.parametrize("refusal", [Refusal.LIMIT_EXCEEDED, Refusal.INSUFFICIENT_FUNDS, Refusal.WINDOW_CLOSED])
async def test_a_split_that_a_limit_or_a_low_balance_stopped_is_made_the_next_day(
    shop: Market, refusal: Refusal
) -> None:
    for channel_id, bank in shop.banks.items():
        bank.decline["split"] = Declined("429", refusal, "not today")
        await shop.take(shop.order(channel_id, channel_id, [("ana", 10_000, 0)], deliver_at=BEGIN))
    assert len([line for line in await shop.books() if "escrow" in line]) == 2
    await shop.advance(timedelta(days=1))
    assert [line for line in await shop.books() if "escrow" in line] == []
    assert await shop.differences() == []


async def test_a_condition_of_a_rule_asks_about_the_orders_own_parties(shop: Market) -> None:
    plain, agent = {"to": "party:seller", "kind": "remainder"}, {"to": "party:agent", "kind": "percent", "value": "0.1"}
    met = {"party": "party:seller", "attribute": "region", "equals": "north"}
    person = {"party": "party:agent", "attribute": "legal_form", "equals": "natural_person"}
    parts = [{**agent, "condition": met}, {"to": "fee", "kind": "fixed", "value": 7, "condition": person}, plain]
    rule_id = await shop.rule({**COMMISSION, "name": "by region", "parts": parts})
    (north,) = await merchants.create_merchants(shop.context, [NewMerchant("Cid", metadata={"region": "north"})])
    await merchants.connect_merchants(shop.context, [NewAccount(north, "ch_pooled", ref="acct_cid", agreement="A-1")])
    shop.sellers["cid"] = north
    for number, seller in (("N", "cid"), ("S", "ana")):
        line = [(seller, 10_000, 0)]
        parties = {"agent": shop.sellers["bia"]}
        (taken,) = await shop.take(shop.order(number, "ch_pooled", line, rule_id=rule_id, parties=parties))
        assert taken.refused is None
    async with shop.context.transaction() as tx:
        rows = await tx.rows("SELECT party, amount_minor FROM splits.allocation WHERE role = 'party:agent'")
        fees = await tx.value("SELECT count(*) FROM splits.allocation WHERE party = 'fee' AND amount_minor > 0")
    assert [(row["party"], row["amount_minor"]) for row in rows] == [(shop.sellers["bia"], 1_000)]
    assert fees == 0, "the agent is an enterprise"
    found = await simulate_rule(shop.context, parse_rule({**COMMISSION, "parts": parts}), BEGIN, BEGIN + timedelta(1))
    assert found.after[shop.sellers["bia"]] == 1_000
