"""Every operation under every fault of the provider: money moves at most once, the end is reached, the books agree.

One life meets the fault at each of its operations: customer, set-up, charge, refund, what the dashboard shows, and the
questions about them. A seed says how often in a row each call goes wrong, and what happens to the notices.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from cauce.flows.billing.correct import CreditInvoice, credit_invoice
from tests.flows.billing.at_stripe import STRIPE, StripeShop, open_shop
from tests.flows.billing.shop import flat
from tests.support.runtime import World, world

FAULTS = ("drop_before", "hang", "error_before", "rate_limited", "drop_after", "error_after", "garbled", "slow")
OPERATIONS = (
    "customers.create",
    "customers.update",
    "setup_intents.create",
    "payment_intents.create",
    "refunds.create",
    "*.retrieve",
    "*.list",
)
NOTICES = ("duplicate", "drop", "reorder", "delay", "bad_signature")
SEEDS, SEEDS_SOAK = 3, 100
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
async def product(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """The product with Stripe's simulator."""
    home: Path = tmp_path_factory.mktemp("home")
    async with world(shared_dsn, home, sandbox=True) as running:
        yield running


async def live(seller: StripeShop) -> None:
    """A trial, a card, the first charge, half of it back."""
    await seller.plan("pro", flat(2_900), trial_days=7)
    done = await seller.sign_up("ana", "pro", email="ana@example.com")
    setup_id = await seller.begin_card(done.customer_id)
    await seller.advance(timedelta(hours=3))
    await seller.type_card(setup_id)
    await seller.advance(8 * DAY)
    assert (await seller.subscription(done.subscription_id)).status == "active"
    (invoice,) = await seller.invoices(done.subscription_id)
    assert invoice["status"] == "paid"
    await credit_invoice(seller.context, CreditInvoice(invoice["id"], "half", total_minor=1_450, refund=True))
    await seller.advance(2 * DAY)


async def under(seller: StripeShop, fault: str, seed: int) -> None:
    """The same life under a fault; what is true at its end."""
    dice = random.Random(seed)
    for operation in OPERATIONS:
        await seller.sim.fault(
            STRIPE,
            fault,
            operation,
            times=dice.choice([1, 1, 2, 3]),
            skip=dice.choice([0, 0, 1]),
            delay_ms=5,
            status=502,
        )
    await seller.sim.callback_rule(STRIPE, NOTICES[seed % len(NOTICES)], times=1_000, seconds=3_600)
    await live(seller)
    charges, refunds = await seller.objects("charge"), await seller.objects("refund")
    assert [(one["amount"], one["status"]) for one in charges] == [(2_900, "succeeded")], "charged once"
    assert [(one["amount"], one["status"]) for one in refunds] == [(1_450, "succeeded")], "given back once"
    await seller.agree()


@pytest.mark.parametrize("fault", FAULTS)
async def test_every_operation_moves_money_once_whatever_the_provider_does(product: World, fault: str) -> None:
    for seed in range(SEEDS):
        await under(await open_shop(product), fault, seed)


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_hundred_seeds_move_money_once_as_well(product: World, fault: str) -> None:
    for seed in range(SEEDS_SOAK):
        await under(await open_shop(product), fault, seed)
