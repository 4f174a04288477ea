"""Customers and their saved cards at Stripe (`RemembersCustomers`, `SavesMethods`)."""

from __future__ import annotations

from cauce.gateway.charging import CustomerRecord, CustomerRequest, SavedMethod, Setup, SetupRequest
from cauce.gateway.outcome import Done, Outcome
from cauce.providers.stripe import finding, mapping
from cauce.providers.stripe.cards import saved_method
from cauce.providers.stripe.wire import AskingFailed, Json, Wire, settled, understood

_ON_PAGE = "cauce_page"


def _record(customer: Json) -> Outcome[CustomerRecord]:
    return Done(CustomerRecord(customer["id"]))


def _fields(request: CustomerRequest) -> Json:
    more = {"cauce_customer": request.customer_id}
    return {
        "email": request.email or None,
        "name": request.name or None,
        "metadata": mapping.metadata(request.metadata, request.key, **more),
    }


async def ensure(wire: Wire, request: CustomerRequest) -> Outcome[CustomerRecord]:
    """Make the customer, or find that Stripe still has the one we know."""
    if request.ref:
        known = await wire.get("customers.retrieve", f"/v1/customers/{request.ref}", {})
        if isinstance(known, dict) and not known.get("deleted"):
            return _record(known)
    answer = await wire.post("customers.create", "/v1/customers", _fields(request), key=request.key)
    return await settled(answer, _record, lambda: find(wire, request.key))


async def find(wire: Wire, key: str, ref: str = "") -> Outcome[CustomerRecord]:
    """What became of `ensure` under `key`."""
    if ref:
        return understood(await wire.get("customers.retrieve", f"/v1/customers/{ref}", {}), _record)
    found = await finding.by_key(wire, "customers.list", "/v1/customers", key)
    return _record(found) if found else mapping.not_found(key)


async def update(wire: Wire, request: CustomerRequest) -> Outcome[CustomerRecord]:
    """Bring name, address and our state in the metadata up to date; the key that made the customer stays on it."""
    fields = _fields(request)
    del fields["metadata"][mapping.KEY]
    answer = await wire.post("customers.update", f"/v1/customers/{request.ref}", fields, key=request.key)
    return understood(answer, _record)


async def forget(wire: Wire, ref: str) -> Outcome[CustomerRecord]:
    """Delete the customer at Stripe, for ever."""
    return understood(await wire.delete("customers.delete", f"/v1/customers/{ref}"), _record)


async def begin_setup(wire: Wire, request: SetupRequest) -> Outcome[Setup]:
    """A setup intent for our page, or a page of Stripe's."""
    tags = mapping.metadata(request.metadata, request.key)
    if request.hosted:
        fields: Json = {
            "mode": "setup",
            "customer": request.customer_ref,
            "allowed_payment_method_types": ["card"],
            "success_url": request.return_url,
            "cancel_url": request.return_url,
            "metadata": tags,
            "setup_intent_data": {"metadata": {**tags, _ON_PAGE: "yes"}},
        }
        answer = await wire.post("checkout.sessions.create", "/v1/checkout/sessions", fields, key=request.key)
        return await settled(answer, mapping.session_setup_outcome, lambda: find_setup(wire, request.key))
    fields = {
        "customer": request.customer_ref,
        "usage": "off_session",
        "automatic_payment_methods": {"enabled": True},
        "metadata": tags,
    }
    answer = await wire.post("setup_intents.create", "/v1/setup_intents", fields, key=request.key)
    return await settled(answer, mapping.setup_outcome, lambda: find_setup(wire, request.key))


async def find_setup(wire: Wire, key: str, ref: str = "") -> Outcome[Setup]:
    """What became of a set-up."""
    if not ref:
        found = await finding.by_key(wire, "setup_intents.list", "/v1/setup_intents", key)
        # An intent of a page answers to the page: its session is what the caller knows.
        ref = found["id"] if found and _ON_PAGE not in found["metadata"] else ""
    if ref.startswith("seti_"):
        intent = await wire.read("setup_intents.retrieve", f"/v1/setup_intents/{ref}", {"expand": ["payment_method"]})
        return mapping.setup_outcome(intent) if intent else mapping.not_found(key)
    session = await finding.session(wire, ref=ref, key=key)
    return mapping.session_setup_outcome(session) if session else mapping.not_found(key)


async def list_methods(wire: Wire, customer_ref: str) -> Outcome[tuple[SavedMethod, ...]]:
    """The customer's saved methods, newest first."""
    path = f"/v1/customers/{customer_ref}/payment_methods"
    try:
        found = [saved_method(m) async for m in wire.pages("customers.payment_methods", path, {})]
    except AskingFailed as failed:
        return failed.outcome
    return Done(tuple(found))


async def detach(wire: Wire, method_ref: str) -> Outcome[SavedMethod]:
    """Detach a method, for ever. One that is detached already stays so."""
    path = f"/v1/payment_methods/{method_ref}"
    answer = await wire.post("payment_methods.detach", f"{path}/detach", {}, key=f"cauce:det:{method_ref}:1")
    return understood(answer, lambda method: Done(saved_method(method)))
