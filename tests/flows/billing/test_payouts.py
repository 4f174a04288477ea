"""What a provider pays out to our own bank by itself is booked as it tells, in whatever order it tells it."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from cauce.flows.billing.payouts import payout_told
from cauce.gateway.reporting import Notice, NoticeKind
from cauce.providers.stripe.inbound import normalized
from tests.flows.billing.shop import BEGIN, CHANNEL, Shop, flat

STEPS = [("sent", 1), ("paid", 2), ("returned", 3)]


def told(state: str, hours: int) -> Notice:
    """One notice of one payout."""
    data: dict[str, object] = {
        "state": state,
        "amount_minor": 900,
        "currency": "eur",
        "created_at": BEGIN.isoformat(),
    }
    return Notice(f"evt_{state}", NoticeKind.OWN_PAYOUT, BEGIN + timedelta(hours=hours), ref="po_1", data=data)


async def _sold(seller: Shop) -> None:
    await seller.plan("pro", flat(1_000))
    await seller.card("ana")
    await seller.sign_up("ana", "pro")


async def test_a_payout_goes_through_transit_to_the_bank_and_comes_back_when_it_failed_after_all(seller: Shop) -> None:
    await _sold(seller)
    money = []
    for step in STEPS:
        for _ in range(2):
            await payout_told(seller.context, CHANNEL, told(*step))
        money.append([line for line in await seller.books() if "bank" in line or "clearing" in line])
    assert money == [
        ["bank_in_transit:ch_cards: 900", "psp_clearing:ch_cards: 70"],
        ["own_bank: 900", "psp_clearing:ch_cards: 70"],
        ["psp_clearing:ch_cards: 970"],
    ]
    await seller.prove()


@pytest.mark.parametrize("order", list(permutations(STEPS)))
async def test_one_that_failed_is_back_in_whatever_order_it_is_told(
    seller: Shop, order: tuple[tuple[str, int], ...]
) -> None:
    await _sold(seller)
    for step in order:
        await payout_told(seller.context, CHANNEL, told(*step))
    assert [line for line in await seller.books() if "bank" in line or "clearing" in line] == [
        "psp_clearing:ch_cards: 970"
    ]
    await seller.prove()


def test_stripe_tells_ours_apart_from_those_of_sellers_and_those_we_ordered() -> None:
    payout = {"id": "po_1", "object": "payout", "amount": 900, "currency": "eur", "status": "in_transit"}
    payout |= {"created": 1_768_467_600, "arrival_date": 1_768_554_000, "automatic": True, "metadata": {}}
    event = {"id": "evt_1", "type": "payout.updated", "created": 1_768_467_600, "data": {"object": payout}}
    ours = normalized(event)
    assert (ours.kind, ours.ref, ours.data["state"]) == (NoticeKind.OWN_PAYOUT, "po_1", "sent")
    assert (ours.data["amount_minor"], ours.data["created_at"]) == (900, "2026-01-15T09:00:00+00:00")
    assert normalized({**event, "account": "acct_1"}).kind is NoticeKind.PAYOUT
