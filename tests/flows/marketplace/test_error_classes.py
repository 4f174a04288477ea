"""What follows of each class of a provider's refusal, at a bank in memory: tried again, stopped, a case, the next window."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cauce.channels import stops
from cauce.flows.marketplace import merchants, onboarding, refunds, release
from cauce.flows.marketplace.refunds import AskRefund
from cauce.flows.refused_keys import NothingWaits, resume_calls, try_again, try_all_again
from cauce.gateway.accounts import Account
from cauce.gateway.capabilities import Can
from cauce.gateway.outcome import Declined, Done, Outcome, Refusal, Unknown
from cauce.kernel.errors import NotFound
from cauce.marketplace.merchants.rules import NewAccount, NewMerchant
from tests.flows.marketplace.bank import OWNED, POOLED, Bank
from tests.flows.marketplace.market import Market, market

CHANNELS = pytest.mark.parametrize("channel", ["ch_owned", "ch_pooled"])
OPENING = replace(OWNED, can=OWNED.can | {Can.OPENS_ACCOUNTS})
BUSY = Unknown("429 come later", 60, is_undone=True, code="BUSY")


class Moody(Bank):
    """A bank that puts operations off, or answers them otherwise, without leaving a trace."""

    async def open_account(self, request: Any) -> Outcome[Any]:
        return self._once("open_account", request.key, lambda: Done(Account("acct_new", True, True)))

    def put_off(self, operation: str, times: int, answer: Outcome[Any] = BUSY) -> None:
        """The next `times` of an operation get this answer."""
        self.moods = {**getattr(self, "moods", {}), operation: [answer] * times}
        self.tries: list[tuple[str, str]] = []

    def _once(self, operation: str, key: str, act: Any, ref: str = "") -> Outcome[Any]:
        waiting = getattr(self, "moods", {}).get(operation)
        if waiting and key not in self.done:
            self.tries.append((operation, key))
            answer: Outcome[Any] = waiting.pop()
            return answer
        return super()._once(operation, key, act, ref)


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch_owned": Moody(OPENING), "ch_pooled": Moody(POOLED)}) as one:
        yield one


async def _rows(shop: Market, query: str, *values: Any) -> list[dict[str, Any]]:
    async with shop.context.transaction() as tx:
        return [dict(row) for row in await tx.rows(query, *values)]


async def _told(shop: Market, kind: str) -> list[dict[str, Any]]:
    return [
        row["data"] for row in await _rows(shop, "SELECT data FROM storage.event WHERE type = $1 ORDER BY id", kind)
    ]


@CHANNELS
async def test_what_is_put_off_is_tried_eight_times_under_one_key_and_then_waits_for_a_person(
    shop: Market, channel: str
) -> None:
    bank = shop.banks[channel]
    assert isinstance(bank, Moody)
    (taken,) = await shop.take(shop.order("A1", channel, [("ana", 10_000, 0)]))
    bank.put_off("split", 9)
    await release.release_orders(shop.context, [taken.order_id])
    before = await shop.books()
    await shop.work()
    await shop.advance(timedelta(days=2))
    assert len(bank.tries) == 8 and len({key for _, key in bank.tries}) == 1, "eight tries, one key"
    (held,) = await _rows(
        shop, "SELECT key, state, tries, needs_person_since FROM channels.instruction WHERE tries > 0"
    )
    assert (held["state"], held["tries"], held["needs_person_since"] is not None) == ("unknown", 8, True)
    (told,) = await _told(shop, "instruction.needs_attention")
    assert told["code"] == "BUSY" and told["object"] == taken.order_id
    assert await shop.books() == before, "nothing moved and nothing is lost"
    await shop.advance(timedelta(days=5))
    assert len(bank.tries) == 8, "nobody sends it by himself any more"

    await try_again(shop.context, held["key"])
    await shop.advance(timedelta(minutes=5))
    assert len(bank.tries) == 9, "a person did; it was put off once more and then taken"
    (after,) = await _rows(
        shop, "SELECT state, needs_person_since FROM channels.instruction WHERE key = $1", held["key"]
    )
    assert after == {"state": "succeeded", "needs_person_since": None}
    with pytest.raises(NothingWaits):
        await try_again(shop.context, held["key"])
    assert await shop.differences() == []


async def test_after_an_outage_everything_that_a_channel_put_off_is_tried_again_at_once(shop: Market) -> None:
    bank = shop.banks["ch_pooled"]
    assert isinstance(bank, Moody)
    bank.put_off("collect", 5 * 8)
    await shop.take(*[shop.order(f"A{n}", "ch_pooled", [("ana", 1_000, 0)]) for n in range(5)])
    await shop.advance(timedelta(days=1))
    assert len(bank.held) == 0 and len(await _told(shop, "instruction.needs_attention")) == 5
    assert await try_all_again(shop.context, "ch_owned") == 0
    assert await try_all_again(shop.context, "ch_pooled") == 5
    await shop.work()
    assert len(bank.held) == 5 and await shop.differences() == []
    with pytest.raises(NotFound):
        await try_all_again(shop.context, "ch_none")


async def test_the_waits_between_tries_double_and_are_the_same_in_a_replay(shop: Market) -> None:
    bank = shop.banks["ch_owned"]
    assert isinstance(bank, Moody)
    bank.put_off("collect", 3)
    await shop.take(shop.order("A1", "ch_owned", [("ana", 10_000, 0)]))
    assert len(bank.tries) == 1
    for wait, tries in ((59, 1), (32, 2), (89, 2), (92, 3)):
        await shop.advance(timedelta(seconds=wait))
        assert len(bank.tries) == tries
    await shop.advance(timedelta(minutes=10))
    assert await shop.differences() == [] and len(bank.held) == 1


async def test_who_is_not_let_in_logs_in_again_once_under_the_same_key(shop: Market) -> None:
    bank = shop.banks["ch_owned"]
    assert isinstance(bank, Moody)
    bank.put_off("collect", 1, Declined("401", Refusal.AUTH, "the session has ended"))
    await shop.take(shop.order("A1", "ch_owned", [("ana", 10_000, 0)]))
    assert len(bank.tries) == 1 and len(bank.held) == 1
    assert await _told(shop, "provider.key_invalid") == []
    bank.put_off("collect", 2, Declined("401", Refusal.AUTH, "the key is wrong"))
    await shop.take(shop.order("A2", "ch_owned", [("ana", 10_000, 0)]))
    assert len(bank.tries) == 2 and len(bank.held) == 1
    assert len(await _told(shop, "provider.key_invalid")) == 1, "it is told, and the order waits for the key"


async def test_a_set_up_that_is_wrong_stops_one_merchants_calls_until_an_operator_lets_them_go_on(shop: Market) -> None:
    bank = shop.banks["ch_owned"]
    assert isinstance(bank, Moody)
    bank.put_off("collect", 1, Declined("NO_AUTH", Refusal.CONFIG, "splitting is not enabled"))
    await shop.take(shop.order("A1", "ch_owned", [("ana", 10_000, 0)]))
    assert len(bank.held) == 0
    (told,) = await _told(shop, "provider.calls_stopped")
    assert (told["class"], told["merchant_ref"], told["code"]) == ("config", "acct_ana", "NO_AUTH")
    await shop.take(
        shop.order("A2", "ch_owned", [("ana", 2_000, 0)]), shop.order("B1", "ch_owned", [("bia", 3_000, 0)])
    )
    await shop.advance(timedelta(days=3))
    assert {held.request.merchant_ref for held in bank.held.values()} == {"acct_bia"}, "others go on"
    async with shop.context.transaction() as tx:
        (stopped,) = await stops.stops(tx)
    assert (stopped["merchant_ref"], stopped["message"]) == ("acct_ana", "NO_AUTH splitting is not enabled")
    assert not await resume_calls(shop.context, "ch_owned", "acct_bia")
    assert await resume_calls(shop.context, "ch_owned", "acct_ana")
    await shop.advance(timedelta(seconds=1))
    assert len(bank.held) == 3 and await shop.differences() == []
    states = await _rows(shop, "SELECT DISTINCT state FROM channels.instruction")
    assert states == [{"state": "succeeded"}]


async def test_a_set_up_that_is_wrong_for_nobody_in_particular_stops_the_channel(shop: Market) -> None:
    bank = shop.banks["ch_pooled"]
    assert isinstance(bank, Moody)
    bank.put_off("collect", 1, Declined("no_platform", Refusal.CONFIG, "not a platform"))
    await shop.take(shop.order("A1", "ch_pooled", [("ana", 10_000, 0)]))
    await shop.take(shop.order("B1", "ch_pooled", [("bia", 10_000, 0)]), shop.order("C1", "ch_owned", [("bia", 50, 0)]))
    await shop.advance(timedelta(days=1))
    assert (len(bank.held), len(shop.banks["ch_owned"].held)) == (0, 1)
    assert await resume_calls(shop.context, "ch_pooled")
    await shop.advance(timedelta(seconds=1))
    assert len(bank.held) == 2 and await shop.differences() == []


@pytest.mark.parametrize(
    ("refusal", "type_"), [(Refusal.AMOUNT_MISMATCH, "amount"), (Refusal.PARTY_MISMATCH, "status")]
)
@CHANNELS
async def test_another_amount_or_party_fails_and_opens_a_case(
    shop: Market, channel: str, refusal: Refusal, type_: str
) -> None:
    (taken,) = await shop.take(shop.order("A1", channel, [("ana", 10_000, 0)]))
    shop.banks[channel].decline["split"] = Declined("X", refusal, "they know another")
    await release.release_orders(shop.context, [taken.order_id])
    await shop.work()
    (split,) = await _rows(shop, "SELECT id, state FROM splits.split ORDER BY id LIMIT 1")
    assert split["state"] == "failed"
    found = await _rows(shop, "SELECT type, kind, key, order_id, state, case_id, ours_minor FROM reconciliation.break")
    (one,) = [row for row in found if row["key"] == split["id"]]
    assert (one["type"], one["kind"], one["order_id"], one["state"]) == (
        type_,
        "instruction",
        taken.order_id,
        "assigned",
    )
    assert one["ours_minor"] > 0
    cases = await _rows(shop, "SELECT id, cause, closed_at FROM reconciliation.case")
    assert [(row["id"], row["closed_at"]) for row in cases] == [(one["case_id"], None)]
    assert refusal.value in cases[0]["cause"] and "they know another" in cases[0]["cause"]
    assert await shop.differences() == []


@pytest.mark.parametrize("refusal", [Refusal.LIMIT_EXCEEDED, Refusal.WINDOW_CLOSED])
@CHANNELS
async def test_a_split_and_a_refund_that_meet_a_limit_go_again_in_the_next_window(
    shop: Market, channel: str, refusal: Refusal
) -> None:
    (taken, other) = await shop.take(
        shop.order("A1", channel, [("ana", 10_000, 0)]), shop.order("A2", channel, [("ana", 5_000, 0)])
    )
    shop.banks[channel].decline["split"] = Declined("LIMIT", refusal, "enough for today")
    await release.release_orders(shop.context, [taken.order_id])
    await shop.work()
    shop.banks[channel].decline["refund"] = Declined("LIMIT", refusal, "enough for today")
    await refunds.refund_orders(shop.context, [AskRefund(other.order_id, "R1", 1_000)])
    await shop.work()
    assert [row["state"] for row in await _rows(shop, "SELECT state FROM orders.refund")] == ["failed"]
    assert await shop.differences() == []
    await shop.advance(timedelta(hours=23))
    assert [row["state"] for row in await _rows(shop, "SELECT state FROM orders.refund")] == ["failed"]
    await shop.advance(timedelta(hours=2))
    assert [row["state"] for row in await _rows(shop, "SELECT state FROM orders.refund")] == ["succeeded"]
    (order,) = await _rows(shop, "SELECT state FROM orders.purchase WHERE id = $1", taken.order_id)
    assert order["state"] == "released"
    assert await shop.differences() == []


async def test_a_refund_that_meets_the_limit_every_day_ends_as_failed(shop: Market) -> None:
    bank = shop.banks["ch_owned"]
    assert isinstance(bank, Moody)
    (taken,) = await shop.take(shop.order("A1", "ch_owned", [("ana", 10_000, 0)]))
    bank.put_off("refund", 50, Declined("LIMIT", Refusal.LIMIT_EXCEEDED, "enough"))
    await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "R1", 1_000)])
    await shop.advance(timedelta(days=30))
    assert 8 <= len(bank.tries) <= 9 and len({key for _, key in bank.tries}) == len(bank.tries), (
        "each attempt its own key"
    )
    assert [row["state"] for row in await _rows(shop, "SELECT state FROM orders.refund")] == ["failed"]
    assert await shop.differences() == []


async def test_a_key_that_is_known_already_is_asked_about_and_what_is_found_counts(
    shop: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = shop.banks["ch_owned"]
    assert isinstance(bank, Moody)
    real = bank.collect

    async def twice(request: Any) -> Outcome[Any]:
        await real(request)
        return Declined("DUP", Refusal.DUPLICATE, "the number is taken")

    monkeypatch.setattr(bank, "collect", twice)
    await shop.take(shop.order("A1", "ch_owned", [("ana", 10_000, 0)]))
    assert [row["state"] for row in await _rows(shop, "SELECT state FROM orders.collection")] == ["paid"]
    assert await shop.differences() == []


@pytest.mark.parametrize(
    "refusal", [Refusal.IDENTITY_MISMATCH, Refusal.INSTRUMENT_INVALID, Refusal.INSTRUMENT_BOUND, Refusal.FORBIDDEN]
)
async def test_who_a_merchant_is_or_his_bank_is_for_him_to_put_right(shop: Market, refusal: Refusal) -> None:
    bank = shop.banks["ch_owned"]
    assert isinstance(bank, Moody)
    bank.put_off("open_account", 1, Declined("NAME", refusal, "another name"))
    (merchant_id,) = await merchants.create_merchants(shop.context, [NewMerchant("Cy", "cy")])
    made = await merchants.connect_merchants(shop.context, [NewAccount(merchant_id, "ch_owned")])
    await onboarding.open_accounts(shop.context, [made[merchant_id]], agreement="A-1")
    await shop.work()
    (row,) = await _rows(shop, "SELECT state, needs FROM merchants.account WHERE merchant_id = $1", merchant_id)
    expected = ("rejected", []) if refusal is Refusal.FORBIDDEN else ("action_required", [refusal.value])
    assert (row["state"], row["needs"]) == expected
