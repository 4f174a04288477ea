"""Scenarios played on a provider's simulator: their orders taken, paid, refunded and released, the cents of each role compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cauce.entrypoints.demo.stage import Stage
from cauce.flows.marketplace import keep, merchants, orders, refunds
from cauce.flows.marketplace.keep import AskKept
from cauce.flows.marketplace.refunds import AskRefund
from cauce.flows.marketplace.terms import terms_of
from cauce.gateway.capabilities import Capabilities
from cauce.kernel.errors import CauceError
from cauce.marketplace.merchants.rules import LegalForm, NewAccount, NewMerchant, TradePlace
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.rules import GoodsKind, NewLine, NewOrder, ReleaseOn
from cauce.marketplace.splits import store as split_store
from cauce.marketplace.splits.rules.parsing import parse_rule
from cauce.marketplace.splits.rules.schema import FEE, KEPT, parties_of
from cauce.marketplace.splits.scenarios import SampleOrder, Scenario

PLACES = {"wechat": ("cny", "CN"), "stripe": ("brl", "BR")}
"""The currency and country that scenarios are played in at each provider; others take euros in Germany."""

_FLOAT = {
    "name": "float",
    "parts": [{"to": "fee", "kind": "percent", "value": "0.12"}, {"to": "party:seller", "kind": "remainder"}],
}
_FLOAT_MINOR = 1_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sample order: expected and received minor units by role, or why it was refused when planned."""

    scenario: str
    order: str
    expected: dict[str, int]
    got: dict[str, int] = field(default_factory=dict)
    refused: str = ""
    should_be_refused: bool = False

    @property
    def holds(self) -> bool:
        """Whether it came as the scenario says."""
        return bool(self.refused) if self.should_be_refused else self.expected == self.got


@dataclass(frozen=True, slots=True)
class _Place:
    stage: Stage
    provider: str
    channel_id: str
    currency: str
    country: str
    capabilities: Capabilities


Taken = list[tuple[Scenario, SampleOrder, str, dict[str, str]]]
"""Orders that were taken: of which scenario and sample, its id, the merchants by role."""


async def play(stage: Stage, provider: str, chosen: Sequence[Scenario], **options: str) -> list[Outcome]:
    """Play scenarios side by side on one fresh channel; what became of each of their orders.

    `options`: which contract, where the provider has several.
    """
    currency, country = PLACES.get(provider, ("eur", "DE"))
    channel_id = await stage.channel(provider, **options)
    await stage.control.set_clock(await stage.now())
    terms = (await terms_of(stage.app.runtime, stage.org.id, {channel_id}))[channel_id]
    place = _Place(stage, provider, channel_id, currency, country, terms.capabilities)
    await _float(place)
    taken: Taken = []
    outcomes, last = [], await stage.now()
    for one in chosen:
        ids = await _roles(place, one)
        rule_id = await _rule(place, one.document(currency))
        for number, sample in enumerate(one.orders, 1):
            external = f"{one.name}-{number}"
            new = _order(place, one, sample, external, ids, rule_id, last)
            (answer,) = await orders.take_orders(stage.context, [new])
            if answer.refused is not None:
                outcomes.append(_refused(place, one, sample, external, _why(answer.refused)))
                continue
            taken.append((one, sample, answer.order_id, ids))
    await _payers_pay(place)
    await _refund(place, taken, before_release=True)
    await _divide_later(place, taken, last)
    hours = max((_hours(sample) for _, sample, _, _ in taken), default=0)
    await stage.advance(last + timedelta(hours=hours + 26))
    await _refund(place, taken, before_release=False)
    await stage.advance(await stage.now() + timedelta(hours=26))
    return outcomes + [await _outcome(place, one, sample, key, ids) for one, sample, key, ids in taken]


async def _float(place: _Place) -> None:
    """An order of another day leaves commission at the holder, from which a fee that is not given back is borne."""
    (seller,) = await merchants.create_merchants(place.stage.context, [NewMerchant("Float", external_id="float")])
    await _connect(place, {seller: "Float"})
    rule_id = await _rule(place, {**_FLOAT, "currency": place.currency})
    now = await place.stage.now()
    new = NewOrder(
        "float", place.channel_id, place.currency, (NewLine(seller, _FLOAT_MINOR),), rule_id, now, deliver_at=now
    )
    await orders.take_orders(place.stage.context, [new])
    await _payers_pay(place)
    await place.stage.advance(now + timedelta(hours=1))


async def _roles(place: _Place, one: Scenario) -> dict[str, str]:
    new = [
        NewMerchant(
            f"{one.title}: {role}",
            external_id=f"{one.name}-{role}",
            legal_form=LegalForm(form),
            trade_place=TradePlace(trade),
            country=place.country,
        )
        for role, (form, trade) in one.roles.items()
    ]
    ids = await merchants.create_merchants(place.stage.context, new)
    await _connect(place, {key: merchant.name for key, merchant in zip(ids, new, strict=True)})
    return dict(zip(one.roles, ids, strict=True))


