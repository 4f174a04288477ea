"""A person gives a command up that waits for him, for somebody's money or for a set-up: the provider is asked once more first.

From that moment nobody sends it any more. A job behind all other work about its object asks; the command ends as refused
only where the provider does not know it, or says so itself. What it still works on stays open.
"""

from __future__ import annotations

from cauce.channels import stops, store
from cauce.channels.rules import Instruction
from cauce.flows.calling import ask_of, is_not_found
from cauce.flows.context import Context
from cauce.flows.instruct import conclude
from cauce.flows.refused_keys import NothingWaits
from cauce.gateway.outcome import Access, Declined, Refusal
from cauce.kernel.errors import NotFound
from cauce.storage import audit, jobs
from cauce.storage.jobs import Job, NewJob

GIVE_UP_JOB = "instruction.give_up"


async def give_up(context: Context, key: str) -> None:
    """Let an open command that waits be ended; what follows is what follows of any refusal. `not_found`, `command_not_waiting`."""
    async with context.transaction() as tx:
        found = await store.lock_instructions(tx, [key])
        if not found:
            raise NotFound(f"there is no command {key}", param="key")
        (one,) = found
        if not _waits(one):
            raise NothingWaits(f"{key} is {one.state}", param="key", allowed=[])
        now = await context.now(tx)
        await stops.hold_for_person(tx, key, now)
        await jobs.enqueue(tx, [NewJob(GIVE_UP_JOB, now, {"key": key}, key=f"object:{one.object_id}")])
        await audit.record(tx, context.actor, "instruction.give_up", key)


async def end_given_up(context: Context, job: Job) -> None:
    """The job of a command that was given up: ask what became of it; one that the provider does not know is refused."""
    async with context.transaction() as tx:
        found = await store.read_instruction(tx, job.payload["key"])
    if found is None or found.is_final or not found.needs_person:  # somebody tries it again after all
        return
    answer = await ask_of(context, found)
    if is_not_found(answer):
        message = str((found.outcome or {}).get("reason", "")) or "given up"
        answer = Declined("given_up", _refusal(found), message)
    await conclude(context, [(found.key, answer)])


def _waits(instruction: Instruction) -> bool:
    return not instruction.is_final and (
        instruction.needs_person or instruction.access in (Access.FUNDS, Access.CONFIG)
    )


def _refusal(instruction: Instruction) -> Refusal:
    """Nothing that waits for a window or another try: a person has decided."""
    return Refusal.INSUFFICIENT_FUNDS if instruction.lacks_funds else Refusal.LIFECYCLE
