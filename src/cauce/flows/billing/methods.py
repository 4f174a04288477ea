"""Payment methods: set up on the provider's element or page, kept once, made default, detached behind a guard.

A method that is added is an event with consequences (C3): debts are tried again at once, a subscription whose trial
ended without one begins to be billed. Both happen in the transaction that keeps the method, before anything else
that is due at the same instant.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from cauce.billing.customers import service as customers
from cauce.billing.payments import service as payments
from cauce.billing.payments.rules import LastMethod, Method
from cauce.billing.subscriptions import service as subscriptions
from cauce.channels.service import NewInstruction, open_instructions
from cauce.flows.billing.issue import Batch, write
from cauce.flows.billing.method_added import method_added
from cauce.flows.billing.trial_cards import claim_trials
from cauce.flows.context import Context
from cauce.flows.instruct import Concluded
from cauce.gateway.charging import CustomerRequest, Setup, SetupRequest
from cauce.gateway.collecting import Operation
from cauce.gateway.outcome import Declined, Done, Pending
from cauce.kernel.errors import NotFound
from cauce.kernel.ids import new_id
from cauce.storage.database import Tx
from cauce.storage.outbox import NewEvent

CUSTOMER_PURPOSE = "payments.ensure_customer"
SETUP_PURPOSE = "payments.setup"
_PAYING = ("incomplete", "active", "past_due", "unpaid")


@dataclass(frozen=True, slots=True)
class BeginSetup:
    """Save a method of a customer at a channel; `hosted`: on the provider's page, which works without JavaScript."""

    customer_id: str
    channel_id: str
    return_url: str
    hosted: bool = False


@dataclass(frozen=True, slots=True)
class SetupState:
    """How far a set-up is: `next_action` is what the customer does next, once the provider has told it."""

    setup_id: str
    state: str
    next_action: dict[str, object] | None
    method_id: str | None


