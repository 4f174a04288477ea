"""Giving money back to payers, and paying second-level merchants out to their banks."""

from __future__ import annotations

from cauce.gateway.accounts import Payout, PayoutRequest
from cauce.gateway.collecting import FetchRequest, Refund, RefundRequest
from cauce.gateway.outcome import Outcome
from cauce.providers.wechat.desk import Desk
from cauce.providers.wechat.mapping import addresses, refunds
from cauce.providers.wechat.mapping.texts import checked_key, withdrawal_number


async def refund(desk: Desk, request: RefundRequest) -> Outcome[Refund]:
    """Give money back; from the frozen money while the order is open, from the merchant's own afterwards."""
    body = refunds.refund_body(desk.contract, request)
    reply = await desk.wire.tell("refund", addresses.refund(desk.contract), body, request.key)
    return desk.told("refund", reply, refunds.refund_of)


async def fetch_refund(desk: Desk, request: FetchRequest) -> Outcome[Refund]:
    """What became of a refund."""
    target = addresses.refund_query(desk.contract, checked_key(request.key), request.merchant_ref)
    reply = await desk.wire.ask("refund.fetch", target, request.key)
    return desk.told("refund", reply, refunds.refund_of)


async def payout(desk: Desk, request: PayoutRequest) -> Outcome[Payout]:
    """Withdraw a second-level merchant's money to the bank account that WeChat Pay has of him."""
    body = refunds.withdrawal_body(request)
    reply = await desk.wire.tell("payout", addresses.withdraw(), body, request.key)
    return desk.told("payout", reply, lambda answer: refunds.withdrawal_of({"amount": body["amount"], **answer}))


async def fetch_payout(desk: Desk, request: FetchRequest) -> Outcome[Payout]:
    """What became of a withdrawal."""
    target = addresses.withdraw_query(withdrawal_number(request.key), request.merchant_ref)
    reply = await desk.wire.ask("payout.fetch", target, request.key)
    return desk.told("payout", reply, refunds.withdrawal_of)
