"""What a change amounts to: which items stay, leave and come, in which direction it goes. Writes nothing but `write_items`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Protocol

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.change_policies import overlaid
from cauce.billing.catalog.rules import (
    ChangePolicy,
    ChangeRule,
    NoPriceInCurrency,
    Plan,
    Price,
    PriceKind,
    shared_interval,
)
from cauce.billing.subscriptions import service as subscriptions
from cauce.billing.subscriptions.rules import Item, Subscription
from cauce.flows.billing.bills import row_of
from cauce.flows.billing.options import adjustments
from cauce.flows.billing.revenue import monthly_revenue
from cauce.flows.billing.signup import quantity_of
from cauce.flows.portal_settings import settings_of
from cauce.kernel.calendar.periods import Interval
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.ids import new_id
from cauce.pricing.changes import IntervalChange
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import read_org


class Wish(Protocol):
    """What a change asks for; see `changes.Change`."""

    @property
    def plan(self) -> str | None: ...

    @property
    def plan_id(self) -> str | None: ...

    @property
    def quantities(self) -> Mapping[str, str]: ...

    @property
    def addons(self) -> tuple[str, ...] | None: ...

    @property
    def options(self) -> Mapping[str, Any] | None: ...

    @property
    def interval_change(self) -> IntervalChange | None: ...

    @property
    def policy(self) -> Mapping[str, Any]: ...

    @property
    def by_portal(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan and items after a change. `removed` are replaced or gone, `added` new; `kept` go on untouched.

    `keeps_anchor`: a new interval keeps to the old anchor (V10). `policy`: what the change goes by, `rule` its direction's.
    """

    plan: Plan
    interval: Interval
    interval_changes: bool
    kept: tuple[Item, ...]
    removed: tuple[Item, ...]
    added: tuple[Item, ...]
    prices: Mapping[str, Price]
    rule: ChangeRule
    mrr_minor: int
    keeps_anchor: bool
    policy: ChangePolicy


async def plan_change(tx: Tx, one: Subscription, plan: Plan, wish: Wish, day: date) -> Planned:
    """What `wish`, made on a local `day`, means for a locked subscription; currency never changes (A1)."""
    old = (await subscriptions.items_of(tx, [one.id]))[one.id]
    target = plan
    if wish.plan_id is not None:  # a version of his own plan, to which he is moved (A7)
        target = (await catalog.read_plans(tx, [wish.plan_id]))[wish.plan_id]
    elif wish.plan is not None and wish.plan != plan.key:
        plan_id, _ = await catalog.require_sold(tx, wish.plan)
        target = (await catalog.read_plans(tx, [plan_id]))[plan_id]
    sold = await catalog.prices_of_plan(tx, target.id)
    prices = await catalog.read_prices(tx, {item.price_id for item in old} | {price.id for price in sold})
    new = wanted_items(one, target, sold, old, prices, wish, same_plan=target.id == plan.id)
    new = await _with_phases(tx, one, new, old, prices, day, same_plan=target.key == plan.key)
    by_price = {item.price_id: item for item in old}
    kept, added = [], []
    for item in new:
        before = by_price.get(item.price_id)
        same = before is not None and (before.quantity, before.adjust_minor, before.adjust_percent) == (
            item.quantity, item.adjust_minor, item.adjust_percent,
        )  # fmt: skip
        if same and before is not None:
            kept.append(before)
        else:
            added.append(item)
    stays = {item.id for item in kept}
    interval = shared_interval([interval for item in new if (interval := prices[item.price_id].interval) is not None])
    before_fee, after_fee = _revenue(old, prices), _revenue(new, prices)
    removed = tuple(item for item in old if item.id not in stays)
    policy = await _policy(tx, plan, [prices[item.price_id] for item in removed], wish)
    how = wish.interval_change or policy.interval_change
    return Planned(
        target, interval, interval != one.interval, tuple(kept), removed, tuple(added), prices,
        _rule(policy, before_fee, after_fee, one.interval, interval, same_plan=target.id == plan.id),
        monthly_revenue(map(row_of, new), prices, day, one.anchor_day or one.anchor_on.day),
        interval != one.interval and how is IntervalChange.KEEP_ANCHOR, policy,
    )  # fmt: skip


async def _policy(tx: Tx, plan: Plan, leaving: Sequence[Price], wish: Wish) -> ChangePolicy:
    """What a change goes by: the plan's policy, over it that of the first price that leaves and has one, the portal's, the call's."""
    of_price = next((price.change for price in leaving if price.change), {})
    of_portal = settings_of(await read_org(tx, tx.org)).change_policy if wish.by_portal else {}
    return overlaid(plan.policy.change, of_price, of_portal, wish.policy)


