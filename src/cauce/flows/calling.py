"""One call to a provider about one instruction, outside any transaction: what is sent, what is asked, and by which method.

A provider that does not let us in is called once more with the channel as it stands now: its keys may have been changed
since it was opened, and a session ends. What a contract or a set-up forbids was looked at by nobody, so its end is open.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from cauce.channels.rules import Instruction
from cauce.flows.context import Context
from cauce.gateway.charging import Charge, PaymentLink
from cauce.gateway.classes import FUNDS_SECONDS, Handling, handling_of
from cauce.gateway.collecting import CancelRequest, FetchRequest, Operation
from cauce.gateway.outcome import Access, Declined, Done, Outcome, Pending, Refusal, Unknown

LINK_ASK_SECONDS = 60
"""Before the first question about a page that was made for a payer."""

CONFIG_ASK_SECONDS = 3_600

_ASKED_AS = {Operation.LINK: Operation.CHARGE}
"""What comes of an operation, where that is another one's value."""

CLOSINGS = (Operation.CANCEL_COLLECTION, Operation.CANCEL_COMBINED)

_PAYERS = (Operation.CHARGE, Operation.LINK, Operation.SETUP, Operation.ENSURE_CUSTOMER)
"""Operations whose refusal may be of the payer's own making (a test card): it ends them and stops nobody's calls."""

_METHODS: dict[Operation, str] = {
    Operation.COLLECT: "collect",
    Operation.COLLECT_COMBINED: "collect_combined",
    Operation.CANCEL_COMBINED: "cancel_combined",
    Operation.REFUND: "refund",
    Operation.SPLIT: "split",
    Operation.REVERSE_SPLIT: "reverse_split",
    Operation.FINISH_ORDER: "finish_order",
    Operation.PAYOUT: "payout",
    Operation.OPEN_ACCOUNT: "open_account",
    Operation.ATTACH_INSTRUMENT: "attach_instrument",
    Operation.CHARGE: "charge_saved",
    Operation.LINK: "link_payment",
    Operation.SETUP: "begin_setup",
    Operation.ENSURE_CUSTOMER: "ensure_customer",
    Operation.TOP_UP: "member_top_up",
    Operation.UNDO_TOP_UP: "undo_top_up",
    Operation.SUBSIDISE: "subsidise",
    Operation.SUBSIDISE_ORDER: "subsidise_order",
    Operation.RETURN_SUBSIDY: "return_subsidy",
    Operation.DROP_SUBSIDY: "drop_subsidy",
    Operation.ADVANCE: "advance",
    Operation.RECOVER_ADVANCE: "recover_advance",
    Operation.FEE_SWEEP: "fee_sweep",
    Operation.ASSIGN_SUSPENSE: "assign_suspense",
    Operation.UNDO_ASSIGN: "undo_assign",
    Operation.PAY_FROM_BALANCE: "pay_from_balance",
}


async def send_to(context: Context, instruction: Instruction) -> Outcome[Any]:
    """Send what an instruction asks. A key that is known already (DUPLICATE) is asked about, and what is found counts."""
    outcome = await _let_in(context, instruction.channel_id, lambda gateway: _send(gateway, instruction))
    if isinstance(outcome, Declined) and outcome.refusal is Refusal.DUPLICATE:
        found = await ask_of(context, instruction)
        return outcome if is_not_found(found) else _adopted(instruction, found)
    if handling_of(outcome) is Handling.FAIL_OR_WAIT:
        return _short(instruction, outcome)
    if handling_of(outcome) is Handling.STOP and isinstance(outcome, Declined) and not _is_payers(instruction):
        reason = f"{outcome.code} {outcome.message}".strip()
        return Unknown(reason, CONFIG_ASK_SECONDS, Access.CONFIG, code=outcome.code)
    return outcome


