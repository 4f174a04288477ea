"""One order planned: its payments as collections of the channel, its parts laid over them, all checked. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from cauce.flows.marketplace.terms import Terms
from cauce.gateway.capabilities import Can
from cauce.gateway.errors import CapabilityMissing
from cauce.gateway.limits import (
    check_split,
    require_chargeable,
    require_combinable,
    require_currency,
    require_subsidisable,
)
from cauce.gateway.plans import PlannedPart, SplitPlan
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.kernel.ids import new_id
from cauce.marketplace.compliance.rules import PooledMoney, check_fee
from cauce.marketplace.merchants.rules import Party, require_payable
from cauce.marketplace.orders.rules import (
    NewLine,
    NewOrder,
    NewPayment,
    PlannedCollection,
    PlannedOrder,
    ReleaseOn,
    cut_by_seller,
    payments_of,
    seller_totals,
)
from cauce.marketplace.orders.subsidised import SubsidyAboveRule, SubsidyTooLate, SubsidyWithKeptPart, subsidies_of
from cauce.marketplace.splits.planning import Claims, Goods, Pot, asked
from cauce.marketplace.splits.planning import plan_order as divide
from cauce.marketplace.splits.rules.schema import FEE, KEPT, Base, OnShortfall, SplitRule
from cauce.marketplace.splits.service import UnknownRule
from cauce.pricing.allocation import allocate_by_weight


class RuleCurrencyDiffers(InvalidRequest):
    """The split rule is for another currency than the order."""

    code = "rule_currency_differs"


class ProviderFeeUnknown(Conflict):
    """The rule divides what the provider's fee leaves, and the fee of a payment that has not arrived is not known."""

    code = "provider_fee_unknown"


@dataclass(frozen=True, slots=True)
class Plan:
    """An order with its collections, and the parts of each."""

    planned: PlannedOrder
    parts: Mapping[str, Claims]


def plan_order(
    order: NewOrder,
    rule: tuple[int, SplitRule] | None,
    terms: Terms,
    parties: Mapping[str, Party],
    caps: Mapping[str, Fraction | None],
    fee_max_bps: int | None = None,
) -> Plan:
    """Plan a checked order; refused with the rule's codes, the channel's limits, `merchant_not_payable`, `pooled_money`.

    `caps` is by merchant the largest share to others of his collections, `fee_max_bps` what the platform may take of
    an order by its contract (`fee_above_contract`).
    """
    if rule is None:
        raise UnknownRule(f"no version of {order.rule_id} is active", param="rule")
    version, content = rule
    if content.currency != order.currency:
        raise RuleCurrencyDiffers(param="rule")
    _require_shortfall(content, terms)
    require_currency(order.currency, terms.capabilities)
    named = {*(line.seller_id for line in order.lines), *order.parties.values()}
    for merchant in named:
        require_payable(parties, merchant)
    for seller in {line.seller_id for line in order.lines}:
        require_own_account(parties[seller].ref, terms)
    for payment in order.payments:
        if payment.from_balance_of:
            if not terms.capabilities.pay_from_balance:
                raise CapabilityMissing(
                    "this channel takes no payments from a member's balance", needs="pay_from_balance"
                )
            require_payable(parties, payment.from_balance_of)
    _require_subsidy(order, content, terms)
    collections = _with_subsidies(order, _collections(order, terms, parties))
    pots = _pots(content, collections)
    goods = _goods(order.lines)
    share_max = min((cap for cap in caps.values() if cap is not None), default=None) if terms.has_owner else None
    attributes = {key: parties[key].attributes for key in named} if asked(content) else {}
    parts = divide(content, goods, order.parties, pots, share_max, attributes)
    if fee_max_bps is not None:
        fee = sum(part.amount_minor for each in parts.values() for part in each if part.party == FEE)
        check_fee(fee, sum(one.amount_minor for one in collections), fee_max_bps)
    for one in collections:
        if one.subsidy_minor and any(part.party == KEPT for part in parts[one.id]):
            raise SubsidyWithKeptPart(param="lines")
        _check(order, one, parts[one.id], terms, share_max)
    return Plan(PlannedOrder(new_id("ord"), order, version, tuple(collections)), parts)


def require_own_account(seller_ref: str, terms: Terms) -> None:
    """`PooledMoney` unless payments to this account of a seller reach him, and nobody else, first (K1)."""
    is_platforms = seller_ref in terms.capabilities.platform_refs
    if terms.capabilities.collects_for_caller and not is_platforms:
        raise PooledMoney(
            "payments at this channel reach its own merchant's account: it takes no order of another seller",
            param="channel",
        )
    if is_platforms and not terms.capabilities.collects_for_caller:
        raise PooledMoney("this account at the channel is the platform's own", param="ref")


def _require_shortfall(rule: SplitRule, terms: Terms) -> None:
    """`CapabilityMissing` where the channel cannot do what the rule says of a refund whose parties lack money."""
    match rule.refund.on_shortfall:
        case OnShortfall.PLATFORM_ADVANCE:
            if terms.has_owner:  # where money is pooled, the platform's fee lies in the same pool
                terms.capabilities.require(Can.FUNDS, what="an advance of the platform for a refund")
        case OnShortfall.NEGATIVE_BALANCE if not terms.capabilities.negative_balance_supported:
            raise CapabilityMissing(
                "no balance falls below zero at this channel", needs="negative_balance_supported", param="rule"
            )


