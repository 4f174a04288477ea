"""`/v1/subscriptions/{id}/…`: changed with a preview, paused, cancelled, brought back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.catalog.rules import CancelCredit, ChangeCredit, ChangeTiming, FailedPayment, ProrationBehavior
from cauce.entrypoints.api.access import BillingWriter, Reader
from cauce.entrypoints.api.catalog import Key
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import (
    Id,
    money,
)
from cauce.entrypoints.api.shapes import (
    Amount,
    Body,
)
from cauce.entrypoints.api.subscriptions import Quantity, Reason, shown_line, shown_subscription
from cauce.flows.billing import cancel, changes, methods, pausing, resuming, trial_dates
from cauce.flows.context import Context
from cauce.pricing.changes import IntervalChange
from cauce.pricing.proration import CancellationDay

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])


class ChangeBody(Body):
    """What shall be subscribed; what is left out stays. `at` and `expect_total` hold a change to its preview.

    A later `at` is the day on which it is made. `failed_payment`: whether a change that costs money waits for it;
    `interval_change`: whether another interval begins now or keeps to the old anchor. `credit`: whether what is given back
    now stays the customer's credit or is refunded; left out: as the plan says. `change_policy`: fields of a plan's
    `policy.change` that hold for this change; what is said outright holds over them.
    """

    plan: Key | None = None
    quantities: dict[Key, Quantity] = Field(default_factory=dict)
    addons: list[Key] | None = Field(default=None, max_length=100)
    options: dict[str, Any] | None = None
    timing: ChangeTiming | None = None
    proration: ProrationBehavior | None = None
    failed_payment: FailedPayment | None = None
    at: AwareDatetime | None = None
    expect_total: Amount | None = None
    interval_change: IntervalChange | None = None
    credit: ChangeCredit | None = None
    change_policy: dict[str, Any] = Field(default_factory=dict)


class CancelBody(Body):
    """When it ends; `credit` left out: what the plan says of the unused part. `void_open` drops open invoices.

    `cancellation_day` left out: the plan says whether the day of the end is billed. All are of an end now: at the end of the period nothing is unused, and they are refused (`nothing_to_give_back`).
    """

    at: Annotated[str, Field(pattern="^(period_end|now)$")] = "period_end"
    reason: Reason = ""
    credit: CancelCredit | None = None
    void_open: bool = False
    cancellation_day: CancellationDay | None = None


class MethodBody(Body):
    """The method that is charged for this subscription; null: the customer's default."""

    payment_method: Key | None


class DecisionBody(Body):
    """Whether what waits is approved."""

    approve: bool


class PauseBody(Body):
    """From when, and until when; `resume_at` left out: until it is resumed.

    `credit`: what becomes of what was paid in advance, of a pause now; left out: as the plan says.
    """

    at: Annotated[str, Field(pattern="^(period_end|now)$")] = "now"
    resume_at: AwareDatetime | None = None
    credit: CancelCredit | None = None


class TrialBody(Body):
    """The new end of the trial; null ends it now."""

    trial_end: AwareDatetime | None


@router.post("/{subscription_id}/change")
async def change(request: Request, caller: BillingWriter, subscription_id: Id, body: ChangeBody) -> Response:
    """Change plan, quantities, add-ons or options: now with proration, or at the renewal, as the plan says or you do."""

    async def work(context: Context) -> object:
        done = await changes.change(context, _change(subscription_id, body))
        return await _changed(caller.context, done)

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.post("/{subscription_id}/change/preview")
async def preview_change(caller: Reader, subscription_id: Id, body: ChangeBody) -> dict[str, Any]:
    """What the same call without `/preview` would book, line by line; nothing is kept."""
    done = await changes.preview_change(caller.context, _change(subscription_id, body))
    return await _changed(caller.context, done)


@router.delete("/{subscription_id}/change")
async def withdraw_change(caller: BillingWriter, subscription_id: Id) -> dict[str, Any]:
    """Withdraw the change that waits for the renewal."""
    await changes.withdraw_change(caller.context, subscription_id)
    async with caller.context.transaction() as tx:
        return await shown_subscription(tx, subscription_id, caller.context)


@router.post("/{subscription_id}/cancel")
async def cancel_subscription(
    request: Request, caller: BillingWriter, subscription_id: Id, body: CancelBody
) -> Response:
    """End it at the end of its period, or now; or ask for approval where the plan wants it."""

    async def work(context: Context) -> object:
        return await _moved(caller.context, await cancel.cancel(context, _cancel(subscription_id, body)))

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.post("/{subscription_id}/cancel/preview")
async def preview_cancel(caller: Reader, subscription_id: Id, body: CancelBody) -> dict[str, Any]:
    """What the same call without `/preview` would credit, and what of the running period it would bill; nothing is kept."""
    found = await cancel.preview_cancel(caller.context, _cancel(subscription_id, body))
    return await _moved(caller.context, found)


