"""What a rule kept of an order is divided later, by amounts that somebody names or by another rule.

The kept part shrinks and parts of those whom the order named take its place; money that is out of the order's first
division goes to them at once, by splits of its own, with the channel's limits checked as when an order is planned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

from cauce.flows.context import Context
from cauce.flows.marketplace.dividing import STANDS
from cauce.flows.marketplace.refunds import locked_orders
from cauce.flows.marketplace.release import release
from cauce.flows.marketplace.terms import Terms, share_caps, terms_of
from cauce.gateway.limits import TooManyRequests, requests_of, require_at_most
from cauce.kernel.errors import InvalidRequest
from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import Event, Holder
from cauce.ledger.recipes.splits import split_applied
from cauce.ledger.rules import Item, require_posted
from cauce.marketplace.compliance.rules import check_fee
from cauce.marketplace.compliance.service import fee_rates
from cauce.marketplace.merchants.rules import Party, require_payable
from cauce.marketplace.merchants.service import read_parties
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.refunding import RefundWaits
from cauce.marketplace.orders.rules import OrderNotReleasable
from cauce.marketplace.splits import store as split_store
from cauce.marketplace.splits.kept import Kept, KeptChanged, named_parts, parts_by_rule, require_frozen, require_share
from cauce.marketplace.splits.planning import Part
from cauce.marketplace.splits.rules.schema import FEE, KEPT
from cauce.marketplace.splits.service import UnknownRule, active_rules
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit


@dataclass(frozen=True, slots=True)
class AskKept:
    """Divide what an order keeps: `parts` in minor units by role, merchant or `fee`; or by `rule_id`, then of `amount_minor`
    (None: all that is kept). `seen_minor`: what was kept when the caller looked, so that nothing is done twice."""

    order_id: str
    parts: Mapping[str, int] | None = None
    rule_id: str = ""
    amount_minor: int | None = None
    reason: str = ""
    seen_minor: int | None = None


@dataclass(frozen=True, slots=True)
class _Facts:
    """The order as it stands."""

    order: Row
    collections: Mapping[str, Row]
    allocations: Mapping[str, list[Row]]
    splits: Mapping[str, list[Row]]
    kept: Sequence[Kept]
    terms: Terms
    parties: Mapping[str, Party]

    def is_divided(self, collection_id: str) -> bool:
        return bool(self.splits.get(collection_id)) or self.collections[collection_id]["released_minor"] > 0


async def split_kept(context: Context, asked: AskKept) -> int:
    """Divide what an order keeps, all or nothing; how much of it, in minor units.

    `kept_changed`, `order_not_releasable`, `refund_waits_for_split`, `freeze_over`, `not_kept`, `party_not_declared`,
    `merchant_not_payable`, `share_above_cap`, `fee_above_contract`.
    """
    if (asked.parts is None) == (not asked.rule_id) or (asked.parts is not None and asked.amount_minor is not None):
        raise InvalidRequest("name the parts, or a rule and how much of it", param="parts")
    caps = await _caps(context, asked.order_id)
    async with context.transaction() as tx:
        now = await context.now(tx)
        facts = await _facts(context, tx, asked.order_id)
        kept = sum(one.left_minor for one in facts.kept)
        if asked.seen_minor is not None and asked.seen_minor != kept:
            raise KeptChanged(kept_minor=kept, param="kept")
        require_frozen(facts.kept, now)
        parts, rule_version = await _parts(tx, asked, facts)
        await _check(tx, facts, parts, caps)
        await _write(context, tx, asked, facts, parts, rule_version, now)
        if facts.order["state"] == "released":
            await release(context, tx, [asked.order_id], delivered={}, again=True)
    return sum(part.amount_minor for each in parts.values() for part in each)


async def _caps(context: Context, order_id: str) -> dict[str, Fraction | None]:
    """The largest share to others of the order's collections, by the number of their merchant; asked outside the effect."""
    async with replace(context, once=None).transaction() as tx:
        rows = await order_store.collections_of(tx, [order_id])
    if not rows or not rows[0]["merchant_ref"]:
        return {}
    terms = await terms_of(context.runtime, context.org_id, {rows[0]["channel_id"]})
    return await share_caps(context, terms[rows[0]["channel_id"]], {row["merchant_ref"] for row in rows})


async def _facts(context: Context, tx: Tx, order_id: str) -> _Facts:
    (order,) = await locked_orders(tx, [order_id])
    if order["state"] not in ("paid", "released"):
        raise OrderNotReleasable(f"{order_id} is {order['state']}", param="order", order=order_id)
    if await order_store.orders_with_open_refunds(tx, [order_id]):
        raise RefundWaits("a refund of the order is on its way", param="order")
    rows = await order_store.collections_of(tx, [order_id], lock=True)
    allocations = await split_store.allocations_of(tx, [row["id"] for row in rows])
    splits: dict[str, list[Row]] = {}
    for split in await split_store.splits_of(tx, [order_id]):
        if split["state"] in STANDS:
            splits.setdefault(split["collection_id"], []).append(split)
    kept = [
        Kept(row["id"], row["owner_id"], part["amount_minor"] - part["reversed_minor"], row["freeze_ends_at"])
        for row in rows
        for part in allocations.get(row["id"], ())
        if part["party"] == KEPT and not part["closed"] and part["amount_minor"] > part["reversed_minor"]
    ]
    terms = (await terms_of(context.runtime, context.org_id, {order["channel_id"]}))[order["channel_id"]]
    declared = [party for _, party in await order_store.parties_of(tx, order_id)]
    parties = await read_parties(tx, order["channel_id"], sorted({*declared} - {FEE}))
    return _Facts(order, {row["id"]: row for row in rows}, allocations, splits, kept, terms, parties)


