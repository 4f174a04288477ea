"""Random programs of a marketplace on the real simulators: orders, splits, refunds in any order, releases, expiries, lost answers.

Many programs share one organization, one clock and one simulator tenant, each with sellers of its own; a round lets
every program take its next random step, then time passes. While they run calls to the provider fail in every way and
notices come late, twice or never. At the end every fault is cleared, everything is found out, and each seller's and
each order's money must be what the provider's own books say, to the cent.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cauce.channels import store as channel_store
from cauce.entrypoints.demo.stage import Stage
from cauce.flows.marketplace import cancel, keep, merchants, orders, refunds, release
from cauce.flows.marketplace.refunds import AskRefund
from cauce.flows.refused_keys import resume_calls
from cauce.gateway.accounts import AccountRequest
from cauce.gateway.outcome import Done
from cauce.gateway.splitting import ReceiverKind
from cauce.kernel.errors import CauceError
from cauce.kernel.ids import new_id
from cauce.marketplace.merchants.rules import NewAccount, NewMerchant
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.rules import NewLine, NewOrder, NewPayment, ReleaseOn
from cauce.providers.kit.control import SandboxError
from cauce.storage.database import insist

FAULTS = (
    "drop_before", "drop_after", "error_before", "error_after", "rate_limited", "slow", "hang", "garbled", "bad_signature",
)  # fmt: skip
NOTICE_RULES = ("drop", "duplicate", "reorder", "delay", "bad_signature", "stale", "before_reply")
REFUSALS = frozenset(
    {
        "refund_exceeds_paid", "refund_waits_for_split", "order_not_releasable", "journal_refused", "refund_exceeds_parts",
        "illegal_transition", "provider_fee_exceeds_part", "not_kept", "seller_ambiguous",
        "party_not_declared", "share_above_cap",
    }
)  # fmt: skip
"""What a step may be told instead of having its effect: nothing has changed then."""

ROUNDS = 6
DAYS_MAX = 6
"""So long the slowest end takes: WeChat Pay gives up a return that lacks money after five days."""

UNDER_WAY = """SELECT key, purpose, state, asks, outcome FROM channels.instruction
 WHERE org_id = $1 AND state NOT IN ('succeeded', 'declined') AND NOT (operation = 'collect' AND state = 'pending')"""
"""Instructions whose end is not known, but for payers who may still come."""

_REFUND_POLICIES: tuple[dict[str, Any], ...] = (
    {"policy": "proportional"},
    {"policy": "platform_first"},
    {"policy": "keep_fee", "refund_fee": "borne_by_receivers"},
    {"policy": "by_order", "order": ["fee", "party:agent", "party:seller"]},
)


@dataclass
class Program:
    """One program: its seed, its sellers, its orders so far, what it did."""

    seed: int
    chance: random.Random
    sellers: tuple[str, ...]
    agent: str
    rules: tuple[str, ...]
    order_ids: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def pick_order(self) -> str | None:
        """One of its orders."""
        return self.chance.choice(self.order_ids) if self.order_ids else None


@dataclass
class Place:
    """Where programs run: one organization with one channel. `refs` is by merchant his number at the provider."""

    stage: Stage
    provider: str
    channel_id: str
    currency: str
    chance: random.Random
    keeps: bool = False  # rules keep a part of each order, and a step divides some of it
    refs: dict[str, str] = field(default_factory=dict)
    programs: list[Program] = field(default_factory=list)


def _documents(currency: str, *, keeps: bool) -> list[dict[str, Any]]:
    """Rules that differ in parts, bearer of the provider's fee and refund policy; with an agent beside the seller or without."""
    found = []
    for number, refund in enumerate(_REFUND_POLICIES):
        bearer = ("platform", "seller", "pro_rata")[number % 3]
        fee = {"to": "fee", "kind": "percent", "value": "0.12", "min": 3, "refundable": refund["policy"] != "keep_fee"}
        agent = {"to": "party:agent", "kind": "percent", "value": "0.07"}
        rest = {"to": "party:seller", "kind": "remainder"}
        kept = [{"kind": "kept", "value": "0.15"}] if keeps else []
        found.append(
            {
                "name": f"rule {number}", "currency": currency, "base": "lines", "fee_bearer": bearer,
                "parts": [fee, agent, *kept, rest], "refund": refund,
            }
        )  # fmt: skip
    return found


