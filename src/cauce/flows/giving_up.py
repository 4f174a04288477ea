"""A person gives a command up that waits for him, for somebody's money or for a set-up: the provider is asked once more first.

It ends as refused only where the provider does not know it, or says so itself; what it still works on stays open.
"""

from __future__ import annotations

from cauce.channels import store
from cauce.channels.rules import Instruction
from cauce.flows.calling import ask_of, is_not_found
from cauce.flows.context import Context
from cauce.flows.instruct import conclude
from cauce.flows.refused_keys import NothingWaits
from cauce.gateway.outcome import Access, Declined, Done, Outcome, Refusal
from cauce.kernel.errors import Conflict, NotFound
from cauce.storage import audit


class StillAtWork(Conflict):
    """The provider knows the command and has not ended it: it cannot be given up."""

    code = "command_at_work"


async def give_up(context: Context, key: str) -> None:
    """End an open command that waits; what follows is what follows of any refusal. `not_found`, `command_not_waiting`, `command_at_work`."""
    async with context.transaction() as tx:
        found = await store.read_instruction(tx, key)
        if found is None:
            raise NotFound(f"there is no command {key}", param="key")
        if not _waits(found):
            raise NothingWaits(f"{key} is {found.state}", param="key", allowed=[])
        await audit.record(tx, context.actor, "instruction.give_up", key)
    answer = await ask_of(context, found)
    if is_not_found(answer):
        message = str((found.outcome or {}).get("reason", "")) or "given up"
        answer = Declined("given_up", _refusal(found), message)
    if not isinstance(answer, Done | Declined):
        raise StillAtWork(param="key")
    outcome: Outcome[object] = answer
    await conclude(context, [(key, outcome)])


def _waits(instruction: Instruction) -> bool:
    return not instruction.is_final and (
        instruction.needs_person or instruction.access in (Access.FUNDS, Access.CONFIG)
    )


def _refusal(instruction: Instruction) -> Refusal:
    """Nothing that waits for a window or another try: a person has decided."""
    return Refusal.INSUFFICIENT_FUNDS if instruction.lacks_funds else Refusal.LIFECYCLE