async def begin_setup(context: Context, command: BeginSetup) -> SetupState:
    """Ask the provider to save a method; poll `read_setup` for what the customer does next."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        customer = await customers.read(tx, command.customer_id)
        setup_id = new_id("seti")
        command = replace(command, return_url=command.return_url.replace("{setup}", setup_id))
        await payments.begin_setup(tx, setup_id, customer.id, command.channel_id, now)
        ref = await payments.payer_ref(tx, customer.id, command.channel_id)
        if ref:
            instruction = _setup(setup_id, command, ref)
        else:  # the provider meets the customer first; the set-up follows when it has answered
            request = CustomerRequest(
                (await payments.payer_keys(tx, [(customer.id, command.channel_id)]))[0],
                customer.id,
                customer.email,
                customer.name,
            )
            await payments.await_customer(tx, setup_id, command.return_url, command.hosted)
            instruction = NewInstruction(
                command.channel_id, CUSTOMER_PURPOSE, Operation.ENSURE_CUSTOMER, new_id("pcus"), setup_id, request
            )
        await open_instructions(tx, [instruction], due_at=now)
    return SetupState(setup_id, "open", None, None)


async def read_setup(tx: Tx, setup_id: str) -> SetupState:
    """How far a set-up is."""
    row = await payments.lock_setup(tx, setup_id)
    action = row["next_action"] if row["next_action"] and "kind" in row["next_action"] else None
    return SetupState(row["id"], row["state"], action, row["method_id"])


def _setup(setup_id: str, command: BeginSetup, customer_ref: str) -> NewInstruction:
    request = SetupRequest(
        setup_id, customer_ref, command.return_url, command.hosted, {"cauce_customer": command.customer_id}
    )
    return NewInstruction(command.channel_id, SETUP_PURPOSE, Operation.SETUP, setup_id, setup_id, request)


async def conclude_customers(context: Context, tx: Tx, concluded: list[Concluded]) -> None:
    """The concluder: the provider knows the customer; the set-up that waited for it goes out."""
    for answer in concluded:
        row = await payments.lock_setup(tx, answer.object_id)
        if isinstance(answer.outcome, Declined):
            await payments.save_setup(tx, row["id"], "failed", None, None)
        elif isinstance(answer.outcome, Done) and row["state"] == "open":
            await payments.put_payer(tx, row["customer_id"], answer.channel_id, answer.outcome.value.ref)
            waiting = row["next_action"] or {}
            command = BeginSetup(
                row["customer_id"], answer.channel_id, waiting.get("return_url", ""), waiting.get("hosted", False)
            )
            instruction = _setup(row["id"], command, answer.outcome.value.ref)
            await open_instructions(tx, [instruction], due_at=answer.at)


async def conclude_setups(context: Context, tx: Tx, concluded: list[Concluded]) -> None:
    """The concluder: a finished set-up is kept and has its consequences; a pending one says what the customer does."""
    batch = Batch()
    for answer in concluded:
        row = await payments.lock_setup(tx, answer.object_id)
        if row["state"] != "open":
            continue
        match answer.outcome:
            case Done(value=Setup(method=saved)) if saved is not None:
                method, is_new = await payments.save_method(
                    tx, row["customer_id"], answer.channel_id, answer.request.customer_ref, saved, now=answer.at
                )
                await payments.save_setup(tx, row["id"], "done", None, method.id)
                claimed = row["customer_id"], method.fingerprint, batch, answer.at, context.actor.name
                more = {"trial_used_before": True} if await claim_trials(tx, *claimed) else {}
                batch.events.append(_told("added" if is_new else "updated", method, answer.at, **more))
                preferred = None if method.is_default else method.id
                await method_added(tx, row["customer_id"], batch, answer.at, context.actor.name, preferred)
            case Pending(value=Setup(next_action=action)) if action is not None:
                await payments.save_setup(tx, row["id"], "open", msgspec.to_builtins(action), None)
                content = {"setup": row["id"], "customer": row["customer_id"]}
                batch.events.append(
                    NewEvent("payment_method.action_required", row["id"], answer.at, content, row["customer_id"])
                )
            case Declined(message=message):
                await payments.save_setup(tx, row["id"], "failed", {"message": message}, None)
    await write(tx, batch, context.actor.name, context.cause)


def _told(verb: str, method: Method, at: datetime, **more: object) -> NewEvent:
    content = {"brand": method.brand, "last4": method.last4, "default": method.is_default, "kind": method.kind, **more}
    return NewEvent(f"payment_method.{verb}", method.id, at, content, method.customer_id)


async def make_default(context: Context, customer_id: str, method_id: str) -> None:
    """Charge this method of the customer from now on."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        await payments.set_default(tx, customer_id, method_id)
        event = NewEvent("payment_method.default_changed", method_id, now, {}, customer_id)
        await write(tx, Batch(events=[event]), context.actor.name, context.cause)


async def detach(context: Context, customer_id: str, method_id: str, *, anyway: bool = False) -> None:
    """Forget a method; `LastMethod` when a subscription still needs it, unless an operator says `anyway`."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        known = await payments.lock_methods(tx, customer_id)
        method = next((one for one in known if one.id == method_id), None)
        if method is None:
            raise NotFound(f"there is no payment method {method_id}", param="payment_method")
        rest = [one for one in known if one.id != method_id]
        if not any(one.usable for one in rest) and not anyway:
            held = await subscriptions.lock(tx, await subscriptions.ids_of_customer(tx, customer_id))
            if any(one.status in _PAYING and one.collection == "charge" for one in held.values()):
                raise LastMethod(param="payment_method")
        await payments.remove_method(tx, method, rest, now)
        await write(tx, Batch(events=[_told("removed", method, now)]), context.actor.name, context.cause)


async def prefer(context: Context, subscription_id: str, method_id: str | None) -> None:
    """Charge this method of the customer for one subscription from now on; None: his default again (C2)."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        one = await subscriptions.lock_one(tx, subscription_id)
        known = await payments.lock_methods(tx, one.customer_id)
        if method_id is not None and all(method.id != method_id for method in known):
            raise NotFound(f"there is no payment method {method_id}", param="payment_method")
        if one.method_id == method_id:
            return
        await subscriptions.save(tx, [replace(one, method_id=method_id)])
        subject = method_id or one.method_id
        assert subject is not None
        content = {"subscription": one.id, "payment_method": method_id}
        event = NewEvent("payment_method.default_changed", subject, now, content, one.customer_id)
        await write(tx, Batch(events=[event]), context.actor.name, context.cause)
