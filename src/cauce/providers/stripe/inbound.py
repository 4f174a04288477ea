"""Stripe's events: verify the raw bytes, then say in our words what happened. Pure but for the channel's secrets.

An event is a hint: it may come twice, late, or in any order. Its outcome is what the snapshot claims; whoever concludes
from it moves forward only, or asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from cauce.gateway.collecting import Operation
from cauce.gateway.errors import BadNotice
from cauce.gateway.provider import Channel
from cauce.gateway.reporting import Acknowledgement, Notice, NoticeKind, ParsedNotice
from cauce.providers.stripe import mapping, signing
from cauce.providers.stripe.cards import saved_method

Json = dict[str, Any]
Reader = Callable[[Json, Json], dict[str, Any]]

ENABLED_EVENTS = (
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.processing",
    "payment_intent.canceled",
    "setup_intent.succeeded",
    "setup_intent.setup_failed",
    "setup_intent.canceled",
    "checkout.session.completed",
    "checkout.session.expired",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.closed",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "payment_method.attached",
    "payment_method.detached",
    "payment_method.updated",
    "payment_method.automatically_updated",
    "customer.deleted",
    "account.updated",
    "account.application.deauthorized",
    "account.external_account.created",
    "account.external_account.updated",
    "account.external_account.deleted",
    "capability.updated",
    "transfer.created",
    "transfer.reversed",
    "payout.updated",
    "payout.paid",
    "payout.failed",
    "payout.canceled",
)
"""What both webhook endpoints should be enabled for: the rest would be noise."""

ACKNOWLEDGED = Acknowledgement(200, b"{}", "application/json")


def parse(channel: Channel, headers: Mapping[str, str], body: bytes, received_at: datetime) -> ParsedNotice:
    """The notice in one delivery; `BadSignature`, `StaleNotice` or `BadNotice` otherwise."""
    signing.verify(headers.get(signing.HEADER, ""), body, _secrets(channel), received_at)
    try:
        event = msgspec.json.decode(body)
        if event["object"] != "event":
            raise BadNotice(f"a {event['object']} is not an event of API v1")
        if event["livemode"] is not channel.livemode:
            raise BadNotice("the event is of the other mode")
        return ParsedNotice((normalized(event),), ACKNOWLEDGED)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as exc:
        raise BadNotice(f"the event cannot be understood: {exc}") from exc


def _secrets(channel: Channel) -> list[str]:
    """Every secret of both endpoints; several of one, parted by commas, while they are being exchanged."""
    names = ("webhook_secret", "connect_webhook_secret")
    return [secret.strip() for name in names for secret in channel.secrets.get(name, "").split(",") if secret.strip()]


def normalized(event: Json) -> Notice:
    """One event in our words; a type that we do not know becomes `OTHER`."""
    obj: Json = event["data"]["object"]
    kind, fields = _read(event["type"], obj, event)
    request = event.get("request") or {}
    key = mapping.key_of(obj) or _key_of_request(request)
    return Notice(
        event_id=event["id"],
        kind=kind,
        occurred_at=datetime.fromtimestamp(event["created"], UTC),
        **{"key": key, "ref": str(obj.get("id", "")), "merchant_ref": str(event.get("account") or ""), **fields},
    )


def _key_of_request(request: Json) -> str:
    return str(request.get("idempotency_key") or "") if isinstance(request, dict) else ""


def _read(type: str, obj: Json, event: Json) -> tuple[NoticeKind, dict[str, Any]]:
    for prefix, (kind, reader) in _READERS.items():
        if type.startswith(prefix):
            fields = reader(obj, event)
            return fields.pop("kind", kind), fields
    return NoticeKind.OTHER, {"data": {"type": type}}


def _intent(obj: Json, event: Json) -> dict[str, Any]:
    data = {
        "type": event["type"],
        "customer_ref": obj.get("customer") or "",
        "method_ref": obj.get("payment_method") or "",
    }
    if obj.get("transfer_group") or obj["metadata"].get("cauce_order"):
        outcome = mapping.collection_outcome(obj)
        return {"kind": NoticeKind.COLLECTION, "operation": Operation.COLLECT, "outcome": outcome, "data": data}
    absent = obj["metadata"].get("cauce_op") == "charge"
    return {"operation": Operation.CHARGE, "outcome": mapping.charge_outcome(obj, payer_absent=absent), "data": data}


def _setup(obj: Json, event: Json) -> dict[str, Any]:
    data = {
        "type": event["type"],
        "customer_ref": obj.get("customer") or "",
        "method_ref": obj.get("payment_method") or "",
    }
    return {"operation": Operation.SETUP, "outcome": mapping.setup_outcome(obj), "data": data}


def _session(obj: Json, event: Json) -> dict[str, Any]:
    """A page was finished or ran out; what came of it is its intent's to say, so nothing is claimed here."""
    setup = obj["mode"] == "setup"
    kind, operation = (NoticeKind.SETUP, Operation.SETUP) if setup else (NoticeKind.CHARGE, Operation.CHARGE)
    if not setup and obj["metadata"].get("cauce_order"):
        kind, operation = NoticeKind.COLLECTION, Operation.COLLECT
    return {"kind": kind, "operation": operation, "data": {"type": event["type"], "status": obj["status"]}}


def _refund(obj: Json, event: Json) -> dict[str, Any]:
    data = {"type": event["type"], "collection_ref": obj.get("payment_intent") or ""}
    return {"operation": Operation.REFUND, "outcome": mapping.refund_outcome(obj), "data": data}