def _require_subsidy(order: NewOrder, rule: SplitRule, terms: Terms) -> None:
    """What the platform adds is within the rule, and announced to a channel that can add it. `capability_missing`,
    `subsidy_above_rule`, `subsidy_too_late`, `subsidy_above_limit`."""
    subsidies = subsidies_of(order)
    if not subsidies:
        return
    terms.capabilities.require(Can.SUBSIDISES_ORDERS, what="a subsidy of an order")
    if sum(subsidies.values()) > rule.subsidy_max_minor:
        raise SubsidyAboveRule(
            f"the rule lets the platform add at most {rule.subsidy_max_minor} to an order", param="lines"
        )
    if any(one.ref or one.from_balance_of for one in order.payments):
        raise SubsidyTooLate(param="payments")
    for amount in subsidies.values():
        require_subsidisable(amount, terms.capabilities)


def _with_subsidies(order: NewOrder, collections: Sequence[PlannedCollection]) -> list[PlannedCollection]:
    """What the platform adds for a seller comes to his largest payment."""
    largest: dict[str, PlannedCollection] = {}
    for one in collections:
        if one.owner_id not in largest or one.amount_minor > largest[one.owner_id].amount_minor:
            largest[one.owner_id] = one
    added = {largest[seller].id: amount for seller, amount in subsidies_of(order).items()}
    return [replace(one, subsidy_minor=added.get(one.id, 0)) for one in collections]


def _pots(rule: SplitRule, collections: Sequence[PlannedCollection]) -> list[Pot]:
    """What the rule divides of each collection: all of it, or what the provider's fee left (`provider_fee_unknown`)."""
    if rule.base is not Base.NET_OF_PROVIDER_FEE:
        return [Pot(one.id, one.amount_minor, one.owner_id) for one in collections]
    if any(not one.payment.ref for one in collections):
        raise ProviderFeeUnknown(
            "the rule divides what the provider's fee leaves: give payments that arrived, with their fee, or use a "
            "rule with the base `amount` and a `fee_bearer`",
            param="rule",
        )
    return [Pot(one.id, one.amount_minor, one.owner_id, one.payment.fee_minor) for one in collections]


def _goods(lines: Sequence[NewLine]) -> list[Goods]:
    prices: dict[str, list[int]] = {}
    freight: dict[str, int] = {}
    for line in lines:
        prices.setdefault(line.seller_id, []).append(line.price_minor)
        freight[line.seller_id] = freight.get(line.seller_id, 0) + line.freight_minor
    return [Goods(seller, tuple(each), freight[seller]) for seller, each in prices.items()]


def _collections(order: NewOrder, terms: Terms, parties: Mapping[str, Party]) -> list[PlannedCollection]:
    payments = _chargeable(payments_of(order), order.currency, terms)
    if not terms.has_owner:
        return [PlannedCollection(new_id("col"), payment, payment.amount_minor) for payment in payments]
    cuts = cut_by_seller([payment.amount_minor for payment in payments], seller_totals(order))
    found = []
    for index, payment in enumerate(payments):
        mine = [cut for cut in cuts if cut.payment == index]
        fees = allocate_by_weight(payment.fee_minor, [cut.amount_minor for cut in mine]).parts
        combined = _combined(payment, len(mine), terms)
        for cut, fee in zip(mine, fees, strict=True):
            ref = parties[cut.seller_id].ref
            paid = replace(payment, amount_minor=cut.amount_minor, fee_minor=fee)
            planned = PlannedCollection(new_id("col"), paid, cut.amount_minor, cut.seller_id, ref, combined_id=combined)
            found.append(planned)
    return found


def _combined(payment: NewPayment, merchants: int, terms: Terms) -> str:
    """The number of a payment that its payer makes once for several merchants; "" where each is paid by itself."""
    if merchants < 2 or payment.ref or payment.from_balance_of or not terms.combines:
        return ""
    require_combinable(merchants, terms.capabilities)
    return new_id("cmb")


def _chargeable(payments: Sequence[NewPayment], currency: str, terms: Terms) -> list[NewPayment]:
    """Payments that the channel is too big for are paid together with the order's largest one."""
    if len(payments) == 1:
        require_chargeable(payments[0].amount_minor, currency, terms.capabilities)
        return list(payments)
    minimum = terms.capabilities.amount_min_minor.get(currency, 0)
    largest = max(range(len(payments)), key=lambda i: (not payments[i].from_balance_of, payments[i].amount_minor))
    movable = [i for i, one in enumerate(payments) if i != largest and not one.ref and not one.from_balance_of]
    small = [i for i in movable if payments[i].amount_minor < minimum]
    joined = sum(payments[i].amount_minor for i in small)
    found = [
        replace(one, amount_minor=one.amount_minor + (joined if i == largest else 0))
        for i, one in enumerate(payments)
        if i not in small
    ]
    for one in found:
        require_chargeable(one.amount_minor, currency, terms.capabilities)
    return found


def _check(
    order: NewOrder, collection: PlannedCollection, parts: Claims, terms: Terms, share_max: Fraction | None
) -> None:
    planned = [
        PlannedPart(part.party, part.amount_minor, is_owner=part.is_rest and terms.has_owner)
        for part in parts
        if part.party != KEPT and (part.party != FEE or terms.has_owner)
    ]
    days = order.release_days if order.release_on is ReleaseOn.DAYS else None
    plan = SplitPlan(order.currency, collection.amount_minor, tuple(planned), release_after_days=days)
    check_split(plan, terms.capabilities, share_max if terms.has_owner else Fraction(1))
