"""How a market's story ends: some buyers get money back, statements are compared, planted differences are found, and
every cent is accounted for by party.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from cauce.entrypoints.demo.market import Market
from cauce.entrypoints.demo.stage import Stage
from cauce.flows.marketplace import reconcile, refunds
from cauce.flows.marketplace.refunds import AskRefund
from cauce.kernel.money import major_text
from cauce.reports import marketplace as report
from cauce.storage.database import Row

DAY = timedelta(days=1)
PLANTED: Mapping[str, tuple[str, Mapping[str, int], frozenset[str]]] = {
    "wechat": ("trade", {"bill_drop_row": 1, "bill_amount_off_minor": 7}, frozenset({"missing_there", "amount"})),
}
"""Provider -> which of its statements lies on the first days and how, and the types of break that must be found."""

_LYING_DAYS = 2  # the provider's day of the first payments may be the day after ours


@dataclass(frozen=True, slots=True)
class Compared:
    """What the comparison found: open breaks by type, and planted types that were not found."""

    breaks: Mapping[str, int]
    missed: tuple[str, ...]


async def refund_some(stage: Stage, place: Market, order_ids: Sequence[str], when: str) -> None:
    """Give these buyers their money back, whole."""
    if order_ids:
        await refunds.refund_orders(stage.context, [AskRefund(one, "demo", reason=when) for one in order_ids])
        who = "One buyer gets his" if len(order_ids) == 1 else f"{len(order_ids)} buyers get their"
        stage.tell(f"{who} money back {when}.")
        await stage.settle()


async def compare_statements(stage: Stage, place: Market, first: date) -> Compared:
    """Fetch the provider's statements of every day on which money moved, and compare; one of them was made to lie."""
    async with stage.context.transaction() as tx:
        moved = await report.money_days(tx, place.channel_id)
    today = (await stage.now()).date()
    days = sorted({day + n * DAY for day in moved for n in (0, 1) if first <= day + n * DAY < today})
    expected: frozenset[str] = frozenset()
    if place.provider in PLANTED and days:
        kind, lies, expected = PLANTED[place.provider]
        await stage.control.verb(place.provider, "settings", lies)
        await reconcile.fetch_statements(stage.context, place.channel_id, days[:_LYING_DAYS], [kind])
        await stage.control.verb(place.provider, "settings", dict.fromkeys(lies, 0))
    with stage.progress(f"statements of {place.provider}") as shown:
        for number, day in enumerate(days, 1):
            await reconcile.fetch_statements(
                stage.context, place.channel_id, [day], _kinds(place, lied=day in days[:_LYING_DAYS])
            )
            shown(number, len(days))
    await reconcile.reconcile(stage.context, place.channel_id, first, today)
    async with stage.context.transaction() as tx:
        rows = await report.breaks(tx, place.channel_id)
    found: dict[str, int] = {}
    for row in rows:
        found[row["type"]] = found.get(row["type"], 0) + 1
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(found.items())) or "nothing"
    stage.tell(f"The statements of {len(days)} days are compared with the books: {told} differs" + _told(expected))
    return Compared(found, tuple(sorted(expected - set(found))))


def _kinds(place: Market, *, lied: bool) -> list[str] | None:
    """Every kind, but where one lied not again that one."""
    if place.provider not in PLANTED or not lied:
        return None
    return [kind for kind in place.statement_kinds if kind != PLANTED[place.provider][0]]


def _told(expected: frozenset[str]) -> str:
    return f"; planted were {', '.join(sorted(expected))}." if expected else "."


async def account_for(stage: Stage, place: Market) -> tuple[dict[str, Any], int]:
    """Where the buyers' money is, by party, and what of it is not accounted for."""
    async with stage.context.transaction() as tx:
        sums: Row = await report.party_sums(tx, place.channel_id)
    parties = {name.removesuffix("_minor"): int(sums[name]) for name in sums.keys()}  # noqa: SIM118 - a record
    rest = parties["buyers_paid"] - sum(minor for name, minor in parties.items() if name != "buyers_paid")
    currency = place.currency.upper()
    stage.tell(f"  {place.provider}: buyers paid {major_text(parties['buyers_paid'], place.currency)} {currency} =")
    for name, minor in parties.items():
        if name != "buyers_paid":
            stage.tell(f"    {name.replace('_', ' ')}: {major_text(minor, place.currency)}")
    return parties, rest