async def open_place(
    stage: Stage, provider: str, currency: str, country: str, seeds: Sequence[int], *, keeps: bool = False
) -> Place:
    """An organization with a channel, the rules, and for each program two sellers and an agent."""
    channel_id = await stage.channel(provider)
    await stage.control.set_clock(await stage.now())
    place = Place(stage, provider, channel_id, currency, random.Random(seeds[0]), keeps)
    rule_ids = []
    for document in _documents(currency, keeps=keeps):
        rule_id, version = await merchants.draft_split_rule(stage.context, document)
        await merchants.activate_split_rule(stage.second_person, rule_id, version)
        rule_ids.append(rule_id)
    names = [f"{seed}-{role}" for seed in seeds for role in ("ana", "bia", "agent")]
    ids = await merchants.create_merchants(stage.context, [NewMerchant(name, external_id=name) for name in names])
    refs = [await stage.control.merchant(provider, name=name, country=country, currency=currency) for name in names]
    place.refs = dict(zip(ids, refs, strict=True))
    await merchants.connect_merchants(
        stage.context, [NewAccount(key, channel_id, ref=ref, agreement="A-1") for key, ref in place.refs.items()]
    )
    await _register(place, names)
    for index, seed in enumerate(seeds):
        ana, bia, agent = ids[3 * index : 3 * index + 3]
        chance = random.Random(seed)
        place.programs.append(Program(seed, chance, (ana, bia), agent, tuple(rule_ids)))
    return place


async def _register(place: Place, names: Sequence[str]) -> None:
    """Agents are known at the provider as receivers."""
    _, gateway = await place.stage.context.gateway(place.channel_id)
    for (merchant_id, ref), name in zip(place.refs.items(), names, strict=True):
        if name.endswith("agent"):
            asked = AccountRequest(
                new_id("cac"), merchant_id, name, ReceiverKind.MERCHANT, "enterprise", "online", "", existing_ref=ref
            )
            opened = await gateway.open_account(asked)
            assert isinstance(opened, Done), opened


# -- steps -------------------------------------------------------------------------------------------------------------


async def _order(place: Place, program: Program, now: datetime) -> str:
    chance = program.chance
    sellers = chance.sample(program.sellers, chance.choice((1, 1, 2)))
    lines = tuple(
        NewLine(one, chance.choice((60, 333, 999, 5_001, 12_345)), chance.choice((0, 0, 77))) for one in sellers
    )
    total = sum(line.amount_minor for line in lines)
    payments: tuple[NewPayment, ...] = ()
    if chance.random() < 0.3:
        first = chance.randrange(50, total) if total > 60 else total
        payments = tuple(NewPayment(amount) for amount in (first, total - first))
    release_on = chance.choice(tuple(ReleaseOn))
    new = NewOrder(
        external_id=f"{program.seed}-{len(program.log)}",
        channel_id=place.channel_id,
        currency=place.currency,
        lines=lines,
        rule_id=chance.choice(program.rules),
        placed_at=now,
        payments=payments,
        parties={"agent": program.agent},
        release_on=release_on,
        release_days=chance.randrange(0, 4) if release_on is ReleaseOn.DAYS else 0,
        deliver_at=now + timedelta(hours=chance.randrange(1, 90)) if chance.random() < 0.5 else None,
        cancel_at=now + timedelta(hours=chance.randrange(1, 60)) if chance.random() < 0.1 else None,
    )
    (taken,) = await orders.take_orders(place.stage.context, [new])
    if taken.refused is not None:
        return f"order {total} refused: {taken.refused.code}"
    again = (await orders.take_orders(place.stage.context, [new]))[0] if chance.random() < 0.2 else taken
    assert again.order_id == taken.order_id, "the same request twice is one order"
    program.order_ids.append(taken.order_id)
    return f"order {taken.order_id} {total} {release_on} {new.payments and 'in two payments'}"


async def _release(place: Place, program: Program, now: datetime) -> str:
    order_id = program.pick_order()
    if order_id is None:
        return "nothing to release"
    if program.chance.random() < 0.5:
        await insist(lambda: release.release_orders(place.stage.context, [order_id]))
    else:
        await insist(lambda: release.confirm_delivery(place.stage.context, {order_id: now}))
    return f"release {order_id}"


async def _refund(place: Place, program: Program, now: datetime) -> str:
    order_id = program.pick_order()
    if order_id is None:
        return "nothing to refund"
    amount = program.chance.choice((None, 1, 17, 100, 500, 2_500))
    asked = AskRefund(order_id, str(len(program.log)), amount)
    found = await insist(lambda: refunds.refund_orders(place.stage.context, [asked]))
    if program.chance.random() < 0.2:
        assert await refunds.refund_orders(place.stage.context, [asked]) == found, "one number is one refund"
    return f"refund {order_id} {amount}"


