"""The seller of `shop.py` with a channel at Stripe's simulator: the whole product's registry, real HTTP, real webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cauce.flows.billing.methods import BeginSetup, begin_setup, read_setup
from cauce.providers.kit.control import SandboxControl
from cauce.storage.directory.orgs import Org
from tests.flows.billing.cards import Cards
from tests.flows.billing.shop import BEGIN, Shop
from tests.support.runtime import World, world

STRIPE = "stripe"


@dataclass
class StripeShop(Shop):
    """One organization at work with Stripe."""

    channel_id: str = ""
    control: SandboxControl | None = None

    @property
    def sim(self) -> SandboxControl:
        """What steers this organization's account at Stripe."""
        assert self.control is not None
        return self.control

    async def begin_card(self, customer_id: str) -> str:
        """The customer opens the card form; the set-up's id."""
        begun = await begin_setup(self.context, BeginSetup(customer_id, self.channel_id, "https://shop.example/back"))
        await self.work()
        return begun.setup_id

    async def type_card(self, setup_id: str, behaviour: str = "good") -> None:
        """The customer types a card in; the provider tells us about it."""
        await self.sim.payer(STRIPE, "approve", key=setup_id, method=behaviour)
        await self.sim.quiet()

    async def add_card(self, customer_id: str, behaviour: str = "good") -> None:
        """A card is saved through the provider's form, and has its consequences."""
        setup_id = await self.begin_card(customer_id)
        await self.type_card(setup_id, behaviour)
        await self.work()
        async with self.context.transaction() as tx:
            assert (await read_setup(tx, setup_id)).state == "done"

    async def metadata(self, customer_id: str) -> dict[str, str]:
        """What Stripe's dashboard shows of a customer."""
        found = [one for one in (await self.objects("customer")) if one["metadata"]["cauce_customer"] == customer_id]
        assert len(found) == 1, "one customer is one customer there"
        shown: dict[str, str] = found[0]["metadata"]
        return shown

    async def objects(self, kind: str) -> list[dict[str, object]]:
        """The simulator's objects of a kind."""
        state = await self.sim._ask("GET", f"/{STRIPE}/_sim/state")
        return list(state["objects"].get(kind, {}).values())

    async def agree(self) -> None:
        """Our books equal Stripe's: what clearing holds is the balance there, each charge is one payment."""
        await self.prove()
        books = await self.sim.books(STRIPE, postings=False)
        assert books["wrong"] == []
        theirs: dict[str, int] = {}
        for transaction in await self.objects("balance_transaction"):
            currency, net = str(transaction["currency"]), transaction["net"]
            assert isinstance(net, int)
            theirs[currency] = theirs.get(currency, 0) + net
        async with self.context.transaction() as tx:
            rows = await tx.rows(
                "SELECT p.currency, a.balance_minor FROM ledger.account a JOIN ledger.pool p ON p.org_id = a.org_id AND p.id = a.pool_id"
                " WHERE a.org_id = $1 AND a.code = $2",
                tx.org,
                f"psp_clearing:{self.channel_id}",
            )
            open_ones = await tx.value(
                "SELECT count(*) FROM payments.attempt WHERE org_id = $1 AND state IN ('created', 'processing')", tx.org
            )
        ours = {row["currency"]: row["balance_minor"] for row in rows}
        assert open_ones == 0, "every attempt has reached its final state"
        assert {key: value for key, value in ours.items() if value} == {
            key: value for key, value in theirs.items() if value
        }


async def open_shop(product: World, *, begin: datetime = BEGIN) -> StripeShop:
    """A fresh organization of a running product."""
    org: Org = await product.sandbox_org(frozen_at=begin)
    channel_id = await product.channel(org, STRIPE)
    control = product.control(org)
    await control.set_clock(begin)
    return StripeShop(product.runtime, org.id, Cards(now=begin), channel_id=channel_id, control=control)


@asynccontextmanager
async def stripe_shop(dsn: str, home: Path, *, begin: datetime = BEGIN) -> AsyncIterator[StripeShop]:
    """A seller with a channel at Stripe, in a product of its own."""
    async with world(dsn, home, sandbox=True) as product:
        yield await open_shop(product, begin=begin)