async def _connect(place: _Place, names: dict[str, str]) -> None:
    accounts = []
    for key, name in names.items():
        ref = await place.stage.control.merchant(
            place.provider, name=name, country=place.country, currency=place.currency
        )
        accounts.append(NewAccount(key, place.channel_id, ref=ref, agreement="scenario"))
    await merchants.connect_merchants(place.stage.context, accounts)


async def _rule(place: _Place, document: dict[str, object]) -> str:
    rule_id, version = await merchants.draft_split_rule(place.stage.context, document)
    await merchants.activate_split_rule(place.stage.second_person, rule_id, version)
    return rule_id


def _order(
    place: _Place, one: Scenario, sample: SampleOrder, external: str, ids: dict[str, str], rule_id: str, now: datetime
) -> NewOrder:
    named = {party.removeprefix("party:") for party in parties_of(parse_rule(one.document(place.currency)).parts)}
    named |= {role.removeprefix("party:") for later in sample.later for role in later.parts}
    sellers = {line.seller for line in sample.lines}
    delivered = sample.release_days is None and sample.expires_hours is None
    return NewOrder(
        external_id=external,
        channel_id=place.channel_id,
        currency=place.currency,
        lines=tuple(
            NewLine(ids[line.seller], line.price, line.freight, GoodsKind(line.goods_kind)) for line in sample.lines
        ),
        rule_id=rule_id,
        placed_at=now,
        parties={role: key for role, key in ids.items() if role in named - sellers - {FEE}},
        release_on=ReleaseOn.DELIVERY if sample.release_days is None else ReleaseOn.DAYS,
        release_days=sample.release_days or 0,
        deliver_at=now + timedelta(hours=sample.deliver_hours) if delivered else None,
        cancel_at=now + timedelta(hours=sample.expires_hours) if sample.expires_hours is not None else None,
    )


def _why(refusal: CauceError) -> str:
    """The refusal with the limit that it names."""
    limit = ", ".join(f"{name} {value}" for name, value in refusal.fields.items())
    return f"{refusal.message} ({limit})" if limit else refusal.message


def _refused(place: _Place, one: Scenario, sample: SampleOrder, external: str, why: str) -> Outcome:
    limit, needed = place.capabilities.freeze_days_max, sample.refused_when_frozen_less_than_days
    due = limit is not None and needed is not None and limit.value < needed
    due = due or place.capabilities.collects_for_caller  # these sellers are others than the channel's own merchant
    return Outcome(one.name, external, dict(sample.expected), refused=why, should_be_refused=due)


async def _payers_pay(place: _Place) -> None:
    await place.stage.settle()
    waiting = await place.stage.collecting(place.channel_id, "pending")
    for key in waiting:
        await place.stage.control.payer(place.provider, "approve", key=key)
    await place.stage.settle()


async def _divide_later(place: _Place, taken: Taken, paid_at: datetime) -> None:
    """What rules kept of orders, divided each on its day."""
    steps = [(later.days, order_id, later, ids) for _, sample, order_id, ids in taken for later in sample.later]
    for days, order_id, later, ids in sorted(steps, key=lambda step: step[:2]):
        await place.stage.advance(max(paid_at + timedelta(days=days), await place.stage.now()))
        parts = {ids.get(role.removeprefix("party:"), role): amount for role, amount in later.parts.items()}
        await keep.split_kept(place.stage.context, AskKept(order_id, parts, reason=f"day {days}"))
        await place.stage.settle()


async def _refund(place: _Place, taken: Taken, *, before_release: bool) -> None:
    for _, sample, order_id, _ in taken:
        for number, refund in enumerate(sample.refunds):
            if refund.before_release is before_release:
                asked = AskRefund(order_id, str(number), refund.amount, named=dict(refund.named) or None)
                await refunds.refund_orders(place.stage.context, [asked])
                await place.stage.settle()


def _hours(sample: SampleOrder) -> int:
    return max(24 * (sample.release_days or 0), sample.deliver_hours, sample.expires_hours or 0)


async def _outcome(place: _Place, one: Scenario, sample: SampleOrder, order_id: str, ids: dict[str, str]) -> Outcome:
    roles = {key: role for role, key in ids.items()}
    got = dict.fromkeys(sample.expected, 0)
    async with place.stage.context.transaction() as tx:
        order = await order_store.read_order(tx, order_id)
        rows = await order_store.collections_of(tx, [order_id])
        parts = await split_store.allocations_of(tx, [row["id"] for row in rows])
    assert order is not None
    for part in (part for each in parts.values() for part in each):
        role = roles.get(part["party"], part["party"])
        if role == KEPT and not part["amount_minor"]:
            continue
        got[role] = got.get(role, 0) + part["amount_minor"] + part["fee_borne_minor"] - part["reversed_minor"]
    if order["state"] not in ("released", "canceled"):
        got["state"] = -1  # it never came to its end
    return Outcome(one.name, order["external_id"], dict(sample.expected), got)
