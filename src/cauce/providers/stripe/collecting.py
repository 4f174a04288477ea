"""Collections for orders and their division among sellers (`Collects`, `Splits`) with separate charges and transfers.

The money stands on the platform's balance at Stripe, who holds it, until a transfer gives a seller his part; a
collection that is not split later and has a merchant goes to him at once (destination charge). A part for the platform
needs no call: it is what nobody else gets.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from cauce.gateway.collecting import Collection, CollectRequest
from cauce.gateway.errors import CapabilityMissing
from cauce.gateway.outcome import Declined, Done, Outcome, Refusal, Unknown
from cauce.gateway.splitting import (
    PartState,
    ReceiverKind,
    ReverseSplitRequest,
    SplitPart,
    SplitPartResult,
    SplitRequest,
    SplitResult,
    SplitReversal,
)
from cauce.kernel.money import Money
from cauce.providers.stripe import finding, mapping
from cauce.providers.stripe.wire import Json, Refused, Wire, settled, understood

_PAGE_LIVES_MIN = timedelta(minutes=30)
_PAGE_LIVES_MAX = timedelta(hours=24)


async def collect(wire: Wire, request: CollectRequest) -> Outcome[Collection]:
    """Ask the payer for an order's money: on a page of Stripe's when there is a way back, else on our page's element."""
    tags = mapping.metadata(request.metadata, request.key, cauce_order=request.order_ref)
    common: Json = {"description": request.description or None, "metadata": tags, "transfer_group": request.key}
    if request.merchant_ref and not request.splits_later:
        common["transfer_data"] = {"destination": request.merchant_ref}
    if request.return_url:
        answer = await wire.post(
            "checkout.sessions.create", "/v1/checkout/sessions", _page(wire, request, common, tags), key=request.key
        )
        return await settled(answer, _of_session, lambda: find_collection(wire, request.key))
    fields = {
        **common,
        "amount": mapping.wire_amount(request.amount),
        "currency": request.amount.currency,
        "customer": request.payer_ref or None,
        "automatic_payment_methods": {"enabled": True},
    }
    answer = await wire.post("payment_intents.create", "/v1/payment_intents", fields, key=request.key)
    return await settled(answer, mapping.collection_outcome, lambda: find_collection(wire, request.key))


def _page(wire: Wire, request: CollectRequest, common: Json, tags: dict[str, str]) -> Json:
    price = {
        "currency": request.amount.currency,
        "unit_amount": mapping.wire_amount(request.amount),
        "product_data": {"name": request.description or request.order_ref},
    }
    return {
        "mode": "payment",
        "customer": request.payer_ref or None,
        "line_items": [{"quantity": 1, "price_data": price}],
        "success_url": request.return_url,
        "cancel_url": request.return_url,
        "client_reference_id": request.order_ref,
        "expires_at": _expiry(wire, request.expires_at),
        "metadata": tags,
        "payment_intent_data": common,
    }


def _expiry(wire: Wire, wanted: datetime | None) -> int | None:
    """The page's end, where Stripe allows that one; a sandbox has a time of its own and takes any."""
    if wanted is None:
        return None
    now = wire.kit.now()
    if wire.channel.livemode and not now + _PAGE_LIVES_MIN <= wanted <= now + _PAGE_LIVES_MAX:
        return None
    return int(wanted.timestamp())


def _of_session(session: Json) -> Outcome[Collection]:
    intent = session.get("payment_intent")
    if isinstance(intent, dict) and intent["status"] in ("succeeded", "processing", "requires_capture"):
        return mapping.collection_outcome(intent)
    if session["status"] == "expired":
        return Declined("expired", Refusal.LIFECYCLE, "the payment page expired unpaid")
    waiting = {
        "id": session["id"],
        "amount": session["amount_total"],
        "currency": session["currency"],
        "status": "requires_payment_method",
    }
    return mapping.collection_outcome(waiting, page=mapping.session_url(session))


async def find_collection(wire: Wire, key: str, ref: str = "") -> Outcome[Collection]:
    """What became of a collection, by the page or intent that stands for it."""
    if not ref.startswith(("pi_", "ch_", "py_")):
        session = await finding.session(wire, ref=ref, key=key)
        if session is not None:
            intent = session.get("payment_intent")
            ref = intent["id"] if isinstance(intent, dict) else ""
            if session["status"] != "complete" or not ref:
                return _of_session(session)
    intent = await finding.payment_intent(wire, ref=ref, key=key)
    return mapping.collection_outcome(intent) if intent else mapping.not_found(key)


async def cancel(wire: Wire, key: str) -> Outcome[Collection]:
    """Close an unpaid collection; the answer is its own state, `Done` if it was paid first."""
    session = await finding.session(wire, key=key)
    if session is not None and session["status"] == "open":
        path = f"/v1/checkout/sessions/{session['id']}/expire"
        answer = await wire.post("checkout.sessions.expire", path, {}, key=f"{key}:x")
        if not isinstance(answer, Refused):
            return understood(answer, _of_session)
    if session is None:
        intent = await finding.payment_intent(wire, key=key)
        if intent is None:
            return mapping.not_found(key)
        path = f"/v1/payment_intents/{intent['id']}/cancel"
        answer = await wire.post("payment_intents.cancel", path, {}, key=f"{key}:x")
        if not isinstance(answer, Refused) or not answer.outcome_is(Refusal.LIFECYCLE):
            return understood(answer, mapping.collection_outcome)
    return await find_collection(wire, key)


