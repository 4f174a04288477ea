"""The founder's story: a trial without a card and an application that really runs, a reminder, a card, the first charge,
renewals, a trial that ends unpaid and an application that stops.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.policy_parts import InstancePolicy
from cauce.billing.catalog.rules import NewPlan, NewPrice, PlanPolicy
from cauce.billing.customers.rules import CustomerData
from cauce.billing.payments import service as payments
from cauce.entrypoints.demo.stage import Stage
from cauce.flows.billing.signup import SignedUp, Signup, sign_up
from cauce.gateway.charging import CustomerRequest, SavedMethod, SetupRequest
from cauce.gateway.outcome import Done, Outcome, Pending, Unknown
from cauce.kernel.ids import new_id
from cauce.kernel.money import major_text
from cauce.reports import billing_story, instances

CURRENCY = "eur"
TRIAL_DAYS = 14
PERIODS = 2
RUNNER = "demo_app"
_OK = 200
_MINUTES_MAX = 60
_TRIES = 4


class StoryBroke(AssertionError):
    """Something did not happen that the story tells."""


@dataclass(frozen=True, slots=True)
class Shop:
    """A seller of subscriptions: his channel, his plan's key, and the channel of what runs his customers' applications
    ("": nothing does)."""

    provider: str
    channel_id: str
    plan: str
    runner_channel_id: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What the story came to, in minor units of its currency."""

    invoices: int
    paid_minor: int


async def open_shop(stage: Stage, provider: str, runner: str = "") -> Shop:
    """One plan with a base fee and seats, and a trial."""
    channel_id = await stage.channel(provider)
    runner_channel_id = await stage.channel(runner) if runner else ""
    await stage.control.set_clock(await stage.now())
    async with stage.context.transaction() as tx:
        now = await stage.context.now(tx)
        product_id = await catalog.create_product(tx, "studio", "Studio", now=now, actor=stage.context.actor.name)
        prices = (
            NewPrice("base", CURRENCY, {"type": "flat", "amount_minor": 4_900}, nickname="Studio, per month"),
            NewPrice("seats", CURRENCY, {"type": "per_unit", "unit_amount": "900"}, nickname="Seats"),
        )
        policy = PlanPolicy(instance=InstancePolicy(runner=runner))
        plan = NewPlan("studio-monthly", product_id, "Studio", prices, trial_days=TRIAL_DAYS, policy=policy)
        await catalog.create_plan(tx, plan, now=now, actor=stage.context.actor.name)
    return Shop(provider, channel_id, plan.key, runner_channel_id)


async def play(stage: Stage, shop: Shop) -> Told:
    """From the first click to the second renewal."""
    tell = stage.tell
    ana = await _request_trial(stage, shop, "ana", "Ana Sánchez")
    lin = await _request_trial(stage, shop, "lin", "林小雨")
    tell(f"Ana and 林小雨 ask for a trial of {TRIAL_DAYS} days; nobody asks for a card.")
    if shop.runner_channel_id:
        await _until_ready(stage, ana, lin)
        tell(f"Each gets an application of his own, running on this machine: Ana's is {await application(stage, ana)}")
        await _expect_running(stage, lin, running=True)
    await stage.advance(await stage.now() + timedelta(days=TRIAL_DAYS - 3))
    tell("Three days before the end both are reminded; Ana adds a card.")
    await add_card(stage, shop, ana, "good")
    await stage.advance(await stage.now() + timedelta(days=3, hours=1))
    await _expect(stage, ana, "active", "Ana's trial ends: her card is charged and her subscription is active.")
    await _expect(stage, lin, "paused", "林小雨's trial ends without a card: access is restricted, nothing is billed.")
    if shop.runner_channel_id:
        await _expect_running(stage, ana, running=True)
        await _expect_running(stage, lin, running=False)
        tell("Ana's application runs; 林小雨's says that it is suspended, and why.")
    for period in range(PERIODS):
        await stage.advance(await stage.now() + timedelta(days=31))
        await _expect(stage, ana, "active", f"Ana's subscription renews ({period + 1}).")
    async with stage.context.transaction() as tx:
        row = await billing_story.invoices_of(tx, ana.subscription_id)
    told = Told(row["invoices"], row["paid_minor"])
    tell(f"Ana paid {told.invoices} invoices, {major_text(told.paid_minor, CURRENCY)} {CURRENCY.upper()} in all.")
    return told