def _dispute(obj: Json, event: Json) -> dict[str, Any]:
    amount = mapping.money_of(obj["amount"], obj["currency"])
    moved = {"charge.dispute.funds_withdrawn": -1, "charge.dispute.funds_reinstated": 1}.get(event["type"], 0)
    rows = obj.get("balance_transactions") or []
    return {
        "data": {
            "type": event["type"],
            "status": obj["status"],
            "closed": event["type"] == "charge.dispute.closed",
            "reason": obj["reason"],
            "amount_minor": amount.amount_minor,
            "currency": amount.currency,
            "money_moved": moved,  # -1 taken, 1 given back, 0 nothing: only then is anything posted
            "fee_minor": dispute_fee(rows[-1]) if moved and rows else 0,
            **(_settled(rows[-1]) if moved and rows else {}),
            "collection_ref": obj.get("payment_intent") or "",
            "respond_by": (obj.get("evidence_details") or {}).get("due_by") or 0,
        }
    }


def _settled(row: Json) -> dict[str, Any]:
    """What the newest row of a dispute moved on our balance, in the currency in which Stripe settles."""
    moved = mapping.money_of(abs(row["amount"]), row["currency"])
    return {"settled_minor": moved.amount_minor, "settled_currency": moved.currency}


def dispute_fee(row: Json) -> int:
    """The dispute's fee in our minor units: believed to stand in the `fee` of the row that takes the money."""
    return mapping.money_of(row["fee"], row["currency"]).amount_minor


def _method(obj: Json, event: Json) -> dict[str, Any]:
    before = (event["data"].get("previous_attributes") or {}).get("customer")
    return {
        "data": {
            "type": event["type"],
            "customer_ref": obj.get("customer") or before or "",
            "method": saved_method(obj),
            "attached": bool(obj.get("customer")),
        }
    }


def _account(obj: Json, event: Json) -> dict[str, Any]:
    ref = obj["id"] if obj.get("object") == "account" else str(obj.get("account") or event.get("account") or "")
    outcome = mapping.account_outcome(obj) if obj.get("object") == "account" else None
    data = {"type": event["type"], "is_about_bank": event["type"].startswith("account.external_account.")}
    fields = {"ref": ref, "merchant_ref": ref, "outcome": outcome, "data": data}
    return {**fields, "operation": Operation.OPEN_ACCOUNT}


def _transfer(obj: Json, event: Json) -> dict[str, Any]:
    """A split or its reversal moved on; the operation's own module says how far."""
    if event["type"] == "transfer.reversed":
        newest = (obj.get("reversals") or {}).get("data") or [{}]
        fields = {"key": mapping.key_of(newest[0]), "ref": str(newest[0].get("id", ""))}
        more = {"kind": NoticeKind.SPLIT_REVERSAL, "operation": Operation.REVERSE_SPLIT}
        return {**fields, **more, "parent_key": obj.get("transfer_group") or "", "data": {"type": event["type"]}}
    return {
        "operation": Operation.SPLIT,
        "parent_key": obj.get("transfer_group") or "",
        "data": {"type": event["type"]},
    }


_PAYOUT_STATES = {"pending": "sent", "in_transit": "sent", "paid": "paid", "failed": "returned", "canceled": "returned"}


def _payout(obj: Json, event: Json) -> dict[str, Any]:
    data: dict[str, Any] = {"type": event["type"], "automatic": bool(obj.get("automatic"))}
    if event.get("account") or mapping.key_of(obj):
        return {"operation": Operation.PAYOUT, "outcome": mapping.payout_outcome(obj), "data": data}
    # From our own balance to our own bank, and not by our order.
    amount = mapping.money_of(obj["amount"], obj["currency"])
    data |= {"amount_minor": amount.amount_minor, "currency": amount.currency, "state": _PAYOUT_STATES[obj["status"]]}
    data["created_at"] = datetime.fromtimestamp(obj["created"], UTC).isoformat()
    return {"kind": NoticeKind.OWN_PAYOUT, "key": "", "data": data}


def _customer(obj: Json, event: Json) -> dict[str, Any]:
    return {
        "operation": Operation.ENSURE_CUSTOMER,
        "data": {"type": event["type"], "deleted": event["type"].endswith("deleted")},
    }


_READERS: dict[str, tuple[NoticeKind, Reader]] = {
    "payment_intent.": (NoticeKind.CHARGE, _intent),
    "setup_intent.": (NoticeKind.SETUP, _setup),
    "checkout.session.": (NoticeKind.CHARGE, _session),
    "refund.": (NoticeKind.REFUND, _refund),
    "charge.dispute.": (NoticeKind.DISPUTE, _dispute),
    "payment_method.": (NoticeKind.METHOD, _method),
    "account.updated": (NoticeKind.ACCOUNT, _account),
    "capability.": (NoticeKind.ACCOUNT, _account),
    "account.application.": (NoticeKind.ACCOUNT, _account),
    "account.external_account.": (NoticeKind.ACCOUNT, _account),
    "transfer.": (NoticeKind.SPLIT, _transfer),
    "payout.": (NoticeKind.PAYOUT, _payout),
    "customer.updated": (NoticeKind.CUSTOMER, _customer),
    "customer.deleted": (NoticeKind.CUSTOMER, _customer),
}
