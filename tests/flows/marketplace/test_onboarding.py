"""Accounts opened at Stripe's simulator and bank accounts bound there: by two persons, with a rest after a change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from cauce.entrypoints.demo.stage import Stage
from cauce.entrypoints.worker.loop import Worker
from cauce.flows.marketplace import accounts, merchants, onboarding
from cauce.flows.marketplace.onboarding import BankAccount, InstrumentRefused
from cauce.marketplace.merchants import service
from cauce.marketplace.merchants.rules import HolderDiffers, LegalForm, NewAccount, NewMerchant, NoAgreement, SamePerson
from cauce.storage.database import Row
from tests.support.runtime import world

NUMBER = "110000000-000123456789"


@pytest.fixture
async def stage(dsn: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with world(dsn, tmp_path, sandbox=True) as product:
        worker = Worker(product.runtime)
        task = asyncio.create_task(worker.run())
        one = Stage(product.app, await product.sandbox_org(), product.sandbox_url, lambda _line: None)
        yield one
        worker.stop()
        await task


async def _merchant(stage: Stage, channel: str, form: LegalForm = LegalForm.ENTERPRISE) -> tuple[str, str]:
    new = NewMerchant("Ana", legal_form=form, country="US", email="ana@example.com")
    (merchant_id,) = await merchants.create_merchants(stage.context, [new])
    accounts = await merchants.connect_merchants(stage.context, [NewAccount(merchant_id, channel)])
    return merchant_id, accounts[merchant_id]


async def _account(stage: Stage, merchant_id: str) -> Row:
    async with stage.context.transaction() as tx:
        return (await service.accounts_of(tx, merchant_id))[0]


async def test_an_account_is_opened_once_its_merchant_agreed_and_active_once_he_proved_himself(stage: Stage) -> None:
    channel = await stage.channel("stripe")
    merchant_id, account_id = await _merchant(stage, channel)
    with pytest.raises(NoAgreement):
        await onboarding.open_accounts(stage.context, [account_id])
    await stage.control.fault("stripe", "drop_after")
    await onboarding.open_accounts(stage.context, [account_id], agreement="A-7")
    await stage.settle()
    await stage.advance(await stage.now() + timedelta(minutes=10))
    opened = await _account(stage, merchant_id)
    assert (opened["state"], opened["agreement"], bool(opened["ref"])) == ("action_required", "A-7", True)
    await stage.control.verb("stripe", f"accounts/{opened['ref']}/onboard", {})
    await accounts.refresh_account(stage.context, account_id)
    assert (await _account(stage, merchant_id))["state"] == "active"
    instrument = await onboarding.bind_instrument(
        stage.context, BankAccount(merchant_id, channel, "usd", "Ana", "US", NUMBER)
    )
    with pytest.raises(HolderDiffers):
        await onboarding.bind_instrument(
            stage.context, BankAccount(merchant_id, channel, "usd", "The Platform", "US", NUMBER)
        )
    with pytest.raises(SamePerson):
        await onboarding.approve_instrument(stage.context, instrument)
    await onboarding.approve_instrument(stage.second_person, instrument)
    second = await onboarding.bind_instrument(
        stage.context, BankAccount(merchant_id, channel, "usd", "Ana", "US", NUMBER)
    )
    await onboarding.approve_instrument(stage.second_person, second)
    async with stage.context.transaction() as tx:
        rows = {row["id"]: row for row in await service.instruments_of(tx, merchant_id)}
    now = await stage.now()
    assert (rows[instrument]["state"], rows[second]["state"], rows[second]["last4"]) == ("verified", "default", "6789")
    assert rows[second]["usable_from"] == now + timedelta(days=1), "a changed instrument rests"
    await onboarding.detach_instrument(stage.context, instrument)


async def test_a_bank_account_that_the_channel_refuses_is_not_bound(stage: Stage) -> None:
    channel = await stage.channel("stripe")
    ref = await stage.control.merchant("stripe", name="Bo", country="US", currency="usd")
    (merchant_id,) = await merchants.create_merchants(stage.context, [NewMerchant("Bo", country="US")])
    await merchants.connect_merchants(stage.context, [NewAccount(merchant_id, channel, ref=ref, agreement="A-1")])
    with pytest.raises(InstrumentRefused):
        await onboarding.bind_instrument(stage.context, BankAccount(merchant_id, channel, "usd", "Bo", "US", "1"))
    async with stage.context.transaction() as tx:
        assert [row["state"] for row in await service.instruments_of(tx, merchant_id)] == ["failed"]
