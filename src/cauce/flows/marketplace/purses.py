"""What parties have at the holder, for rules that say what becomes of a refund when one of them lacks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cauce.kernel.errors import Conflict
from cauce.ledger.reading import spendable
from cauce.ledger.recipes.custody import FEE, Holder, withdrawable
from cauce.marketplace.splits.rules.schema import KEPT
from cauce.storage.database import Row, Tx


class RefundPartyShort(Conflict):
    """A party has less at the holder than he must return, and his balance may not fall so far."""

    code = "refund_party_short"


@dataclass(frozen=True, slots=True)
class Purse:
    """What may leave the parties' balances at one holder, by merchant and in minor units; less with each part that is taken.

    `advances`: the platform advances what one lacks; otherwise he is refused.
    """

    left: dict[str, int]
    advances: bool = False

    def short_of(self, party: str, wanted_minor: int) -> int:
        """Take what a party has of `wanted_minor`; what he lacks. `RefundPartyShort` where nobody advances it."""
        have = max(self.left.get(party, 0), 0)
        short = max(wanted_minor - have, 0)
        if short and not self.advances:
            raise RefundPartyShort(party=party, has_minor=have, returns_minor=wanted_minor)
        self.left[party] = have - (wanted_minor - short)
        return short


async def read_purses(
    tx: Tx, collections: Sequence[Row], parts: Mapping[str, Sequence[Row]]
) -> dict[tuple[str, str], Purse]:
    """What the parties of these collections have, by channel and currency."""
    names = {
        (row["channel_id"], row["currency"], part["party"])
        for row in collections
        for part in parts.get(row["id"], ())
        if part["party"] not in (FEE, KEPT)
    }
    accounts = {name: Holder(*name[:2]).account(withdrawable(name[2])) for name in sorted(names)}
    found = await spendable(tx, list(accounts.values()))
    purses = {(row["channel_id"], row["currency"]): Purse({}) for row in collections}
    for (channel_id, currency, party), account in accounts.items():
        purses[channel_id, currency].left[party] = found[account]
    return purses