async def ask_of(context: Context, instruction: Instruction) -> Outcome[Any]:
    """Ask what became of an instruction. That a question is put off or not allowed says nothing of what it is about."""
    asked = fetch_request(instruction)
    answer = await _let_in(context, instruction.channel_id, lambda gateway: gateway.fetch(asked))
    if isinstance(answer, Unknown) and answer.is_undone:
        return replace(answer, is_undone=False)
    if isinstance(answer, Declined) and handling_of(answer) is Handling.STOP and instruction.operation not in _ASKED:
        return Unknown(f"{answer.code} {answer.message}".strip(), CONFIG_ASK_SECONDS)
    return answer


_ASKED = (*_PAYERS, Operation.COLLECT, Operation.COLLECT_COMBINED)


def is_not_found(outcome: Outcome[Any]) -> bool:
    """Whether the provider does not know the key: nothing moved, and the same key may go out."""
    return isinstance(outcome, Declined) and outcome.refusal is Refusal.NOT_FOUND


def fetch_request(instruction: Instruction) -> FetchRequest:
    """How a provider is asked what became of an instruction."""
    return FetchRequest(
        operation=_ASKED_AS.get(instruction.operation, instruction.operation),
        key=instruction.key,
        ref=instruction.ref,
        parent_key=instruction.parent_key,
        parent_ref=getattr(instruction.request, "collection_ref", ""),
        merchant_ref=instruction.merchant_ref,
    )


async def _let_in(context: Context, channel_id: str, call: Callable[[Any], Awaitable[Outcome[Any]]]) -> Outcome[Any]:
    _, gateway = await context.gateway(channel_id)
    outcome = await call(gateway)
    if isinstance(outcome, Declined) and handling_of(outcome) is Handling.LOG_IN_AGAIN:
        context.runtime.gateways.forget(context.org_id, channel_id)
        _, gateway = await context.gateway(channel_id)
        outcome = await call(gateway)
    return outcome


async def _send(gateway: Any, instruction: Instruction) -> Outcome[Any]:
    if instruction.operation is Operation.CANCEL_COLLECTION:
        request: CancelRequest = instruction.request
        closed: Outcome[Any] = await gateway.cancel_collection(request.collection_key, request.merchant_ref)
        return closed
    method = getattr(gateway, _METHODS[instruction.operation])
    outcome: Outcome[Any] = await method(instruction.request)
    if isinstance(outcome, Done) and isinstance(outcome.value, PaymentLink):
        # The page is there; the charge that comes of it is what is waited for.
        waiting = Charge(outcome.value.ref, instruction.request.amount, next_action=outcome.value.next_action)
        return Pending(waiting, LINK_ASK_SECONDS)
    return outcome


def _adopted(instruction: Instruction, found: Outcome[Any]) -> Outcome[Any]:
    """What lies under our key, unless it is about another amount than we asked for."""
    wanted = getattr(instruction.request, "amount", None)
    there = getattr(found.value, "amount", wanted) if isinstance(found, Done | Pending) else wanted
    if wanted == there:
        return found
    return Declined("amount", Refusal.AMOUNT_MISMATCH, f"{there} stand under the key, {wanted} were asked for")


def _short(instruction: Instruction, outcome: Outcome[Any]) -> Outcome[Any]:
    """Whoever must pay does not have it: it waits for that where the request says so, else it is refused; or, where the
    provider keeps it open all the same, it is asked about until the provider ends it.
    """
    waits = bool(getattr(instruction.request, "waits_for_funds", False))
    if isinstance(outcome, Declined) and waits:
        reason = f"{outcome.code} {outcome.message}".strip()
        return Unknown(reason, FUNDS_SECONDS, Access.FUNDS, code=outcome.code)
    if isinstance(outcome, Unknown):
        if waits:
            return replace(outcome, ask_after_seconds=FUNDS_SECONDS)
        return replace(outcome, access=Access.NONE)
    return outcome


def _is_payers(instruction: Instruction) -> bool:
    return instruction.operation in _PAYERS
