"""How a market's story ends: some buyers get money back, statements are compared, planted differences are found, and
every cent is accounted for by party.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from cauce.entrypoints.demo.lies import Difference, misplace, stop_lying, tell_lies
from cauce.entrypoints.demo.market import Market
from cauce.entrypoints.demo.stage import Stage
from cauce.flows.marketplace import reconcile, refunds
from cauce.flows.marketplace.refunds import AskRefund
from cauce.kernel.money import major_text
from cauce.reports import marketplace as report
from cauce.storage.database import Row

DAY = timedelta(days=1)
_MISPLACED_MINOR = 3


@dataclass(frozen=True, slots=True)
class Compared:
    """What the comparison found: open breaks by type, what was planted and not found, what nobody planted."""

    breaks: Mapping[str, int]
    missed: tuple[Difference, ...]
    strange: tuple[Difference, ...]


async def refund_some(stage: Stage, place: Market, order_ids: Sequence[str], when: str) -> None:
    """Give these buyers their money back, whole."""
    if order_ids:
        await refunds.refund_orders(stage.context, [AskRefund(one, "demo", reason=when) for one in order_ids])
        who = "One buyer gets his" if len(order_ids) == 1 else f"{len(order_ids)} buyers get their"
        stage.tell(f"{who} money back {when}.")
        await stage.settle()


async def compare_statements(stage: Stage, place: Market, first: date) -> Compared:
    """Fetch the provider's statements of every day on which money moved, made to lie here and there, and compare."""
    async with stage.context.transaction() as tx:
        moved = await report.money_days(tx, place.channel_id)
    today = (await stage.now()).date()
    days = sorted({day + n * DAY for day in moved for n in (0, 1) if first <= day + n * DAY < today})
    lies = await tell_lies(stage, place)
    with stage.progress(f"statements of {place.provider}") as shown:
        for number, day in enumerate(days, 1):
            await reconcile.fetch_statements(stage.context, place.channel_id, [day])
            shown(number, len(days))
    await stop_lying(stage, place)
    await reconcile.reconcile(stage.context, place.channel_id, first, today)
    lies.expected.append(await misplace(stage, place, _MISPLACED_MINOR))
    await reconcile.check_mirror(stage.context, place.channel_id)
    async with stage.context.transaction() as tx:
        rows = await report.breaks(tx, place.channel_id)
    await misplace(stage, place, -_MISPLACED_MINOR)
    await reconcile.check_mirror(stage.context, place.channel_id)
    found = Counter((row["type"], row["kind"], row["amount_minor"]) for row in rows)
    planted, types = Counter(lies.expected), Counter(row["type"] for row in rows)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(types.items())) or "nothing"
    stage.tell(f"The statements of {len(days)} days are compared with the books: {told} differs; {len(rows)} found,")
    stage.tell(f"{len(lies.expected)} were planted.")
    return Compared(types, tuple((planted - found).elements()), tuple((found - planted).elements()))


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
