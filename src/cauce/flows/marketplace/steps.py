"""The marketplace's jobs, sweeps, event flows and concluders, by the names that work is stored under."""

from __future__ import annotations

from itertools import groupby

from cauce.flows.context import JobKind, Runtime, SweepKind
from cauce.flows.instruct import Concluder
from cauce.flows.marketplace.applied import conclude_splits
from cauce.flows.marketplace.collected import conclude_collections
from cauce.flows.marketplace.orders import COLLECT, begin_collections
from cauce.flows.marketplace.pay_out import conclude_payouts
from cauce.flows.marketplace.release import FINISH, SPLIT, release_due
from cauce.flows.marketplace.settle import PAYOUT, settle_due
from cauce.marketplace.compliance import store as compliance_store
from cauce.marketplace.compliance.service import notify_expiry
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.settlement import store as settlement_store
from cauce.storage.database import Row, Tx
from cauce.storage.sweeps import Sweep


async def _orders_due(runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """Orders whose next step is due, step by step."""
    waiting = [row for row in rows if row["next_step"] == "collect"]
    for org_id, group in groupby(sorted(waiting, key=lambda row: row["org_id"]), key=lambda row: row["org_id"]):
        await begin_collections(tx.within(org_id), [row["key"] for row in group])
    await release_due(runtime, tx, [row for row in rows if row["next_step"] in ("deliver", "release")])


async def _licences_due(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    for org_id, group in groupby(sorted(rows, key=lambda row: row["org_id"]), key=lambda row: row["org_id"]):
        await notify_expiry(tx.within(org_id), list(group))


ORDERS = Sweep(
    name="orders.due",
    rank=25,
    find=order_store.QUERIES.find_due,
    claim=order_store.QUERIES.claim_due,
    set_due=order_store.QUERIES.set_due,
    next_due=order_store.QUERIES.next_due,
)
SETTLEMENT = Sweep(
    name="settlement.due",
    rank=45,
    find=settlement_store.QUERIES.find_due,
    claim=settlement_store.QUERIES.claim_due,
    set_due=settlement_store.QUERIES.set_due,
    next_due=settlement_store.QUERIES.next_due,
)
LICENCES = Sweep(
    name="compliance.licences",
    rank=25,
    find=compliance_store.QUERIES.find_due,
    claim=compliance_store.QUERIES.claim_due,
    set_due=compliance_store.QUERIES.set_due,
    next_due=compliance_store.QUERIES.next_due,
)

JOBS: dict[str, JobKind] = {}

SWEEPS: tuple[SweepKind, ...] = (
    SweepKind(ORDERS, _orders_due),
    SweepKind(SETTLEMENT, settle_due),
    SweepKind(LICENCES, _licences_due),
)

EVENT_FLOWS: dict[str, tuple[str, ...]] = {}

CONCLUDERS: dict[str, Concluder] = {
    COLLECT: conclude_collections,
    SPLIT: conclude_splits,
    FINISH: conclude_splits,
    PAYOUT: conclude_payouts,
}
