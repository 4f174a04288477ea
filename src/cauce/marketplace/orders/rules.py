"""Orders as values: lines with their seller, payments, how a payment is cut where each seller collects himself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from cauce.kernel.currencies import exponent_of
from cauce.kernel.errors import Conflict, InvalidRequest, NotFound
from cauce.kernel.machine import BEGIN, Machine, Transition, steps

LINES_MAX = 500
PAYMENTS_MAX = 50
AMOUNT_MAX_MINOR = 10**15
CLOCKS_APART = timedelta(days=2)
"""How far ahead of ours, and in another zone, the clock may be by which a payment is recorded."""


class GoodsKind(StrEnum):
    """What is sold (K21)."""

    PHYSICAL = "physical"
    SERVICE = "service"
    VIRTUAL = "virtual"


class ReleaseOn(StrEnum):
    """What frees an order's money: confirmed delivery, some days after payment, or a person."""

    DELIVERY = "delivery"
    DAYS = "days"
    HAND = "hand"


class UnknownOrder(NotFound):
    """There is no such order."""

    code = "unknown_order"


class OrderMalformed(InvalidRequest):
    """The order cannot be taken as it stands."""

    code = "order_malformed"


class OrderNumberTaken(Conflict):
    """Another order has this external number already."""

    code = "order_number_taken"


class OrderNotReleasable(Conflict):
    """The order's money cannot be released in its present state."""

    code = "order_not_releasable"


class PaymentNotAsked(Conflict):
    """The payer was not asked yet: cancel the order."""

    code = "payment_not_asked"


PURCHASE = Machine(
    "order",
    ("created", "paid", "releasing", "released", "canceled"),
    (
        *steps("create", (BEGIN,), "created"),
        Transition("pay", "created", "pay", "paid"),
        Transition("release", "paid", "release", "releasing"),
        Transition("split_kept", "released", "split_kept", "releasing"),
        Transition("finish", "releasing", "finish", "released"),
        Transition("reopen", "releasing", "reopen", "paid"),
        *steps("cancel", ("created", "paid", "releasing", "released"), "canceled"),
    ),
)

COLLECTION = Machine(
    "collection",
    (
        "created", "requires_action", "pending", "paid", "cleared", "partially_refunded", "refunded", "failed",
        "expired", "canceled",
    ),
    (
        *steps("create", (BEGIN,), "created"),
        *steps("ask_payer", ("created", "pending"), "requires_action"),
        *steps("wait", ("created", "requires_action"), "pending"),
        *steps("pay", (BEGIN, "created", "requires_action", "pending"), "paid"),
        *steps("fail", ("created", "requires_action", "pending"), "failed"),
        *steps("expire", ("created", "requires_action"), "expired"),
        *steps("cancel", ("created", "requires_action", "pending"), "canceled"),
        *steps("clear", ("paid",), "cleared"),
        *steps("refund_part", ("paid", "cleared", "partially_refunded"), "partially_refunded"),
        *steps("refund_rest", ("paid", "cleared", "partially_refunded"), "refunded"),
        *steps("refund_undone", ("partially_refunded", "refunded"), "paid"),
    ),
)  # fmt: skip

OPEN_COLLECTION = ("created", "requires_action", "pending")


@dataclass(frozen=True, slots=True)
class NewLine:
    """What one seller sells: `price_minor` is divided by the rule, `freight_minor` is wholly the seller's.

    `subsidy_minor` is what the platform adds for it out of its own money, wholly the seller's; the payer owes nothing of it.
    """

    seller_id: str
    price_minor: int
    freight_minor: int = 0
    goods_kind: GoodsKind = GoodsKind.PHYSICAL
    description: str = ""
    subsidy_minor: int = 0

    @property
    def amount_minor(self) -> int:
        """What the payer owes for the line."""
        return self.price_minor + self.freight_minor


@dataclass(frozen=True, slots=True)
class Payer:
    """What a channel may need to let somebody pay: who he is there, where his browser comes back, its address, his time limit."""

    ref: str = ""
    return_url: str = ""
    client_ip: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewPayment:
    """One payment of an order. With `ref` (the provider's number) it is recorded as paid, at `paid_at`, with `fee_minor`."""

    amount_minor: int
    method: str = ""
    ref: str = ""
    paid_at: datetime | None = None
    fee_minor: int = 0
    payer: Payer | None = None
    from_balance_of: str = ""  # the member whose own balance at the holder pays (T24)


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order to take. `parties` names the other parties of its rule by role; no `payments`: one over the total.

    `deliver_at` and `cancel_at` are for orders whose later life is known beforehand (imports): they happen then.
    """

    external_id: str
    channel_id: str
    currency: str
    lines: tuple[NewLine, ...]
    rule_id: str
    placed_at: datetime
    payments: tuple[NewPayment, ...] = ()
    parties: Mapping[str, str] = field(default_factory=dict)
    release_on: ReleaseOn = ReleaseOn.DELIVERY
    release_days: int = 0
    deliver_at: datetime | None = None
    cancel_at: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def total_minor(self) -> int:
        """What the lines say."""
        return sum(line.amount_minor for line in self.lines)


@dataclass(frozen=True, slots=True)
class PlannedCollection:
    """One collection to make: which payment it is of, and for channels with an order's own merchant, whose."""

    id: str
    payment: NewPayment
    amount_minor: int
    owner_id: str = ""
    merchant_ref: str = ""
    subsidy_minor: int = 0
    combined_id: str = ""  # the payment that is for several sellers' collections


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """An order with its id, the rule's version and its collections."""

    id: str
    order: NewOrder
    rule_version: int
    collections: tuple[PlannedCollection, ...]

    @property
    def is_paid(self) -> bool:
        """Whether every payment arrived already."""
        return all(one.payment.ref for one in self.collections)


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of one payment that belongs to one seller's collection."""

    payment: int
    seller_id: str
    amount_minor: int