# -- transfers -------------------------------------------------------------------------------------------------------


async def split(wire: Wire, request: SplitRequest) -> Outcome[SplitResult]:
    """One transfer a part, tied to the collection's charge. A part that Stripe refuses is closed, the others stand."""
    if request.finish:
        raise CapabilityMissing("Stripe has no end of an order: say every part", needs="finishes_orders")
    charge = await finding.charge_id(wire, request.collection_ref)
    if not charge:
        return mapping.not_found(request.collection_key)
    kept = [p for p in request.parts if p.receiver_kind is ReceiverKind.PLATFORM]
    sent = [p for p in request.parts if p.receiver_kind is not ReceiverKind.PLATFORM]
    tags = {"cauce_parts": str(len(sent)), "cauce_kept": ",".join(f"{p.key}={p.amount_minor}" for p in kept)}
    results = [_kept(p.key, p.amount_minor) for p in kept]
    refused: list[Declined] = []
    finished_at: datetime | None = None
    for part in sent:
        outcome = await _transfer(wire, request, part, charge, tags)
        if isinstance(outcome, Unknown):
            return outcome
        if isinstance(outcome, Declined):
            refused.append(outcome)
            results.append(_closed(part, outcome))
        else:
            results.append(_applied(outcome))
            finished_at = mapping.instant(outcome["created"])
    if refused and len(refused) == len(request.parts):
        return refused[0]
    first = next((r.ref for r in results if r.ref), charge)
    return Done(SplitResult(first, tuple(results), finished_at))


async def _transfer(
    wire: Wire, request: SplitRequest, part: SplitPart, charge: str, tags: dict[str, str]
) -> Json | Declined | Unknown:
    fields: Json = {
        "amount": mapping.wire_amount(Money(part.amount_minor, request.currency)),
        "currency": request.currency,
        "destination": part.receiver_ref,
        "source_transaction": charge,
        "transfer_group": request.collection_key,
        "description": part.description or None,
        "metadata": mapping.metadata(request.metadata, request.key, cauce_part=part.key, **tags),
    }
    answer = await wire.post("transfers.create", "/v1/transfers", fields, key=f"{request.key}:{part.key}")
    return answer.outcome() if isinstance(answer, Refused) else answer


def _applied(transfer: Json) -> SplitPartResult:
    amount = mapping.money_of(transfer["amount"], transfer["currency"])
    key = transfer["metadata"].get(mapping.PART, "")
    return SplitPartResult(key, str(transfer["destination"]), amount.amount_minor, PartState.APPLIED, transfer["id"])


def _closed(part: SplitPart, refusal: Declined) -> SplitPartResult:
    return SplitPartResult(part.key, part.receiver_ref, part.amount_minor, PartState.CLOSED, reason=refusal.code)


def _kept(key: str, amount_minor: int) -> SplitPartResult:
    return SplitPartResult(key, "", amount_minor, PartState.APPLIED)


async def _transfers(wire: Wire, key: str, group: str) -> list[Json]:
    scope = {"transfer_group": group} if group else {}
    return await finding.all_by_key(wire, "transfers.list", "/v1/transfers", key, scope)


async def find_split(wire: Wire, key: str, group: str) -> Outcome[SplitResult]:
    """What became of a split. While transfers are missing it counts as not found: repeating it adds only those."""
    found = await _transfers(wire, key, group)
    if not found or len(found) < int(found[0]["metadata"].get("cauce_parts", "0")):
        return mapping.not_found(key)
    kept = [pair.split("=") for pair in found[0]["metadata"].get("cauce_kept", "").split(",") if pair]
    results = [*(_kept(part, int(minor)) for part, minor in kept), *(_applied(t) for t in found)]
    return Done(SplitResult(found[0]["id"], tuple(results), mapping.instant(found[-1]["created"])))


async def reverse_split(wire: Wire, request: ReverseSplitRequest) -> Outcome[SplitReversal]:
    """Take money back from one transfer; refused when the seller no longer holds it."""
    fields: Json = {
        "amount": mapping.wire_amount(request.amount),
        "description": request.description or None,
        "metadata": mapping.metadata({}, request.key),
    }
    path = f"/v1/transfers/{request.part_ref}/reversals"
    answer = await wire.post("transfers.reverse", path, fields, key=request.key)
    return await settled(answer, _reversal, lambda: find_reversal(wire, request.key, transfer=request.part_ref))


async def find_reversal(wire: Wire, key: str, *, group: str = "", transfer: str = "") -> Outcome[SplitReversal]:
    """What became of a reversal: of that transfer, or of any of the collection's."""
    if transfer:
        candidates = [transfer]
    else:
        scope = {"transfer_group": group} if group else {}
        pages = wire.pages("transfers.list", "/v1/transfers", scope, pages_max=finding.PAGES_MAX)
        candidates = [t["id"] async for t in pages if t["amount_reversed"]]
    for candidate in candidates:
        found = await finding.by_key(wire, "reversals.list", f"/v1/transfers/{candidate}/reversals", key)
        if found:
            return _reversal(found)
    return mapping.not_found(key)


def _reversal(reversal: Json) -> Outcome[SplitReversal]:
    amount = mapping.money_of(reversal["amount"], reversal["currency"])
    return Done(SplitReversal(reversal["id"], amount, mapping.instant(reversal["created"])))
