"""Refusals that a person must look into: the provider knows another amount or another party than we do (§12).

What was asked has failed by its own rules; here a difference is kept of it and a case opened, one a channel and class.
"""

from __future__ import annotations

from itertools import groupby

from cauce.flows.context import Context
from cauce.flows.instruct import Concluded
from cauce.flows.marketplace.comparing import OF_COMMAND
from cauce.gateway.classes import ErrorClass, class_of, shown_text
from cauce.gateway.outcome import Declined
from cauce.kernel.ids import new_id
from cauce.kernel.money import Money
from cauce.marketplace.reconciliation import service as reconciliation
from cauce.marketplace.reconciliation.mismatches import breaks_of
from cauce.marketplace.reconciliation.rules import BreakType, NewBreak, Severity
from cauce.storage.database import Tx

NOBODY = "nobody yet"
_TYPES = {ErrorClass.AMOUNT_MISMATCH: BreakType.AMOUNT, ErrorClass.PARTY_MISMATCH: BreakType.STATUS}


async def open_cases(context: Context, tx: Tx, refused: list[Concluded]) -> None:
    """Keep a difference of each refusal and open a case for those of one channel and class."""
    now, actor = await context.now(tx), context.actor.name
    ordered = sorted(refused, key=_cause)
    for (channel_id, found), group in groupby(ordered, key=_cause):
        mine = list(group)
        breaks = [_break(one, ErrorClass(found)) for one in mine]
        await reconciliation.keep_breaks(tx, new_id("run"), channel_id, breaks, at=now, actor=actor)
        ids = await breaks_of(tx, channel_id, OF_COMMAND, [one.key for one in mine])
        said = mine[0].outcome
        assert isinstance(said, Declined)
        cause = f"{found} at {channel_id}: {shown_text(f'{said.code} {said.message}')}"
        await reconciliation.open_case(tx, ids, cause, NOBODY, Severity.HIGH, at=now)


def _cause(one: Concluded) -> tuple[str, str]:
    return one.channel_id, class_of(one.outcome).value


def _break(one: Concluded, found: ErrorClass) -> NewBreak:
    amount_minor, currency = _asked_for(one.request)
    order = one.object_id if one.object_id.startswith("ord_") else ""
    return NewBreak(_TYPES[found], OF_COMMAND, one.key, currency, amount_minor, None, order)


def _asked_for(request: object) -> tuple[int, str]:
    """What was asked for; of a split the sum of its parts. What names no amount is nothing, of no currency."""
    amount = getattr(request, "amount", None)
    if isinstance(amount, Money):
        return amount.amount_minor, amount.currency
    parts = getattr(request, "parts", ())
    return sum(part.amount_minor for part in parts), getattr(request, "currency", "xxx")