def check_order(order: NewOrder, now: datetime) -> None:
    """`OrderMalformed` with the first thing that is wrong; `now` is org time.

    A payment that is recorded as made lies in the past: one of the future would be frozen, and late, when nobody looks (K14).
    """
    exponent_of(order.currency)
    if not 1 <= len(order.lines) <= LINES_MAX:
        raise OrderMalformed(f"an order has 1 to {LINES_MAX} lines", param="lines")
    if len(order.payments) > PAYMENTS_MAX:
        raise OrderMalformed(f"an order has at most {PAYMENTS_MAX} payments", param="payments")
    for line in order.lines:
        if any(type(one) is not int for one in (line.price_minor, line.freight_minor, line.subsidy_minor)):
            raise OrderMalformed("an amount is an integer of minor units", param="lines")
        if (
            line.price_minor < 0
            or line.freight_minor < 0
            or line.subsidy_minor < 0
            or line.amount_minor > AMOUNT_MAX_MINOR
        ):
            raise OrderMalformed("a line's amounts are not negative and below the limit", param="lines")
        if not line.seller_id:
            raise OrderMalformed("every line names its seller", param="lines")
    if order.total_minor == 0:
        raise OrderMalformed("an order of nothing collects nothing", param="lines")
    if any(type(one.amount_minor) is not int or one.amount_minor < 0 for one in order.payments):
        raise OrderMalformed("a payment is an integer of minor units, not negative", param="payments")
    if any(one.amount_minor > AMOUNT_MAX_MINOR for one in order.payments):
        raise OrderMalformed("a payment is below the limit", param="payments")
    if any(one.ref and (one.paid_at or order.placed_at) > now + CLOCKS_APART for one in order.payments):
        raise OrderMalformed("a payment that is recorded was not made in the future", param="payments")
    if any(type(one.fee_minor) is not int or not 0 <= one.fee_minor <= one.amount_minor for one in order.payments):
        raise OrderMalformed("the provider's fee is part of its payment", param="payments")
    if order.payments and not any(one.amount_minor for one in order.payments):
        raise OrderMalformed("the payments of an order are not all zero", param="payments")


def payments_of(order: NewOrder) -> list[NewPayment]:
    """The payments that move money: those stated, without the ones of zero, or one over the total."""
    return [one for one in order.payments if one.amount_minor] or [NewPayment(order.total_minor)]


def seller_totals(order: NewOrder) -> dict[str, int]:
    """What each seller's lines sum to, in the order in which the sellers first appear."""
    totals: dict[str, int] = {}
    for line in order.lines:
        totals[line.seller_id] = totals.get(line.seller_id, 0) + line.amount_minor
    return totals


def cut_by_seller(payments: Sequence[int], totals: Mapping[str, int]) -> list[Cut]:
    """Payments poured into the sellers' totals in order; the last seller takes what the payments differ by.

    For channels where each collection belongs to one merchant: every unit of money is one seller's from the start.
    """
    cuts: list[Cut] = []
    sellers = list(totals)
    last, place, room = len(sellers) - 1, 0, totals[sellers[0]] if sellers else 0
    for index, amount in enumerate(payments):
        left = amount
        while left:
            while room == 0 and place < last:
                place += 1
                room = totals[sellers[place]]
            taken = left if place == last else min(left, room)
            cuts.append(Cut(index, sellers[place], taken))
            left, room = left - taken, max(room - taken, 0)
    return cuts


def next_step(
    release_on: ReleaseOn,
    days: int,
    placed_at: datetime,
    paid_at: datetime | None,
    deliver_at: datetime | None,
    cancel_at: datetime | None,
) -> tuple[str | None, datetime | None]:
    """What an order waits for and when it is due; nothing when somebody must say so."""
    if paid_at is None:
        return "collect", placed_at
    if cancel_at is not None:
        return "cancel", max(cancel_at, paid_at)
    if release_on is ReleaseOn.DAYS:
        return "release", paid_at + timedelta(days=days)
    if release_on is ReleaseOn.DELIVERY and deliver_at is not None:
        return "deliver", max(deliver_at, paid_at)
    return None, None
