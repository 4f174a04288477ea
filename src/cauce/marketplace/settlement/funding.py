"""Money that is not an order's: a member's own, the platform's subsidies, advances and fee sweeps, as rows with a state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from cauce.kernel.errors import Conflict, Forbidden, NotFound
from cauce.kernel.machine import BEGIN, Machine, steps
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "funding.sql")


class FundingKind(StrEnum):
    """What moves."""

    TOP_UP = "top_up"
    UNDO_TOP_UP = "undo_top_up"
    SUBSIDY = "subsidy"
    ADVANCE = "advance"
    RECOVER_ADVANCE = "recover_advance"
    FEE_SWEEP = "fee_sweep"
    ASSIGN_SUSPENSE = "assign_suspense"
    UNDO_ASSIGN = "undo_assign"
    ORDER_SUBSIDY = "order_subsidy"
    RETURN_ORDER_SUBSIDY = "return_order_subsidy"
    DROP_ORDER_SUBSIDY = "drop_order_subsidy"


PREFIXES = {
    FundingKind.TOP_UP: "mtu",
    FundingKind.UNDO_TOP_UP: "mtu",
    FundingKind.SUBSIDY: "sby",
    FundingKind.ADVANCE: "adv",
    FundingKind.RECOVER_ADVANCE: "adv",
    FundingKind.FEE_SWEEP: "swp",
    FundingKind.ASSIGN_SUSPENSE: "asg",
    FundingKind.UNDO_ASSIGN: "asg",
    FundingKind.ORDER_SUBSIDY: "osb",
    FundingKind.RETURN_ORDER_SUBSIDY: "osb",
    FundingKind.DROP_ORDER_SUBSIDY: "osb",
}
OF_ORDERS = frozenset({FundingKind.ORDER_SUBSIDY, FundingKind.RETURN_ORDER_SUBSIDY, FundingKind.DROP_ORDER_SUBSIDY})
"""What is planned with an order, not asked for by itself."""

TWO_PERSONS = frozenset(
    {
        FundingKind.SUBSIDY, FundingKind.ADVANCE, FundingKind.ASSIGN_SUSPENSE, FundingKind.UNDO_ASSIGN,
        FundingKind.ORDER_SUBSIDY,
    }
)  # fmt: skip
"""The platform's own money leaves, and money in suspense gets an owner, with a second person's approval (K15, K18)."""

FUNDING = Machine(
    "funding",
    ("requested", "submitted", "processing", "paid", "failed", "canceled"),
    (
        *steps("request", (BEGIN,), "requested"),
        *steps("submit", (BEGIN, "requested"), "submitted"),
        *steps("wait", ("submitted",), "processing"),
        *steps("pay", ("submitted", "processing"), "paid"),
        *steps("fail", ("submitted", "processing"), "failed"),
        *steps("bounce", ("paid",), "failed"),
        *steps("cancel", ("requested", "paid"), "canceled"),
    ),
)


class UnknownFunding(NotFound):
    """There is no such top-up, subsidy, advance or sweep."""

    code = "unknown_funding"


class FundingNeedsSecondPerson(Forbidden):
    """A second person approves money of the platform that goes into custody, and whose a credit in suspense is (K18)."""

    code = "funding_needs_second_person"


class TopUpSpent(Conflict):
    """At most what is left of a top-up, or of what was given out of suspense, can be undone (T18, T23)."""

    code = "top_up_spent"


@dataclass(frozen=True, slots=True)
class NewFunding:
    """One movement to make, minor units. `parent_id`: the top-up to undo, the advance to recover, the credit in suspense to
    give (`sus_`), or what was given and is taken back."""

    id: str
    kind: FundingKind
    channel_id: str
    currency: str
    amount_minor: int
    merchant_id: str = ""
    order_id: str = ""
    parent_id: str = ""


async def insert(tx: Tx, new: Sequence[NewFunding], *, actor: str, at: datetime) -> None:
    """Write movements: those that need a second person wait, the others are submitted."""
    rows = [
        (
            one.id, one.kind.value, one.channel_id, one.currency, one.merchant_id, one.order_id, one.parent_id,
            one.amount_minor, "requested" if one.kind in TWO_PERSONS else "submitted",
        )
        for one in new
    ]  # fmt: skip
    await tx.run(QUERIES.insert_funding, tx.org, *_columns(rows, 9), actor, at)


async def insert_advanced(tx: Tx, new: Sequence[tuple[NewFunding, str, str]], *, actor: str, at: datetime) -> None:
    """Write advances that are made already: each with who let it be and what it stands for."""
    rows = [
        (
            one.id, one.kind.value, one.channel_id, one.currency, one.merchant_id, one.order_id, one.parent_id,
            one.amount_minor, by, ref,
        )
        for one, by, ref in new
    ]  # fmt: skip
    await tx.run(QUERIES.insert_advanced, tx.org, *_columns(rows, 10), actor, at)


async def insert_approved(tx: Tx, new: Sequence[NewFunding], *, actor: str, approved_by: str, at: datetime) -> None:
    """Write movements that a rule of two persons has let go: they are submitted."""
    await insert(tx, new, actor=actor, at=at)
    await tx.run(QUERIES.approve_fundings, tx.org, [one.id for one in new], approved_by)


async def advances_of(tx: Tx, refund_ids: Sequence[str]) -> dict[str, list[Row]]:
    """The advances that stand for these refunds, locked, by refund; with what of each is on its way back."""
    found: dict[str, list[Row]] = {}
    for row in await tx.rows(QUERIES.advances_of, tx.org, list(refund_ids)):
        found.setdefault(row["parent_id"], []).append(row)
    return found


async def advances_under_way(tx: Tx, refund_ids: Sequence[str]) -> set[str]:
    """Those of these refunds for which an advance is asked of the channel at this moment."""
    return {row["parent_id"] for row in await tx.rows(QUERIES.advances_under_way, tx.org, list(refund_ids))}


async def end_advances(tx: Tx, rows: Sequence[tuple[str, int]]) -> None:
    """Advances for refunds that failed: (id, what of it was repaid); one of which nothing was repaid is canceled."""
    await tx.run(QUERIES.end_advances, tx.org, *_columns(rows, 2))


async def lock(tx: Tx, ids: Sequence[str]) -> list[Row]:
    """Movements, locked in order of id."""
    return await tx.rows(QUERIES.lock_funding, tx.org, list(ids))


async def lock_one(tx: Tx, funding_id: str) -> Row:
    """One movement, locked; `UnknownFunding` otherwise."""
    rows = await lock(tx, [funding_id])
    if not rows:
        raise UnknownFunding(f"there is no {funding_id}", param="id")
    return rows[0]


async def update(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """What movements became: (id, state, ref, failure, paid_at)."""
    await tx.run(QUERIES.update_funding, tx.org, *_columns(rows, 5))


async def approve(tx: Tx, row: Row, actor: str) -> None:
    """A second person lets a movement go."""
    FUNDING.step(row["state"], "submit")
    if actor == row["requested_by"]:
        raise FundingNeedsSecondPerson(param="actor")
    await tx.run(QUERIES.approve_funding, tx.org, row["id"], actor)


async def spend(tx: Tx, amounts: Mapping[str, int]) -> None:
    """Of these top-ups so much was undone, of these advances recovered."""
    await tx.run(QUERIES.spend_funding, tx.org, list(amounts), list(amounts.values()))


async def open_subsidies(tx: Tx, order_ids: Sequence[str]) -> list[Row]:
    """Subsidies of these orders that are on their way to them, back, or about to be given up."""
    return await tx.rows(QUERIES.open_subsidies, tx.org, list(order_ids))


async def open_advances(tx: Tx, merchant_ids: Sequence[str]) -> list[Row]:
    """Advances of these merchants that are to be recovered, locked, the oldest first."""
    return await tx.rows(QUERIES.open_advances, tx.org, list(merchant_ids))


async def page(tx: Tx, *, before: str = "", kind: str = "", merchant_id: str = "", rows_max: int = 50) -> list[Row]:
    """Movements, newest first."""
    return await tx.rows(QUERIES.fundings, tx.org, before, kind, merchant_id, rows_max)


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
