"""Differences planted in a provider's own files: each must be found with its amount, and nothing else.

What a provider's files cannot lie about (strange lines of a bank, balances that do not add up) is not played here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cauce.entrypoints.demo.market import Market
from cauce.entrypoints.demo.stage import Stage
from cauce.reports import marketplace as report
from cauce.storage.database import Row

Difference = tuple[str, str, int]
"""Type of break, of what, how much more they say than we do (minor units)."""

STRANGER = "col_0000000000000000stranger"
_SWITCH = {"wechat": "bill_edits", "stripe": "statement_edits"}
_BOOKED = "trade"
_EXTRA_MINOR, _DEARER_MINOR = 5, 2
_FAILED = "ABNORMAL"


@dataclass(slots=True)
class Lies:
    """What a provider's files are made to say, and the differences that must be found."""

    edits: list[dict[str, Any]] = field(default_factory=list)
    expected: list[Difference] = field(default_factory=list)

    def say(self, find: str, act: str, what: Difference, **more: Any) -> None:
        """The row of our key `find` is dropped, doubled, changed or copied."""
        self.edits.append({"bill": _BOOKED, "find": find, "act": act, **more})
        self.expected.append(what)


async def tell_lies(stage: Stage, place: Market) -> Lies:
    """Let the provider's statements lie about a few payments and a refund, as far as there are any."""
    async with stage.context.transaction() as tx:
        paid = await report.kept_payments(tx, place.channel_id, rows_max=5)
        refunds = await report.finished_refunds(tx, place.channel_id, rows_max=1)
    lies = Lies()
    for row, lie in zip(paid, (_gone, _wrong, _dear, _twice, _strange), strict=False):
        lie(lies, row)
    if place.provider == "wechat":  # the other's statement has no word for what failed
        for row in refunds:
            lies.say(row["id"], "change", ("status", "refund", -row["amount_minor"]), state=_FAILED)
    await stage.control.verb(place.provider, "settings", {_SWITCH[place.provider]: lies.edits})
    return lies


async def stop_lying(stage: Stage, place: Market) -> None:
    """From here on the statements are true again."""
    await stage.control.verb(place.provider, "settings", {_SWITCH[place.provider]: []})


def _gone(lies: Lies, row: Row) -> None:
    lies.say(row["id"], "drop", ("missing_there", "collection", -row["amount_minor"]))


def _wrong(lies: Lies, row: Row) -> None:
    lies.say(row["id"], "change", ("amount", "collection", _EXTRA_MINOR), amount_minor=_EXTRA_MINOR)


def _dear(lies: Lies, row: Row) -> None:
    lies.say(row["id"], "change", ("fee", "fee", _DEARER_MINOR), fee_minor=_DEARER_MINOR)


def _twice(lies: Lies, row: Row) -> None:
    lies.say(row["id"], "double", ("duplicate", "collection", row["amount_minor"]))


def _strange(lies: Lies, row: Row) -> None:
    lies.say(row["id"], "copy", ("missing_here", "collection", row["amount_minor"]), key=STRANGER)


async def misplace(stage: Stage, place: Market, minor: int) -> Difference:
    """The first seller's balance at the provider differs by so much, without any payment."""
    ref = place.refs[0]
    if place.provider == "wechat":
        account = f"merchant/{ref}/available"
        books = await stage.control.books("wechat", account, postings=False)
        held = sum(one["balance_minor"] for one in books["balances"] if one["account"] == account)
        await stage.control.verb("wechat", "balance", {"mchid": ref, "available": held + minor})
    else:
        top_up = {"account": ref, "amount": minor, "currency": place.currency}
        await stage.control.verb(place.provider, "topup", top_up)
    return ("balance", "balance", minor)
