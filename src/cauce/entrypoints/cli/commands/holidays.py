"""`cauce holidays`: the days that payout schedules of business days do not count, by market, from a file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.acting import OrgOption, PersonOption, in_org, plain

if TYPE_CHECKING:
    from cauce.flows.context import Context

app = typer.Typer(help="Holidays by market, for payout schedules that count business days: list, import, remove.")

_COMMAND = "cauce holidays"
MarketOption = Annotated[
    str, typer.Option(help="As a schedule's `calendar` names it; left out: of those that name none.")
]


@app.command("list")
def show_all(market: MarketOption = "", org: OrgOption = "") -> None:
    """List the days of a market."""
    from cauce.marketplace.settlement.holidays import holidays

    async def work(context: Context) -> Any:
        async with context.transaction() as tx:
            return await holidays(tx, market)

    rows = in_org(_COMMAND, org, work)
    lines = [[row["day"], "open" if row["works"] else "closed", row["name"]] for row in rows]
    output.emit(plain(rows), *output.table(("day", "banks", "name"), lines))


@app.command("import")
def take_in(
    file: Annotated[Path, typer.Argument(help="CSV with the columns day, name and works (yes for a working weekend).")],
    market: MarketOption = "",
    org: OrgOption = "",
    person: PersonOption = "",
) -> None:
    """Add or change the days of a market; settlements due on a day that is closed by now wait for the next open one."""
    from cauce.flows.marketplace.merchants import change_market_holidays
    from cauce.kernel.errors import InvalidRequest
    from cauce.marketplace.settlement.holidays import parse_holidays

    try:
        days = parse_holidays(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidRequest(f"the file cannot be read: {exc}", param="file") from exc
    moved = in_org(_COMMAND, org, lambda context: change_market_holidays(context, market, days), person=person)
    output.emit({"days": len(days), "settlements_moved": moved}, f"{len(days)} days, {moved} settlements moved.")


@app.command()
def remove(
    day: Annotated[list[datetime], typer.Argument(formats=["%Y-%m-%d"], help="Days to forget.")],
    market: MarketOption = "",
    org: OrgOption = "",
    person: PersonOption = "",
) -> None:
    """Forget days of a market."""
    from cauce.flows.marketplace.merchants import change_market_holidays

    days = [one.date() for one in day]
    in_org(_COMMAND, org, lambda context: change_market_holidays(context, market, [], days), person=person)
    output.emit({"removed": len(days)}, f"{len(days)} days are forgotten.")
