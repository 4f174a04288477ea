"""Payouts at the simulated Stripe: from a balance to a bank, paid a day later or failing there."""

from __future__ import annotations

from datetime import UTC, timedelta

from cauce.providers.stripe.simulator import balance
from cauce.providers.stripe.simulator.desk import Desk, Obj, merge_metadata
from cauce.providers.stripe.simulator.errors import StripeError, wrong_state
from cauce.providers.stripe.simulator.params import LISTED, params
from cauce.providers.stripe.simulator.views import listed

CREATE = params("amount!:int currency! method destination source_type statement_descriptor description metadata:map")
UPDATE = params("metadata:map")
LIST = params(f"{LISTED} status arrival_date:any destination")
NONE = params("")

FAILURES = {
    "000111111116": "no_account", "000111111113": "account_closed", "000222222227": "insufficient_funds",
    "000333333335": "debit_not_authorized", "000444444440": "invalid_currency",
}  # fmt: skip
"""Account numbers whose payouts fail, with the code (protocols/stripe.md §10, read 2026-11)."""

RECONCILED_AFTER_SECONDS = 3600


def create(desk: Desk) -> Obj:
    """POST /v1/payouts of the account acted for; at most what is available."""
    given = desk.params
    amount, currency = given["amount"], given["currency"].lower()
    if not isinstance(amount, int) or amount < 1:
        raise StripeError(400, "Invalid positive integer", code="parameter_invalid_integer", param="amount")
    bank = _bank(desk, currency)
    if desk.account and not desk.tenant.shelf("account")[desk.account]["payouts_enabled"]:
        raise StripeError(400, "Payouts are not enabled for this account.", code="payouts_not_allowed")
    if balance.held(desk, desk.account, currency, "available") < amount:
        raise StripeError(400, "You have insufficient funds in your Stripe account for this payout.",
                          code="balance_insufficient")  # fmt: skip
    payout = start(desk, amount, currency, bank, automatic=False)
    payout["description"] = given.get("description")
    payout["statement_descriptor"] = given.get("statement_descriptor")
    merge_metadata(payout, given.get("metadata"))
    desk.emit("payout.created", payout)
    return payout


def _bank(desk: Desk, currency: str) -> Obj | None:
    if not desk.account:
        return None  # the platform's own bank account is not modelled
    wanted = desk.params.get("destination")
    banks = desk.tenant.shelf("account")[desk.account]["external_accounts"]["data"]
    fitting = [b for b in banks if wanted in (None, b["id"]) and b["currency"] == currency]
    if not fitting:
        raise StripeError(400, f"Sorry, you don't have any external accounts in that currency ({currency}).",
                          code="no_account" if wanted is None else "resource_missing", param="destination")  # fmt: skip
    first: Obj = fitting[0]
    return first


def start(desk: Desk, amount: int, currency: str, bank: Obj | None, *, automatic: bool) -> Obj:
    """Take the money off the balance; it is on its way from the next midnight."""
    midnight = desk.tenant.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    leaves_at = midnight + timedelta(days=1)
    payout = desk.make(
        "payout",
        {
            "amount": amount,
            "application_fee": None,
            "application_fee_amount": None,
            "arrival_date": int((leaves_at + timedelta(days=1)).timestamp()),
            "automatic": automatic,
            "currency": currency,
            "description": None,
            "destination": bank["id"] if bank else None,
            "failure_balance_transaction": None,
            "failure_code": None,
            "failure_message": None,
            "method": "standard",
            "original_payout": None,
            "reconciliation_status": "in_progress" if automatic else "not_applicable",
            "reversed_by": None,
            "source_type": "card",
            "statement_descriptor": None,
            "status": "pending",
            "trace_id": None,
            "type": "bank_account",
            "_number": bank["_number"] if bank else "",
        },
    )
    row = balance.row(
        desk, account=desk.account, type="payout", amount=-amount, currency=currency, source=payout["id"],
        against="outside/banks",
    )  # fmt: skip
    row["_payout"] = payout["id"] if automatic else ""
    payout["balance_transaction"] = row["id"]
    desk.tenant.timers.set(leaves_at, "payout_leaves", f"{payout['_account']}|{payout['id']}")
    return payout


