"""The provider's own books beside ours: each seller, each order, the platform's fee; and what is left open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cauce.ledger import reading
from cauce.ledger.reading import Standing
from cauce.ledger.rules import Book
from cauce.marketplace.orders import store as order_store
from cauce.storage import jobs
from tests.flows.marketplace.programs import UNDER_WAY, Place, Program

PARKED = ("escrow:", "refund_in_transit", "payout_in_transit", "fee")


async def differences(place: Place) -> list[str]:
    """Where the two sides differ, with the log of the program concerned; empty when they are equal to the cent."""
    async with place.stage.context.transaction() as tx:
        standings = await reading.standings(tx, rows_max=100_000)
        open_instructions = await tx.rows(UNDER_WAY, tx.org)
        buried = await jobs.buried(tx)
    ours = [one for one in standings if one.account.book is Book.CUSTODY]
    books = await place.stage.control.books(place.provider, postings=False)
    theirs = Counter({one["account"]: one["balance_minor"] for one in books["balances"]})
    wrong = [f"the simulator's own books: {books['wrong']}"] if books["wrong"] else []
    calls = await place.stage.control.calls(place.provider) if open_instructions else []
    for row in open_instructions:
        mine = [one for one in calls if row["key"] in f"{one['key']} {one['path']} {one['query']} {one['body']}"]
        wrong += [f"still open: {dict(row)}", *(f"    {one}" for one in mine)]
    wrong += [f"buried: {dict(row)}" for row in buried]
    for program in place.programs:
        found = _sellers(place, program, ours, theirs)
        found += await _parked(place, program, ours)
        if place.provider == "wechat":
            found += await _frozen(place, program, ours, theirs)
        if found:
            wrong += [f"program {program.seed}", *found, *(f"    {line}" for line in program.log)]
    if place.provider == "stripe":
        wrong += _pool(ours, theirs)
    return wrong


def _sellers(place: Place, program: Program, ours: Sequence[Standing], theirs: Counter[str]) -> list[str]:
    found = []
    for merchant_id in (*program.sellers, program.agent):
        ref = place.refs[merchant_id]
        mine = sum(one.normal_minor for one in ours if one.account.code.startswith(f"member:{merchant_id}:"))
        his = sum(
            minor
            for code, minor in theirs.items()
            if ref in code.split("/") and "frozen" not in code and "outside" not in code
        )
        if mine != his:
            found.append(f"  {merchant_id}: ours {mine}, theirs {his}")
    return found


async def _frozen(place: Place, program: Program, ours: Sequence[Standing], theirs: Counter[str]) -> list[str]:
    """An order's escrow is what is frozen of its collections (WeChat Pay answers order by order)."""
    async with place.stage.context.transaction() as tx:
        rows = await order_store.collections_of(tx, program.order_ids)
    found = []
    for order_id in program.order_ids:
        mine = sum(one.normal_minor for one in ours if one.account.code == f"escrow:{order_id}")
        keys = {row["id"] for row in rows if row["order_id"] == order_id}
        his = sum(minor for code, minor in theirs.items() if code.rpartition("/")[2] in keys and "frozen" in code)
        escrow = sum(row["escrow_minor"] for row in rows if row["order_id"] == order_id)
        if not mine == his == escrow:
            found.append(f"  {order_id}: ours {mine}, theirs {his}, its collections {escrow}")
    return found


async def _parked(place: Place, program: Program, ours: Sequence[Standing]) -> list[str]:
    """What collections say they hold in escrow is what the ledger says, order by order."""
    async with place.stage.context.transaction() as tx:
        rows = await order_store.collections_of(tx, program.order_ids)
    said: Counter[str] = Counter()
    for row in rows:
        said[row["order_id"]] += row["escrow_minor"]
    found = []
    for order_id in program.order_ids:
        booked = sum(one.normal_minor for one in ours if one.account.code == f"escrow:{order_id}")
        if said[order_id] != booked:
            found.append(f"  {order_id}: its collections {said[order_id]}, the ledger {booked}")
            found += [f"    {dict(row)}" for row in rows if row["order_id"] == order_id]
    return found


def _pool(ours: Sequence[Standing], theirs: Counter[str]) -> list[str]:
    """What is parked with a card scheme lies in the platform's balance there."""
    mine = sum(one.normal_minor for one in ours if one.account.code.startswith(PARKED))
    his = sum(minor for code, minor in theirs.items() if code.startswith("platform/"))
    return [] if mine == his else [f"parked: ours {mine}, theirs {his}"]
