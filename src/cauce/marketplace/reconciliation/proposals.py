"""What probably belongs together, for a person to confirm: the same amount, the same party, about the same day.

Three shapes: one of ours and one of theirs (1:1); one of ours whose amount several lines make up (1:n); several of
ours that one line pays at once (n:1). Only what is unique is proposed: two that fit equally well are left alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

DAYS_APART_MAX = 3


@dataclass(frozen=True, slots=True)
class Lone:
    """One thing that only one side has. `name` is the break's id, `party` the merchant or account where known."""

    name: str
    currency: str
    amount_minor: int
    at: datetime
    party: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """These of ours are those of theirs."""

    ours: tuple[str, ...]
    theirs: tuple[str, ...]

    @property
    def shape(self) -> str:
        """1:1, 1:n or n:1."""
        return f"{'1' if len(self.ours) == 1 else 'n'}:{'1' if len(self.theirs) == 1 else 'n'}"


def propose(ours: Sequence[Lone], theirs: Sequence[Lone], *, days_apart_max: int = DAYS_APART_MAX) -> list[Proposal]:
    """Unique pairs first, then sums of a party's day; nothing is proposed twice."""
    found: list[Proposal] = []
    used: set[str] = set()
    for mine in ours:
        near = [one for one in theirs if _fits(mine, one, days_apart_max)]
        if len(near) == 1 and sum(_fits(other, near[0], days_apart_max) for other in ours) == 1:
            found.append(Proposal((mine.name,), (near[0].name,)))
            used |= {mine.name, near[0].name}
    left_ours = [one for one in ours if one.name not in used]
    left_theirs = [one for one in theirs if one.name not in used]
    found += [Proposal(names, (one,)) for names, one in _sums(left_ours, left_theirs, days_apart_max)]
    taken = {name for each in found for name in (*each.ours, *each.theirs)}
    left_ours = [one for one in left_ours if one.name not in taken]
    left_theirs = [one for one in left_theirs if one.name not in taken]
    found += [Proposal((one,), names) for names, one in _sums(left_theirs, left_ours, days_apart_max)]
    return found


def _fits(mine: Lone, one: Lone, days_apart_max: int) -> bool:
    return (
        mine.currency == one.currency
        and mine.amount_minor == one.amount_minor
        and (not mine.party or not one.party or mine.party == one.party)
        and abs(mine.at - one.at) <= timedelta(days=days_apart_max)
    )


def _sums(parts: Sequence[Lone], wholes: Sequence[Lone], days_apart_max: int) -> Iterable[tuple[tuple[str, ...], str]]:
    """Whole groups of parts (all of a day; all of one party's day) whose sum is one whole, where that is unique."""
    groups: dict[tuple[object, ...], list[Lone]] = defaultdict(list)
    for part in parts:
        groups[(part.currency, part.at.date(), "")].append(part)
        if part.party:
            groups[(part.currency, part.at.date(), part.party)].append(part)
    taken: set[str] = set()
    for (currency, _, party), group in sorted(groups.items(), key=lambda item: (-len(item[1]), str(item[0]))):
        if len(group) < 2 or any(part.name in taken for part in group):
            continue
        sum_minor, at = sum(part.amount_minor for part in group), min(part.at for part in group)
        near = [
            one
            for one in wholes
            if one.name not in taken and _fits(Lone("", str(currency), sum_minor, at, str(party)), one, days_apart_max)
        ]
        if len(near) == 1:
            taken |= {near[0].name, *(part.name for part in group)}
            yield tuple(part.name for part in group), near[0].name