def leaves(desk: Desk, payout: Obj) -> None:
    """The money is handed to the bank."""
    if payout["status"] == "pending":
        payout["status"] = "in_transit"
        desk.tenant.later(86400, "payout_arrives", f"{payout['_account']}|{payout['id']}")
        desk.emit("payout.updated", payout, {"status": "pending"})


def arrives(desk: Desk, payout: Obj) -> None:
    """The bank has it, or refuses it."""
    if payout["status"] != "in_transit":
        return
    code = FAILURES.get(payout["_number"])
    if code:
        fail(desk, payout, code)
        return
    payout["status"] = "paid"
    desk.emit("payout.paid", payout)
    if payout["automatic"]:
        desk.tenant.later(RECONCILED_AFTER_SECONDS, "payout_reconciled", f"{payout['_account']}|{payout['id']}")


def reconciled(desk: Desk, payout: Obj) -> None:
    """The breakdown of an automatic payout is complete."""
    payout["reconciliation_status"] = "completed"
    desk.emit("payout.reconciliation_completed", payout)


def fail(desk: Desk, payout: Obj, code: str = "could_not_process") -> Obj:
    """The money comes back, also after it was said to be paid."""
    if payout["status"] in ("failed", "canceled"):
        return payout
    row = _return(desk, payout, "payout_failure")
    payout |= {"status": "failed", "failure_code": code, "failure_message": "The bank account could not be credited."}
    payout["failure_balance_transaction"] = row["id"]
    bank = desk.tenant.shelf("bank_account").get(payout["destination"] or "")
    if bank is not None:
        bank["status"] = "errored"
    desk.emit("payout.failed", payout)
    return payout


def _return(desk: Desk, payout: Obj, type: str) -> Obj:
    return balance.row(
        desk, account=desk.account, type=type, amount=payout["amount"], currency=payout["currency"],
        source=payout["id"], against="outside/banks",
    )  # fmt: skip


def cancel(desk: Desk) -> Obj:
    """POST /v1/payouts/{id}/cancel: a manual one, while pending."""
    payout = desk.get("payout", desk.id)
    if payout["status"] != "pending" or payout["automatic"]:
        raise wrong_state("payout", payout["id"], payout["status"], "canceled")
    row = _return(desk, payout, "payout_cancel")
    payout |= {"status": "canceled", "failure_balance_transaction": row["id"]}
    desk.emit("payout.canceled", payout)
    return payout


def automatic(desk: Desk, currency: str) -> Obj | None:
    """Pay out everything available, with a breakdown; None when there is nothing."""
    amount = balance.held(desk, desk.account, currency, "available")
    if amount <= 0:
        return None
    rows = [
        r
        for r in desk.all("balance_transaction")
        if r["status"] == "available" and r["currency"] == currency and not r["_payout"] and r["type"] != "payout"
    ]
    banks = desk.tenant.shelf("account")[desk.account]["external_accounts"]["data"] if desk.account else []
    payout = start(desk, amount, currency, banks[0] if banks else None, automatic=True)
    for r in rows:
        r["_payout"] = payout["id"]
    desk.emit("payout.created", payout)
    return payout


def update(desk: Desk) -> Obj:
    """POST /v1/payouts/{id}: metadata only."""
    payout = desk.get("payout", desk.id)
    merge_metadata(payout, desk.params.get("metadata"))
    desk.emit("payout.updated", payout, {})
    return payout


def retrieve(desk: Desk) -> Obj:
    """GET /v1/payouts/{id}."""
    return desk.get("payout", desk.id)


def list_all(desk: Desk) -> Obj:
    """GET /v1/payouts."""
    wanted = {n: desk.params[n] for n in ("status", "destination") if n in desk.params}
    items = (p for p in desk.all("payout") if all(p[n] == v for n, v in wanted.items()))
    return listed(desk.tenant, items, desk.params, "/v1/payouts")