async def _parts(tx: Tx, asked: AskKept, facts: _Facts) -> tuple[dict[str, list[Part]], int | None]:
    declared = await order_store.parties_of(tx, asked.order_id)
    if asked.parts is not None:
        return named_parts(asked.parts, facts.kept, declared), None
    found = await active_rules(tx, [asked.rule_id])
    if asked.rule_id not in found:
        raise UnknownRule(f"no version of {asked.rule_id} is active", param="rule")
    version, rule = found[asked.rule_id]
    if rule.currency != facts.order["currency"]:
        raise InvalidRequest("the rule is for another currency than the order", param="rule")
    attributes = {key: party.attributes for key, party in facts.parties.items()}
    return parts_by_rule(rule, asked.amount_minor, facts.kept, declared, attributes), version


async def _check(tx: Tx, facts: _Facts, parts: Mapping[str, list[Part]], caps: Mapping[str, Fraction | None]) -> None:
    """Who may be paid, the channel's caps, the contract on the platform's part (K8)."""
    for collection_id, mine in parts.items():
        row, before = facts.collections[collection_id], facts.allocations[collection_id]
        for part in mine:
            if part.party != FEE:
                require_payable(facts.parties, part.party)
        sent = [part for part in mine if facts.terms.has_owner or part.party != FEE]
        requests = len(facts.splits.get(collection_id, ())) + len(list(requests_of(sent, facts.terms.capabilities)))
        require_at_most(requests + 1, facts.terms.capabilities.requests_per_order_max, TooManyRequests)
        if row["owner_id"]:
            shared = sum(p["amount_minor"] for p in before if p["party"] not in (KEPT, row["owner_id"]))
            cap = caps.get(row["merchant_ref"])
            require_share(mine, row["owner_id"], shared, row["amount_minor"], row["refunded_minor"], cap)
    rates = await fee_rates(tx, [facts.order["channel_id"]], facts.order["placed_at"])
    if facts.order["channel_id"] in rates:
        fee = sum(part.amount_minor for mine in parts.values() for part in mine if part.party == FEE)
        fee += sum(
            p["amount_minor"] + p["fee_borne_minor"]
            for each in facts.allocations.values()
            for p in each
            if p["party"] == FEE
        )
        collected = sum(row["amount_minor"] for row in facts.collections.values())
        check_fee(fee, collected, rates[facts.order["channel_id"]]["rate_bps"])


async def _write(
    context: Context,
    tx: Tx,
    asked: AskKept,
    facts: _Facts,
    parts: Mapping[str, list[Part]],
    rule_version: int | None,
    at: datetime,
) -> None:
    """The kept parts shrink, the new ones stand behind the others; a fee that needs no split is booked here."""
    less, added, said = [], [], []
    items: list[Item] = []
    moves = []
    for collection_id, mine in parts.items():
        row, rows = facts.collections[collection_id], facts.allocations[collection_id]
        kept = next(p["position"] for p in rows if p["party"] == KEPT)
        less.append((collection_id, kept, sum(part.amount_minor for part in mine)))
        for position, part in enumerate(mine, rows[-1]["position"] + 1):
            books = part.party == FEE and not facts.terms.has_owner and facts.is_divided(collection_id)
            added.append((collection_id, position, asked.order_id, part.party, part.amount_minor, part.role, books))
            said.append((collection_id, position, part.role, part.party, part.amount_minor))
            if books:
                event = Event(f"fee:{collection_id}:{position}", asked.order_id, collection_id, at)
                holder = Holder(row["channel_id"], row["currency"])
                items += split_applied(holder, event, asked.order_id, {FEE: part.amount_minor})
                moves.append((collection_id, -part.amount_minor, part.amount_minor, 0, 0))
    await split_store.divide_kept(tx, less, added)
    await split_store.insert_kept_parts(
        tx, asked.order_id, said, rule_id=asked.rule_id, rule_version=rule_version, reason=asked.reason,
        by=context.actor.name, at=at,
    )  # fmt: skip
    if moves:
        await order_store.move_escrow(tx, moves)
    data = {"amount": sum(one[2] for one in less), "currency": facts.order["currency"]}
    await emit(tx, [NewEvent("order.kept_divided", asked.order_id, at, data)], actor=context.actor.name)
    require_posted(await post(tx, items))
