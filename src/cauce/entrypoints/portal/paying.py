"""How far the payment of one invoice is, as a page shows it: open, being asked about, waiting for the payer, paid."""

from __future__ import annotations

from dataclasses import dataclass

from cauce.gateway.outcome import Refusal
from cauce.reports import customers as customer_report
from cauce.reports import invoices
from cauce.storage.database import Row, Tx

_WORDS = {
    "": "",
    Refusal.INSUFFICIENT_FUNDS: "funds",
    Refusal.METHOD_INVALID: "method",
    Refusal.HARD: "method",
    Refusal.ACTION_REQUIRED: "action",
}
"""Classes of a refusal as a customer is told of them; the rest is a plain refusal."""


@dataclass(frozen=True, slots=True)
class Paying:
    """`goes_on`: where the payer completes what he began; `card`: the saved card that could be charged; `refused`: why not."""

    state: str  # paid, waits, goes_on, open, closed
    goes_on: str = ""
    card: str = ""
    refused: str = ""


async def paying(tx: Tx, invoice: Row) -> Paying:
    """Where this invoice stands."""
    if invoice["status"] != "open" or invoice["left_minor"] <= 0:
        return Paying("paid" if invoice["status"] == "paid" else "closed")
    attempts = await invoices.attempts(tx, invoice["id"])
    last = attempts[0] if attempts else None
    if last is not None and last["state"] in ("created", "processing"):
        action = last["next_action"] or {}
        goes_on = str(action.get("value", "")) if action.get("kind") == "redirect" else ""
        return Paying("goes_on" if goes_on else "waits", goes_on)
    usable = [row for row in await customer_report.methods(tx, invoice["customer_id"]) if row["usable"]]
    needs_payer = last is not None and last["refusal"] == Refusal.ACTION_REQUIRED
    card = f"{usable[0]['brand'] or usable[0]['kind']} •••• {usable[0]['last4']}" if usable and not needs_payer else ""
    return Paying("open", card=card, refused=_WORDS.get(last["refusal"], "declined") if last is not None else "")
