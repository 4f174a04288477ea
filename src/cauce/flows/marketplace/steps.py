"""The marketplace's jobs, sweeps, event flows and concluders, by the names that work is stored under."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import groupby

from cauce.flows.context import JobKind, Runtime, SubjectLock, SweepKind
from cauce.flows.instruct import Concluder
from cauce.flows.marketplace import bounced
from cauce.flows.marketplace.accounts import account_told
from cauce.flows.marketplace.applied import conclude_splits
from cauce.flows.marketplace.cancel import cancel_due, conclude_closings
from cauce.flows.marketplace.collected import CLOSE, conclude_collections, conclude_combined
from cauce.flows.marketplace.combining import COLLECT_COMBINED
from cauce.flows.marketplace.daily import DAILY_JOB, daily_due, reconcile_day
from cauce.flows.marketplace.disputed import DISPUTE_JOB, book_dispute, dispute_told
from cauce.flows.marketplace.freeze import freeze_due
from cauce.flows.marketplace.funding import REFUND, fund_refund
from cauce.flows.marketplace.funds import FUND, conclude_funding
from cauce.flows.marketplace.mismatches import open_cases
from cauce.flows.marketplace.onboarding import OPEN_ACCOUNT, conclude_accounts
from cauce.flows.marketplace.orders import COLLECT, begin_collections
from cauce.flows.marketplace.pay_out import conclude_payouts
from cauce.flows.marketplace.recoveries import RECOVER, conclude_recoveries
from cauce.flows.marketplace.refunded import NEXT_WINDOW_JOB, conclude_refunds
from cauce.flows.marketplace.release import release_due
from cauce.flows.marketplace.resend import SEND_AGAIN_JOB, send_parts_again
from cauce.flows.marketplace.retries import retry_in_window
from cauce.flows.marketplace.returned import payout_told
from cauce.flows.marketplace.returns import conclude_reversals
from cauce.flows.marketplace.reversals import REVERSE
from cauce.flows.marketplace.settle import PAYOUT, settle_due
from cauce.flows.marketplace.split_requests import FINISH, SPLIT
from cauce.flows.marketplace.subsidies import RETURN_JOB, SUBSIDISE, conclude_subsidies, return_subsidies
from cauce.gateway.reporting import NoticeKind
from cauce.marketplace.compliance import store as compliance_store
from cauce.marketplace.compliance.service import notify_expiry
from cauce.marketplace.orders import store as order_store
from cauce.marketplace.orders.refunding import FUND_JOB
from cauce.marketplace.reconciliation import daily as daily_store
from cauce.marketplace.settlement import store as settlement_store
from cauce.storage.database import Row, Tx

DAILY_SECONDS_MAX = 6 * 3_600
"""A day's statements of a large channel."""


async def _orders_due(runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    """Orders whose next step is due, step by step."""
    waiting = [row for row in rows if row["next_step"] == "collect"]
    for org_id, group in groupby(sorted(waiting, key=lambda row: row["org_id"]), key=lambda row: row["org_id"]):
        await begin_collections(tx.within(org_id), [row["key"] for row in group])
    await release_due(runtime, tx, [row for row in rows if row["next_step"] in ("deliver", "release")])
    await cancel_due(runtime, tx, [row for row in rows if row["next_step"] == "cancel"])


async def _licences_due(_runtime: Runtime, tx: Tx, rows: list[Row]) -> None:
    for org_id, group in groupby(sorted(rows, key=lambda row: row["org_id"]), key=lambda row: row["org_id"]):
        await notify_expiry(tx.within(org_id), list(group))


JOBS: dict[str, JobKind] = {
    FUND_JOB: JobKind(fund_refund),
    NEXT_WINDOW_JOB: JobKind(retry_in_window),
    RETURN_JOB: JobKind(return_subsidies),
    SEND_AGAIN_JOB: JobKind(send_parts_again),
    DISPUTE_JOB: JobKind(book_dispute),
    bounced.LOOK_JOB: JobKind(bounced.look_again),
    DAILY_JOB: JobKind(reconcile_day, timeout_seconds=DAILY_SECONDS_MAX),
}

SWEEPS: tuple[SweepKind, ...] = (
    SweepKind(order_store.DUE, _orders_due),
    SweepKind(settlement_store.DUE, settle_due),
    SweepKind(compliance_store.DUE, _licences_due),
    SweepKind(order_store.FREEZE, freeze_due),
    SweepKind(daily_store.DUE, daily_due),
)

EVENT_FLOWS: dict[str, tuple[str, ...]] = {}

SUBJECT_LOCKS: dict[str, SubjectLock] = dict.fromkeys(
    (COLLECT, COLLECT_COMBINED, CLOSE, SPLIT, FINISH, REFUND, REVERSE, RECOVER, SUBSIDISE), order_store.lock_orders
)
"""Everything that touches an order's money takes the order first: two transactions never wait for each other in a ring."""

CONCLUDERS: dict[str, Concluder] = {
    COLLECT: conclude_collections,
    COLLECT_COMBINED: conclude_combined,
    FUND: conclude_funding,
    OPEN_ACCOUNT: conclude_accounts,
    CLOSE: conclude_closings,
    SPLIT: conclude_splits,
    FINISH: conclude_splits,
    PAYOUT: conclude_payouts,
    REFUND: conclude_refunds,
    REVERSE: conclude_reversals,
    RECOVER: conclude_recoveries,
    SUBSIDISE: conclude_subsidies,
}

MISMATCHED = open_cases

NOTICES: dict[NoticeKind, Callable[..., Awaitable[None]]] = {
    NoticeKind.ACCOUNT: account_told,
    NoticeKind.PAYOUT: payout_told,
    NoticeKind.REFUND: bounced.refund_told,
    NoticeKind.DISPUTE: dispute_told,
}