async def rest(stage: Stage, shop: Shop) -> None:
    """The applications end with the demo; what belongs to their customers stays."""
    if shop.runner_channel_id:
        _, gateway = await stage.context.gateway(shop.runner_channel_id)
        await gateway.rest()


async def _until_ready(stage: Stage, *signed: SignedUp) -> None:
    """An application that starts slowly is asked for again minutes later."""
    await stage.settle()
    for _ in range(_MINUTES_MAX):
        async with stage.context.transaction() as tx:
            found = [await instances.of_subscription(tx, one.subscription_id) for one in signed]
        if all(row is not None and row["status"] == "ready" for row in found):
            return
        await stage.advance(await stage.now() + timedelta(minutes=1))


async def application(stage: Stage, signed: SignedUp) -> str:
    """The address of the customer's application."""
    async with stage.context.transaction() as tx:
        row = await instances.of_subscription(tx, signed.subscription_id)
    if row is None or row["status"] not in ("ready", "suspended"):
        raise StoryBroke(f"{signed.subscription_id} has no application: {row and dict(row)}")
    return str(row["redirect_url"])


async def _expect_running(stage: Stage, signed: SignedUp, *, running: bool) -> None:
    """Really ask the application: it serves its customer, or says that it is suspended."""
    answer = await stage.app.client.get(await application(stage, signed))
    if (answer.status_code == _OK) != running:
        raise StoryBroke(f"the application of {signed.subscription_id} answers {answer.status_code}")


async def _request_trial(stage: Stage, shop: Shop, who: str, name: str) -> SignedUp:
    customer = CustomerData(who, email=f"{who}@example.com", name=name)
    return await sign_up(stage.context, Signup(customer, shop.plan, CURRENCY, quantities={"seats": "3"}))


async def add_card(stage: Stage, shop: Shop, signed: SignedUp, behaviour: str) -> None:
    """The customer saves a card on the provider's page."""
    context = stage.context
    _, gateway = await context.gateway(shop.channel_id)
    who = CustomerRequest(new_id("key"), signed.customer_id, f"{signed.customer_id}@example.com", "Customer")
    ref = (await _answer(lambda: gateway.ensure_customer(who))).ref
    key = new_id("set")
    await _answer(lambda: gateway.begin_setup(SetupRequest(key, ref, context.runtime.public_url)))
    await stage.control.payer(shop.provider, "approve", key=key, method=behaviour)
    saved: SavedMethod = (await _answer(lambda: gateway.list_methods(ref)))[0]
    async with context.transaction() as tx:
        now = await context.now(tx)
        await payments.put_payer(tx, signed.customer_id, shop.channel_id, ref)
        await payments.save_method(tx, signed.customer_id, shop.channel_id, ref, saved, now=now)


async def _answer(ask: Callable[[], Awaitable[Outcome[Any]]]) -> Any:
    """What the provider says; while he says nothing he is asked again under the same key."""
    for _ in range(_TRIES):
        outcome = await ask()
        if not isinstance(outcome, Unknown):
            break
    if isinstance(outcome, Done | Pending):
        return outcome.value
    raise StoryBroke(f"the provider does not know the customer or his card: {outcome}")


async def _expect(stage: Stage, signed: SignedUp, status: str, line: str) -> None:
    async with stage.context.transaction() as tx:
        found = await billing_story.status_of(tx, signed.subscription_id)
    if found != status:
        raise StoryBroke(f"{signed.subscription_id} is {found}, not {status}")
    stage.tell(line)
