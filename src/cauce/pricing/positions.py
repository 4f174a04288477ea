"""Net positions of a set of transfers: received less sent, per participant. They always sum to zero."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Transfer:
    """`amount_minor` from one participant to another, in the currency of the set."""

    payer: str
    receiver: str
    amount_minor: int


def net_positions(transfers: Iterable[Transfer]) -> dict[str, int]:
    """What each participant received less what it sent, in minor units, by order of first appearance."""
    net: dict[str, int] = {}
    for transfer in transfers:
        net[transfer.payer] = net.get(transfer.payer, 0) - transfer.amount_minor
        net[transfer.receiver] = net.get(transfer.receiver, 0) + transfer.amount_minor
    assert sum(net.values()) == 0
    return net
