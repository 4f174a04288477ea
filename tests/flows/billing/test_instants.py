"""What happens at one instant, or in the middle of a step: a card against the end of a trial, a worker that is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from cauce.billing.subscriptions.sweeps import TRIAL_END
from cauce.flows import instruct, runner
from cauce.flows.billing import trials
from cauce.flows.billing.methods import BeginSetup, begin_setup
from cauce.flows.context import SweepKind
from cauce.storage import jobs
from cauce.storage.database import Connection, Database, Guard, Tx
from cauce.storage.orgclock import AdvanceInProgress, freeze
from tests.flows.billing.shop import BEGIN, CHANNEL, Shop, flat, shop

DAY = timedelta(days=1)


async def _card_on_its_way(seller: Shop, who: str) -> tuple[str, str]:
    """A trial that ends now, and a set-up that the customer has just completed; (subscription, set-up)."""
    done = await seller.sign_up(who, "pro")
    begun = await begin_setup(seller.context, BeginSetup(done.customer_id, CHANNEL, "https://shop.example/"))
    await seller.work()
    seller.cards.complete_setup(begun.setup_id, fingerprint=f"fp_{who}")
    return done.subscription_id, begun.setup_id


@pytest.mark.parametrize("order", ["card first", "end first", "both at once"])
async def test_a_card_added_at_the_instant_of_expiry_has_one_outcome(seller: Shop, order: str) -> None:
    await seller.plan("pro", flat(900), trial_days=7)
    waiting = [await _card_on_its_way(seller, f"c{n}") for n in range(4)]
    async with seller.context.transaction() as tx:
        await freeze(tx, BEGIN + 7 * DAY)

    async def cards() -> None:
        for _, setup_id in waiting:
            await instruct.ask_by_key(seller.context, setup_id)

    async def ends() -> None:
        await runner.sweep_chunk(seller.runtime, SweepKind(TRIAL_END, trials.run), [seller.org_id])

    if order == "both at once":
        await asyncio.gather(cards(), ends())
    else:
        for act in (cards, ends) if order == "card first" else (ends, cards):
            await act()
    await seller.work()
    for subscription_id, _ in waiting:
        assert (await seller.subscription(subscription_id)).status == "active"
        assert [each["status"] for each in await seller.invoices(subscription_id)] == ["paid"]
        assert await seller.access(subscription_id) == "full"
        assert (await seller.story(subscription_id)).count("subscription.trial_converted") == 1
    assert len(seller.cards.tries) == len(waiting), "each was charged once"
    await seller.prove()


async def test_twenty_cards_race_with_the_ends_of_their_trials(seller: Shop) -> None:
    await seller.plan("pro", flat(900), trial_days=7)
    waiting = [await _card_on_its_way(seller, f"r{n}") for n in range(20)]
    async with seller.context.transaction() as tx:
        await freeze(tx, BEGIN + 7 * DAY)
    sweep = SweepKind(TRIAL_END, trials.run)
    await asyncio.gather(
        *(instruct.ask_by_key(seller.context, setup_id) for _, setup_id in waiting),
        *(runner.sweep_chunk(seller.runtime, sweep, [seller.org_id]) for _ in range(3)),
    )
    await seller.work()
    for subscription_id, _ in waiting:
        assert (await seller.subscription(subscription_id)).status == "active"
        assert [each["status"] for each in await seller.invoices(subscription_id)] == ["paid"]
        assert (await seller.story(subscription_id)).count("subscription.trial_converted") == 1
    assert len(seller.cards.tries) == len(waiting), "each was charged once"
    await seller.prove()


async def test_a_card_tries_every_debt_of_its_customer_at_once(seller: Shop) -> None:
    await seller.plan("pro", flat(900))
    await seller.plan("more", flat(500))
    await seller.card("ana")
    held = [(await seller.sign_up("ana", plan)) for plan in ("pro", "more", "more")]
    seller.cards.cards = dict.fromkeys(seller.cards.cards, "poor")
    await seller.advance(32 * DAY)
    assert {(await seller.subscription(one.subscription_id)).status for one in held} == {"past_due"}
    begun = await begin_setup(seller.context, BeginSetup(held[0].customer_id, CHANNEL, "https://shop.example/"))
    await seller.work()
    seller.cards.complete_setup(begun.setup_id, fingerprint="fp_new")
    await instruct.ask_by_key(seller.context, begun.setup_id)
    await seller.work()
    for one in held:
        assert (await seller.subscription(one.subscription_id)).status == "active"
        assert [each["status"] for each in await seller.invoices(one.subscription_id)] == ["paid", "paid"]
        assert (await seller.story(one.subscription_id)).count("subscription.recovered") == 1
    await seller.prove()


class Killed(BaseException):
    """The process is gone: nothing of it does anything any more."""


class Mortal(Database):
    """A database whose process dies at its n-th commit, before or after it, and is dead from then on."""

    die_at = 0
    before = True
    commits = 0
    dead = False

    @asynccontextmanager
    async def transaction(
        self, org: int | Sequence[int] | None = None, *, guard: Guard | None = None
    ) -> AsyncIterator[Tx]:
        if self.dead:
            raise Killed
        async with super().transaction(org, guard=guard) as tx:
            yield tx

    async def commit(self, connection: Connection) -> None:
        self.commits += 1
        fatal = self.commits == self.die_at
        if fatal and self.before:
            self.dead = True
            raise Killed
        await super().commit(connection)
        if fatal:
            self.dead = True
            raise Killed


async def _renewed(dsn: str, die_at: int, *, before: bool) -> tuple[list[str], int]:
    """A renewal and its collection by a worker that dies at a commit, finished by another; the books, and the commits."""
    async with shop(dsn) as seller:
        await seller.plan("pro", flat(900))
        await seller.card("ana")
        await seller.card("bia", "poor")
        for who in ("ana", "bia"):
            await seller.sign_up(who, "pro")
        mortal = await Mortal.connect(dsn)
        mortal.die_at, mortal.before = die_at, before
        living = seller.runtime
        seller.runtime = replace(living, db=mortal)
        target = BEGIN + 31 * DAY
        try:
            await seller.advance_to(target)
        except (Killed, asyncio.CancelledError):  # in a commit that several jobs share, the others are cancelled
            # Time passes, and what the dead worker had leased is free again.
            async with living.db.transaction(seller.org_id) as tx:
                await tx.run(
                    "UPDATE storage.job SET leased_until = now() WHERE org_id = $1 AND leased_until IS NOT NULL", tx.org
                )
                await jobs.reap(tx, [seller.org_id])
        finally:
            mortal.pool.terminate()
        seller.runtime = living
        try:
            await seller.advance_to(target)
        except AdvanceInProgress:
            await seller.walk()
        await seller.prove()
        charged = [request.key for request in seller.cards.charged]
        assert len(charged) == len(set(charged)) == 2, "the first month and the second, once each"
        return await seller.books(), mortal.commits


async def test_s2_a_worker_may_die_at_every_step_of_renewal_and_collection(dsn: str) -> None:
    books, commits = await _renewed(dsn, 0, before=True)
    assert commits > 10
    for step in range(1, commits + 1):
        found, _ = await _renewed(dsn, step, before=step % 2 == 0)
        assert found == books, f"killed at commit {step}"