async def _cancel(place: Place, program: Program, now: datetime) -> str:
    order_id = program.pick_order()
    if order_id is None:
        return "nothing to cancel"
    await insist(lambda: cancel.cancel_orders(place.stage.context, [order_id]))
    return f"cancel {order_id}"


async def _divide_kept(place: Place, program: Program, now: datetime) -> str:
    order_id = program.pick_order()
    if order_id is None:
        return "nothing to divide"
    wanted = program.chance.choice(({"party:agent": 7}, {program.sellers[0]: 40}, {"fee": 3, "party:agent": 1}))
    parts = wanted if program.chance.random() < 0.7 else {"party:seller": 9}
    divided = await insist(lambda: keep.split_kept(place.stage.context, keep.AskKept(order_id, parts)))
    return f"divide {divided} of {order_id}"


Step = Callable[[Place, Program, datetime], Awaitable[str]]
_STEPS: tuple[tuple[Step, int], ...] = ((_order, 5), (_release, 3), (_refund, 5), (_cancel, 1))


async def _step(place: Place, program: Program, now: datetime) -> None:
    """The program's next step; a refusal that the product may give changes nothing and is noted."""
    steps, weights = zip(*(*_STEPS, *(((_divide_kept, 5),) if place.keeps else ())), strict=True)
    step: Step = _order if not program.order_ids else program.chance.choices(steps, weights)[0]
    try:
        program.log.append(await step(place, program, now))
    except CauceError as refused:
        assert refused.code in REFUSALS, f"{program.seed}: {refused.code}: {refused}\n{program.log}"
        program.log.append(f"{step.__name__[1:]} refused: {refused.code}")


async def _payers(place: Place, *, act_by_chance: bool = True) -> None:
    """Most payers pay, some walk away, some come back when it is too late."""
    async with place.stage.context.transaction() as tx:
        waiting = await channel_store.keys_in_state(tx, place.channel_id, "collect", "pending")
    for key in waiting:
        if act_by_chance and place.chance.random() < 0.25:
            continue
        try:
            await place.stage.control.payer(place.provider, "approve", key=key)
        except SandboxError:
            continue  # the provider has closed it meanwhile


# -- a whole run -------------------------------------------------------------------------------------------------------


async def _trouble(place: Place, count: int) -> None:
    """Calls that will go wrong, and notices that will misbehave."""
    chance, control = place.chance, place.stage.control
    for _ in range(count):
        fault = chance.choice(FAULTS)
        fields = {"skip": chance.randrange(0, 12), "status": chance.choice((500, 502, 503)), "delay_ms": 5}
        await control.fault(place.provider, fault, **fields)
    for _ in range(count // 2):
        await control.callback_rule(
            place.provider, chance.choice(NOTICE_RULES), times=chance.randrange(1, 3), seconds=600
        )


async def run(place: Place, *, rounds: int = ROUNDS) -> None:
    """Let all programs run to their end."""
    for _ in range(rounds):
        await _trouble(place, 2 + len(place.programs) // 4)
        now = await place.stage.now()
        for program in place.programs:
            await _step(place, program, now)
        await place.stage.settle()
        await _payers(place)
        span = place.chance.choice((timedelta(minutes=2), timedelta(hours=5), timedelta(days=2)))
        await place.stage.advance(now + span)
        await resume_calls(place.stage.context, place.channel_id)  # an operator looks where signatures were wrong
    await place.stage.control.clear_faults(place.provider)
    await place.stage.control.verb(place.provider, "callbacks/clear", {})
    await place.stage.control.release_callbacks(place.provider)
    for hours in (2, 26, 26, 26):
        await resume_calls(place.stage.context, place.channel_id)
        await place.stage.advance(await place.stage.now() + timedelta(hours=hours))
    for _ in range(DAYS_MAX):
        if not await _under_way(place):
            break
        await place.stage.advance(await place.stage.now() + timedelta(days=1))


async def _under_way(place: Place) -> bool:
    """Whether the provider still owes an end: a payout that has not arrived, a return that waits for money."""
    async with place.stage.context.transaction() as tx:
        return bool(await tx.rows(UNDER_WAY, tx.org))


async def orders_of(place: Place, program: Program) -> list[Any]:
    """The rows of the program's collections."""
    async with place.stage.context.transaction() as tx:
        return await order_store.collections_of(tx, program.order_ids)
