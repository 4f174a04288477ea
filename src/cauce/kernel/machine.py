"""State machines as tables. A step that is not listed does not exist.

A slice declares one `Machine` beside its rules. The docs print it (`to_mermaid`), the database holds the same
rows (`rows`), and a test compares the two. One trigger may lead from one state to several targets; the slice's
rules choose, and `step` proves that the choice is listed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cauce.kernel.errors import IllegalTransition

BEGIN = "-"
"""The state of an object that does not exist yet."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One listed step: `name` is its number in the requirements, `trigger` the verb that causes it."""

    name: str
    source: str
    trigger: str
    target: str


@dataclass(frozen=True, slots=True)
class Machine:
    """A noun, its states in the order of reading, and every step that may be taken."""

    noun: str
    states: tuple[str, ...]
    transitions: tuple[Transition, ...]

    def __post_init__(self) -> None:
        known = {*self.states, BEGIN}
        for step in self.transitions:
            assert step.source in known, f"{self.noun} {step.name}: unknown source {step.source}"
            assert step.target in known, f"{self.noun} {step.name}: unknown target {step.target}"

    def allowed(self, state: str) -> list[str]:
        """The triggers that `state` answers to, sorted."""
        return sorted({step.trigger for step in self.transitions if step.source == state})

    def targets(self, state: str, trigger: str) -> list[str]:
        """Where `trigger` may lead from `state`; `IllegalTransition` when nowhere."""
        found = [step.target for step in self.transitions if step.source == state and step.trigger == trigger]
        if not found:
            raise IllegalTransition(
                f"a {self.noun} that is {state} cannot {trigger}; it can {', '.join(self.allowed(state)) or 'do nothing'}",
                state=state,
                trigger=trigger,
                allowed=self.allowed(state),
            )
        return found

    def step(self, state: str, trigger: str, target: str | None = None) -> str:
        """The state after `trigger`: the only target, or `target` if it is listed. Else `IllegalTransition`."""
        found = self.targets(state, trigger)
        if target is None:
            assert len(set(found)) == 1, f"{self.noun}: {trigger} from {state} leads to {found}; name one"
            return found[0]
        if target not in found:
            raise IllegalTransition(
                f"a {self.noun} that is {state} cannot become {target} by {trigger}",
                state=state,
                trigger=trigger,
                allowed=self.allowed(state),
            )
        return target

    def rows(self) -> list[tuple[str, str, str]]:
        """(source, trigger, target), sorted and distinct: what the database's copy must equal."""
        return sorted({(step.source, step.trigger, step.target) for step in self.transitions})

    def to_mermaid(self) -> str:
        """The table as a Mermaid state diagram."""
        lines = ["stateDiagram-v2"]
        lines += [f"  {_node(s.source)} --> {_node(s.target)}: {s.name} {s.trigger}" for s in self.transitions]
        return "\n".join(lines)


def steps(trigger: str, sources: Iterable[str], target: str, *, name: str = "") -> tuple[Transition, ...]:
    """The same step from several sources."""
    return tuple(Transition(name or trigger, source, trigger, target) for source in sources)


def _node(state: str) -> str:
    return "[*]" if state == BEGIN else state