@router.post("/{subscription_id}/undo_cancel")
async def undo_cancel(request: Request, caller: BillingWriter, subscription_id: Id) -> Response:
    """Withdraw a cancellation before its period ends."""

    async def work(context: Context) -> object:
        return await _moved(caller.context, await cancel.undo(context, subscription_id))

    return await answer_once(request, caller.context, work, status=200)


@router.post("/{subscription_id}/decide_cancel")
async def decide_cancel(request: Request, caller: BillingWriter, subscription_id: Id, body: DecisionBody) -> Response:
    """Approve or reject a cancellation that waits."""

    async def work(context: Context) -> object:
        return await _moved(caller.context, await cancel.decide(context, subscription_id, approve=body.approve))

    return await answer_once(request, caller.context, work, status=200)


@router.post("/{subscription_id}/payment_method")
async def prefer_method(request: Request, caller: BillingWriter, subscription_id: Id, body: MethodBody) -> Response:
    """Charge this method for this subscription from now on; null: the customer's default again."""

    async def work(context: Context) -> object:
        await methods.prefer(context, subscription_id, body.payment_method)
        async with caller.context.transaction() as tx:
            return await shown_subscription(tx, subscription_id, caller.context)

    return await answer_once(request, caller.context, work, status=200)


@router.post("/{subscription_id}/reactivate")
async def reactivate(request: Request, caller: BillingWriter, subscription_id: Id) -> Response:
    """Begin a new term of a canceled subscription, billed from now, without a second trial."""

    async def work(context: Context) -> object:
        return await _moved(caller.context, await cancel.reactivate(context, subscription_id))

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.post("/{subscription_id}/pause")
async def pause(request: Request, caller: BillingWriter, subscription_id: Id, body: PauseBody) -> Response:
    """Pause: its days are not billed. Now, what was paid for them becomes credit where the plan says so; or at the period's end."""

    async def work(context: Context) -> object:
        if body.at == "now":
            done = await pausing.pause_now(context, subscription_id, resume_at=body.resume_at, credit=body.credit)
        elif body.credit in (None, CancelCredit.NONE):
            done = await pausing.pause_at_end(context, subscription_id, resume_at=body.resume_at)
        else:
            raise cancel.NothingToGiveBack("a pause at the end of the period gives nothing back", param="credit")
        return await _moved(caller.context, done)

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.post("/{subscription_id}/resume")
async def resume(request: Request, caller: BillingWriter, subscription_id: Id) -> Response:
    """End a pause; the rest of the running period is billed, or a new one where the plan says so."""

    async def work(context: Context) -> object:
        return await _moved(caller.context, await resuming.resume_now(context, subscription_id))

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


@router.post("/{subscription_id}/trial")
async def move_trial(request: Request, caller: BillingWriter, subscription_id: Id, body: TrialBody) -> Response:
    """Move the end of a trial, or end it now."""

    async def work(context: Context) -> object:
        return await _moved(caller.context, await trial_dates.move_trial_end(context, subscription_id, body.trial_end))

    return await answer_once(request, caller.context, work, status=200, moves_money=True)


def _cancel(subscription_id: str, body: CancelBody) -> cancel.Cancel:
    return cancel.Cancel(
        subscription_id, body.at == "now", body.reason, body.credit, body.void_open,
        cancellation_day=body.cancellation_day,
    )  # fmt: skip


def _change(subscription_id: str, body: ChangeBody) -> changes.Change:
    addons = None if body.addons is None else tuple(body.addons)
    return changes.Change(
        subscription_id, body.plan, body.quantities, addons, body.options, body.timing, body.proration,
        body.failed_payment, body.at, body.expect_total, interval_change=body.interval_change, credit=body.credit,
        policy=body.change_policy,
    )  # fmt: skip


async def _moved(context: Context, moved: cancel.Moved) -> dict[str, Any]:
    async with context.transaction() as tx:
        shown = await shown_subscription(tx, moved.subscription_id, context)
    back = {"credited": moved.credit_minor, "refunded": moved.refunded_minor}
    given = {name: money(minor, shown["currency"]) for name, minor in back.items()}
    lines = [shown_line(line, shown["currency"]) for line in moved.lines]
    return shown | given | {"invoice": moved.invoice_id, "lines": lines}


async def _changed(context: Context, done: changes.Changed) -> dict[str, Any]:
    async with context.transaction() as tx:
        shown = await shown_subscription(tx, done.subscription_id, context)
    currency = shown["currency"]
    return {
        "object": "subscription_change",
        "id": done.change_id,
        "subscription": done.subscription_id,
        "timing": done.timing,
        "proration": done.proration,
        "effective_at": done.effective_at,
        "lines": [shown_line(line, currency) for line in done.lines],
        "total": money(done.total_minor, currency),
        "credited": money(max(0, -done.total_minor), currency),
        "refunded": money(done.refunded_minor, currency),
        "mrr": money(done.mrr_minor, currency),
        "invoice": done.invoice_id,
        "awaits_payment": done.awaits_payment,
    }
