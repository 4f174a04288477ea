"""Proposals: differences of which one side probably is the other side of another, written down for a person to confirm."""

from __future__ import annotations

from cauce.marketplace.reconciliation import store
from cauce.marketplace.reconciliation.proposals import Lone, Proposal, propose
from cauce.reports import reconciliation as report
from cauce.storage.database import Row, Tx

_HERE = ("missing_there", "timing")
_THERE = ("missing_here", "unknown_reference", "unknown_debit")
_OPEN_MAX = 2_000
"""With more lone differences than this something else is wrong, and guesses would not help."""


async def propose_matches(tx: Tx, channel_id: str) -> None:
    """Look among a channel's open differences for those that are two halves of one thing."""
    rows = [row for row in await store.open_breaks(tx, channel_id) if row["type"] in (*_HERE, *_THERE)]
    if not rows or len(rows) > _OPEN_MAX:
        return
    wanted = [(row["kind"], row["key"]) for row in rows]
    ours = await report.ours_by_key(tx, channel_id, wanted)
    theirs = await report.theirs_by_key(tx, channel_id, wanted)
    mine: list[Lone] = []
    said: list[Lone] = []
    for row in rows:
        fact = (ours if row["type"] in _HERE else theirs).get((row["kind"], row["key"]))
        if fact is not None:
            (mine if row["type"] in _HERE else said).append(_lone(row, fact))
    found = propose(mine, said)
    await store.propose(tx, [line for one in found for line in _lines(one)])


def _lone(row: Row, fact: Row) -> Lone:
    return Lone(row["id"], row["currency"], fact["amount"], fact["at"])


def _lines(one: Proposal) -> list[tuple[str, str]]:
    text_ours, text_theirs = ",".join(one.ours), ",".join(one.theirs)
    return [
        *((name, f"{one.shape} {text_theirs}") for name in one.ours),
        *((name, f"{one.shape} {text_ours}") for name in one.theirs),
    ]
