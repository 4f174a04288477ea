"""What Stripe Billing runs, read for taking it over, and told to end with its period (`ImportsBilling`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from cauce.gateway.errors import CannotRead
from cauce.gateway.importing import ForeignCustomer, ForeignInvoice, ForeignSubscription
from cauce.gateway.outcome import Done, Outcome
from cauce.providers.stripe import foreign
from cauce.providers.stripe.wire import AskingFailed, Wire, understood

_METHOD = "invoice_settings.default_payment_method"
_WHOLE = ("customer", f"customer.{_METHOD}", "default_payment_method")


async def products(wire: Wire) -> AsyncIterator[tuple[str, str]]:
    """(id, name) of each product."""
    async for one in _all(wire, "products", ()):
        yield one["id"], str(one["name"])


async def customers(wire: Wire) -> AsyncIterator[ForeignCustomer]:
    """Customers that are not ours already."""
    async for one in _all(wire, "customers", (_METHOD,)):
        if not foreign.is_ours(one):
            yield foreign.customer(one)


async def subscriptions(wire: Wire) -> AsyncIterator[ForeignSubscription]:
    """All subscriptions, those that ended too, newest first."""
    async for one in _all(wire, "subscriptions", _WHOLE, status="all"):
        yield foreign.subscription(one)


async def invoices(wire: Wire) -> AsyncIterator[ForeignInvoice]:
    """All invoices, newest first."""
    async for one in _all(wire, "invoices", ()):
        yield foreign.invoice(one)


async def end(wire: Wire, key: str, ref: str) -> Outcome[ForeignSubscription]:
    """Let a subscription end with its period, marked as taken over. Setting the same again is nothing new."""
    fields = {"cancel_at_period_end": True, "metadata": {foreign.MARK: key}, "expand": _WHOLE}
    answer = await wire.post("subscriptions.update", f"/v1/subscriptions/{ref}", fields, key=key)
    return understood(answer, lambda one: Done(foreign.subscription(one)))


async def _all(wire: Wire, noun: str, expand: tuple[str, ...], **more: Any) -> AsyncIterator[dict[str, Any]]:
    params = {**more, "expand": [f"data.{path}" for path in expand] or None}
    try:
        async for one in wire.pages(f"{noun}.list", f"/v1/{noun}", params):
            yield one
    except AskingFailed as failed:
        raise CannotRead(f"Stripe's {noun} could not be read: {failed.outcome}") from failed
