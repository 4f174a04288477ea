"""What Stripe's simulator says of merchants' accounts after they were active: nobody is paid who may not be, nor elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cauce.channels import listing
from cauce.entrypoints.demo.stage import Stage
from cauce.entrypoints.worker.loop import Worker
from cauce.flows.marketplace import accounts, merchants, onboarding, pay_out
from cauce.flows.marketplace.onboarding import BankAccount
from cauce.flows.marketplace.pay_out import AskPayout
from cauce.flows.missed_notices import read_span
from cauce.gateway.accounts import BankSeen
from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import Event, Holder, withdrawable
from cauce.ledger.recipes.funding import suspense_assigned, unknown_credit
from cauce.ledger.rules import require_posted
from cauce.marketplace.merchants import service
from cauce.marketplace.merchants.rules import (
    HolderDiffers,
    MerchantNotPayable,
    NewAccount,
    NewMerchant,
    changed_banks,
)
from cauce.marketplace.settlement.rules import NoInstrument, PayoutsPaused
from cauce.storage import outbox
from cauce.storage.database import Row
from tests.support.runtime import BEGIN, world

DAY = timedelta(days=1)
NUMBER = "110000000-000123456789"


@dataclass(frozen=True)
class Seller:
    """Ana with an account at Stripe that was active before anything happens."""

    stage: Stage
    channel: str
    merchant_id: str
    account_id: str
    ref: str

    async def hears(self, what: str, **body: Any) -> None:
        """Something happens to the account at Stripe, and its notices are worked on."""
        await self.stage.control.verb("stripe", f"accounts/{self.ref}/{what}", body)
        await self.stage.settle()

    async def account(self) -> Row:
        """Her account as it is kept here."""
        async with self.stage.context.transaction() as tx:
            return (await service.accounts_of(tx, self.merchant_id))[0]

    async def instruments(self) -> list[Row]:
        """Her bank accounts as they are kept here."""
        async with self.stage.context.transaction() as tx:
            return await service.instruments_of(tx, self.merchant_id)

    async def changes(self) -> list[tuple[str, bool]]:
        """States of her account that were told, oldest first, each with whether Stripe pays it out."""
        async with self.stage.context.transaction() as tx:
            found = await outbox.events_of(tx, self.merchant_id)
        told = [one["data"] for one in found if one["type"] == "merchant.onboarding_changed"]
        return [(one["state"], one["pays_out"]) for one in told if "pays_out" in one]

    async def pay(self) -> str:
        """A payout by hand, refused for want of money only when she may be paid."""
        return await pay_out.request_payout(self.stage.context, AskPayout(self.merchant_id, self.channel, "usd", 500))


@pytest.fixture
async def ana(dsn: str, tmp_path: Path) -> AsyncIterator[Seller]:
    async with world(dsn, tmp_path, sandbox=True) as product:
        worker = Worker(product.runtime)
        task = asyncio.create_task(worker.run())
        stage = Stage(product.app, await product.sandbox_org(), product.sandbox_url, lambda _line: None)
        channel = await stage.channel("stripe")
        await stage.control.set_clock(BEGIN)
        ref = await stage.control.merchant("stripe", name="Ana", country="US", currency="usd")
        (merchant_id,) = await merchants.create_merchants(stage.context, [NewMerchant("Ana", country="US")])
        new = NewAccount(merchant_id, channel, ref=ref, agreement="A-1")
        account_ids = await merchants.connect_merchants(stage.context, [new])
        one = Seller(stage, channel, merchant_id, account_ids[merchant_id], ref)
        await accounts.refresh_account(stage.context, one.account_id)
        await stage.advance(BEGIN + timedelta(hours=1))
        yield one
        worker.stop()
        await task


async def test_who_may_not_receive_is_restricted_and_active_again_when_he_may(ana: Seller) -> None:
    assert (await ana.account())["state"] == "active"
    await ana.hears("capabilities", transfers="inactive")
    assert (await ana.account())["state"] == "restricted"
    with pytest.raises(MerchantNotPayable):
        await ana.pay()
    for one in await ana.stage.control.callbacks("stripe"):
        await ana.stage.control.resend("stripe", one["id"], copies=2)
    await ana.stage.settle()
    await accounts.refresh_account(ana.stage.context, ana.account_id)
    assert await ana.changes() == [("restricted", True)], "doubled notices tell nothing new"
    await ana.hears("capabilities", transfers="active")
    assert await ana.changes() == [("restricted", True), ("active", True)]


async def test_what_was_told_of_an_account_and_never_heard_is_read_from_its_own_list(ana: Seller) -> None:
    await ana.stage.control.callback_rule("stripe", "drop", times=10_000)
    await ana.hears("capabilities", transfers="inactive")
    assert (await ana.account())["state"] == "active", "nobody told us"
    read = await read_span(ana.stage.context, ana.channel, BEGIN)
    assert read.missed > 0
    await ana.stage.settle()
    assert (await ana.account())["state"] == "restricted"
    assert (await read_span(ana.stage.context, ana.channel, BEGIN)).missed == 0
    async with ana.stage.context.transaction() as tx:
        place = await listing.place(tx, ana.channel)
    assert place is not None and place["accounts_read_to"] == place["read_to"] == read.until


async def test_late_notices_say_nothing_that_stripe_does_not_say_now(ana: Seller) -> None:
    await ana.stage.control.callback_rule("stripe", "reorder", times=2)
    await ana.stage.control.callback_rule("stripe", "delay", times=1, seconds=3600)
    await ana.hears("capabilities", transfers="inactive")
    await ana.hears("capabilities", transfers="active")
    await ana.stage.control.release_callbacks("stripe")
    await ana.stage.advance(await ana.stage.now() + 2 * DAY)
    assert (await ana.account())["state"] == "active"


async def test_whom_stripe_does_not_pay_out_stays_active_and_is_not_paid_out(ana: Seller) -> None:
    await ana.hears("requirements", currently_due=["individual.id_number"])
    row = await ana.account()
    assert (row["state"], row["needs"]) == ("active", ["individual.id_number"])
    assert await ana.changes() == [("active", False)]
    with pytest.raises(PayoutsPaused):
        await ana.pay()
    await ana.hears("requirements", currently_due=[])
    assert await ana.changes() == [("active", False), ("active", True)]


async def test_access_taken_away_freezes_the_account_until_stripe_answers_again(ana: Seller) -> None:
    await ana.hears("deauthorize")
    assert await ana.changes() == [("restricted", False)]
    with pytest.raises(MerchantNotPayable):
        await ana.pay()
    await ana.hears("reauthorize")
    await accounts.refresh_account(ana.stage.context, ana.account_id)
    assert (await ana.account())["state"] == "active"


async def test_a_rejected_account_is_restricted(ana: Seller) -> None:
    await ana.hears("reject")
    assert (await ana.account())["state"] == "restricted"


async def test_a_channel_that_does_not_answer_changes_nothing_and_is_asked_again(ana: Seller) -> None:
    await ana.stage.control.fault("stripe", "error_before", "accounts.retrieve", status=500)
    with pytest.raises(accounts.AccountUnread):
        await accounts.refresh_account(ana.stage.context, ana.account_id)
    assert (await ana.account())["state"] == "active"


async def test_another_bank_at_stripe_is_paid_only_once_approved_and_rested(ana: Seller) -> None:
    assert await ana.instruments() == [], "the bank that was there from the start is no change"
    await _credit(ana, 9_000)
    assert await ana.pay()
    await ana.hears("bank", account_number="000999999999", account_holder_name="Ana")
    (found,) = await ana.instruments()
    assert (found["state"], found["last4"], found["holder_name"]) == ("verified", "9999", "Ana")
    with pytest.raises(NoInstrument):
        await ana.pay()
    now = await ana.stage.now()
    usable_from = await onboarding.approve_instrument(ana.stage.second_person, found["id"])
    assert usable_from == now + DAY
    with pytest.raises(NoInstrument):
        await ana.pay()
    await ana.stage.advance(usable_from)
    assert await ana.pay()
    await ana.hears("bank", account_number="000888888888", account_holder_name="Mallory")
    held = (await ana.instruments())[-1]
    with pytest.raises(HolderDiffers):
        await onboarding.approve_instrument(ana.stage.second_person, held["id"])


async def test_a_bank_bound_here_is_no_change_at_stripe_and_one_that_is_gone_there_is_detached(ana: Seller) -> None:
    bank = BankAccount(ana.merchant_id, ana.channel, "usd", "Ana", "US", NUMBER)
    instrument = await onboarding.bind_instrument(ana.stage.context, bank)
    await ana.stage.settle()
    assert [row["id"] for row in await ana.instruments()] == [instrument]
    await onboarding.approve_instrument(ana.stage.second_person, instrument)
    await ana.hears("bank", account_number="000999999999", account_holder_name="Ana")
    rows = {row["id"]: row["state"] for row in await ana.instruments()}
    assert rows.pop(instrument) == "detached"
    assert list(rows.values()) == ["verified"]
    with pytest.raises(NoInstrument):
        await ana.pay()


def test_what_counts_as_another_bank() -> None:
    old, new = (BankSeen(ref, "usd", "6789", "Ana", is_default=True) for ref in ("ba_1", "ba_2"))
    assert changed_banks(None, [old], is_told=False) == ({"usd": "ba_1"}, [])
    assert changed_banks(None, [old], is_told=True) == ({"usd": "ba_1"}, [old])
    assert changed_banks({}, [old], is_told=True) == ({"usd": "ba_1"}, [])
    assert changed_banks({"usd": "ba_1"}, [new], is_told=False) == ({"usd": "ba_2"}, [new])
    ours = BankSeen("ba_3", "usd", "1", "Ana", is_default=True, key="pin_1")
    assert changed_banks({"usd": "ba_1"}, [ours], is_told=True) == ({"usd": "ba_3"}, [])


async def _credit(ana: Seller, amount_minor: int) -> None:
    """Withdrawable money of hers, here and at Stripe: a credit that nobody knew, found to be hers (T17, T18)."""
    top_up = {"account": ana.ref, "amount": amount_minor, "currency": "usd"}
    await ana.stage.control.verb("stripe", "topup", top_up)
    holder, at = Holder(ana.channel, "usd"), await ana.stage.now()
    event = Event("credit", "credit", "credit", at)
    items = [
        unknown_credit(holder, event, amount_minor),
        suspense_assigned(holder, event, withdrawable(ana.merchant_id), amount_minor),
    ]
    async with ana.stage.context.transaction() as tx:
        require_posted(await post(tx, items))