async def write_items(tx: Tx, planned: Planned, at: datetime) -> None:
    """The subscription's items as planned."""
    await subscriptions.remove_items(tx, [item.id for item in planned.removed], at)
    if planned.added:
        await subscriptions.insert_items(tx, planned.added, at)


def wanted_items(
    one: Subscription,
    target: Plan,
    sold: Sequence[Price],
    old: Sequence[Item],
    prices: Mapping[str, Price],
    wish: Wish,
    *,
    same_plan: bool,
) -> list[Item]:
    """The items after a change to `target`, of which `sold` is offered. Pure, except for the new items' ids."""
    keys = {prices[item.price_id].key: item for item in old}
    addons = wish.addons
    if addons is None:
        addons = tuple(key for key, item in keys.items() if prices[item.price_id].role == "addon")
    offered = [price for price in sold if price.currency == one.currency]
    mine = [prices[item.price_id] for item in old] if same_plan else []
    offered += [price for price in mine if price.id not in {other.id for other in offered}]  # archived, but still his
    chosen = [price for price in offered if price.role == "base" or price.key in addons]
    if not any(price.role == "base" for price in chosen):
        raise NoPriceInCurrency(f"plan {target.key} has no price in {one.currency}", param="plan")
    unknown = set(wish.quantities) - {price.key for price in chosen}
    if unknown:
        raise InvalidRequest(f"plan {target.key} has no price {sorted(unknown)[0]}", param="quantities")
    options = wish.options if wish.options is not None else next((item.options for item in old if item.options), {})
    keeps = wish.options is not None or same_plan or wish.plan_id is not None
    added, percent = adjustments(target, options if keeps else {})
    items: list[Item] = []
    for price in chosen:
        before = keys.get(price.key)
        default = before.quantity if before is not None else Decimal(1)
        quantity = quantity_of(wish.quantities[price.key]) if price.key in wish.quantities else default
        item = Item(new_id("si"), one.id, price.id, quantity)
        if same_plan and wish.options is None and before is not None:  # his options, and a price that he kept (A12)
            carried = before.options, before.adjust_minor, before.adjust_percent
            item = replace(item, options=carried[0], adjust_minor=carried[1], adjust_percent=carried[2])
        elif (
            price.kind is PriceKind.RECURRING
            and not any(other.options for other in items)
            and (added or percent or options)
        ):
            item = replace(item, options=dict(options), adjust_minor=added, adjust_percent=percent)
            added, percent = 0, Decimal(0)
        items.append(item)
    return items


async def _with_phases(
    tx: Tx,
    one: Subscription,
    new: Sequence[Item],
    old: Sequence[Item],
    prices: Mapping[str, Price],
    day: date,
    *,
    same_plan: bool,
) -> list[Item]:
    """The items with the day on which their phases begin: who had a price goes on where he was, a new one begins now.

    In a trial nothing is billed yet, so nothing begins.
    """
    if not any(prices[item.price_id].phases for item in new):
        return list(new)
    had: dict[str, date | None] = dict(await subscriptions.phases_had(tx, one.id))
    if same_plan:  # another version of his plan is no second introduction
        of_key = {prices[item.price_id].key: item.phases_from for item in old}
        had = {item.price_id: of_key.get(prices[item.price_id].key) for item in new} | had
    begins = None if one.status == "trialing" else day
    return [replace(item, phases_from=had.get(item.price_id) or begins) for item in new]


def _rule(
    policy: ChangePolicy, before_minor: int, after_minor: int, before: Interval, after: Interval, *, same_plan: bool
) -> ChangeRule:
    """The rule of the direction that the change takes; that of the interval comes first where the policy has one."""
    if before != after:
        rule = policy.interval_up if _length(after) > _length(before) else policy.interval_down
        if rule is not None:
            return rule
    if same_plan:
        return policy.quantity_up if after_minor >= before_minor else policy.quantity_down
    return policy.upgrade if after_minor >= before_minor else policy.downgrade


def _length(interval: Interval) -> Fraction:
    """In days; a month is a twelfth of 365."""
    return Fraction(interval.months * 365, 12) if interval.months else Fraction(interval.days)


def _revenue(items: list[Item], prices: Mapping[str, Price]) -> int:
    return monthly_revenue(map(row_of, items), prices, None)
