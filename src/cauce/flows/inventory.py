"""The process inventory (O9): every step with its mode, runs, minutes and failures, the one that costs most time first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from cauce.billing.relations import service as relations
from cauce.billing.relations.rules import Mode
from cauce.flows.automation_steps import STEPS
from cauce.flows.context import Context
from cauce.reports import automation as report

DAYS = 30


@dataclass(frozen=True, slots=True)
class Line:
    """One step in the last `DAYS` days of org time.

    `minutes_each`: what one run by hand takes, measured where it was done, else guessed; `minutes_by_hand` what it took
    in all, `minutes_saved` what the runs by themselves spared. `own_modes`: plans that go another way.
    """

    step: str
    occasion: str
    mode: Mode
    own_modes: Mapping[str, Mode]
    runs: int
    by_hand: int
    open_tasks: int
    failures: int
    minutes_each: int
    minutes_by_hand: int
    minutes_saved: int

    @property
    def cost_minutes(self) -> int:
        """Runs by hand, those that wait included, times the minutes of one: by this the inventory is sorted."""
        return (self.by_hand + self.open_tasks) * self.minutes_each


async def inventory(context: Context) -> list[Line]:
    """Every step; first what costs the most time by hand, then what runs most."""
    async with context.transaction() as tx:
        since = await context.now(tx) - timedelta(days=DAYS)
        types = [event for step in STEPS for event in (*step.events, *step.failures)]
        events = await report.event_counts(tx, types, since)
        tasks = await report.task_counts(tx, since)
        modes = {(row["step"], row["plan_key"]): Mode(row["mode"]) for row in await relations.modes_shown(tx)}
    lines = []
    for step in STEPS:
        told = tasks.get(step.name)
        by_hand, waiting, spent = (told["by_hand"], told["open"], told["minutes"]) if told else (0, 0, 0)
        each = max(-(-spent // by_hand), 1) if by_hand and spent else step.minutes
        runs = max(sum(events[event] for event in step.events), by_hand)
        lines.append(
            Line(
                step=step.name,
                occasion=step.occasion,
                mode=modes.get((step.name, ""), Mode.AUTOMATIC),
                own_modes={plan: mode for (name, plan), mode in modes.items() if name == step.name and plan},
                runs=runs,
                by_hand=by_hand,
                open_tasks=waiting,
                failures=sum(events[event] for event in step.failures),
                minutes_each=each,
                minutes_by_hand=spent,
                minutes_saved=(runs - by_hand) * each,
            )
        )
    return sorted(lines, key=lambda line: (-line.cost_minutes, -line.runs * line.minutes_each, line.step))
