"""`cauce merchants`: who sells, his accounts at channels, the bank accounts that payouts go to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.acting import OrgOption, PersonOption, in_org, plain

if TYPE_CHECKING:
    from cauce.flows.context import Context

app = typer.Typer(help="Merchants, their accounts at channels, their payout instruments.")

_COMMAND = "cauce merchants"


@app.command("list")
def show_all(
    search: Annotated[str, typer.Option(help="The beginning of the name, or your own number.")] = "",
    org: OrgOption = "",
) -> None:
    """List merchants, newest first, at most a hundred."""
    from cauce.reports.merchants import page

    async def work(context: Context) -> Any:
        async with context.transaction() as tx:
            return await page(tx, find=search, rows_max=100)

    rows = in_org(_COMMAND, org, work)
    lines = [[row["id"], row["external_id"], row["name"], row["state"]] for row in rows]
    output.emit(plain(rows), *output.table(("merchant", "your number", "name", "state"), lines))


@app.command()
def create(
    name: Annotated[str, typer.Argument()],
    number: Annotated[str, typer.Option(help="Your own number for him.")] = "",
    country: Annotated[str, typer.Option(help="Two letters.")] = "",
    org: OrgOption = "",
    person: PersonOption = "",
) -> None:
    """Make a merchant; one whose number is known already is that merchant."""
    from cauce.flows.marketplace.merchants import create_merchants
    from cauce.marketplace.merchants.rules import NewMerchant

    new = NewMerchant(name, external_id=number, country=country)
    (made,) = in_org(_COMMAND, org, lambda context: create_merchants(context, [new]), person=person)
    output.emit({"merchant": made}, f"{made} is {name}.")


@app.command()
def connect(
    merchant: Annotated[str, typer.Argument(help="The merchant (mer_…).")],
    channel: Annotated[str, typer.Argument(help="The channel (ch_…).")],
    ref: Annotated[str, typer.Option(help="His number at the channel; left out: an account is drafted.")] = "",
    agreement: Annotated[str, typer.Option(help="The number of his agreement.")] = "",
    org: OrgOption = "",
    person: PersonOption = "",
) -> None:
    """Connect a merchant to a channel with the account that he has there."""
    from cauce.flows.marketplace.merchants import connect_merchants
    from cauce.marketplace.merchants.rules import NewAccount

    async def work(context: Context) -> None:
        await context.gateway(channel)  # a channel that does not exist is refused before anything is kept
        await connect_merchants(context, [NewAccount(merchant, channel, ref, agreement)])

    in_org(_COMMAND, org, work, person=person)
    output.emit({"merchant": merchant, "channel": channel}, f"{merchant} is connected to {channel}.")


@app.command()
def accounts(merchant: Annotated[str, typer.Argument(help="The merchant (mer_…).")], org: OrgOption = "") -> None:
    """Show a merchant's accounts at channels and his payout instruments."""
    from cauce.reports import merchants as report

    async def work(context: Context) -> Any:
        async with context.transaction() as tx:
            await report.one(tx, merchant)
            return await report.accounts(tx, merchant), await report.instruments(tx, merchant)

    found, bound = in_org(_COMMAND, org, work)
    lines = [[row["id"], row["channel_id"], row["state"]] for row in (*found, *bound)]
    data = {"accounts": plain(found), "instruments": plain(bound)}
    output.emit(data, *output.table(("id", "channel", "state"), lines))


@app.command("approve-instrument")
def approve_instrument(
    instrument: Annotated[str, typer.Argument(help="The payout instrument (pin_…).")],
    person: PersonOption,
    org: OrgOption = "",
) -> None:
    """Let payouts go to a verified bank account, as somebody else than who asked for it."""
    from cauce.flows.marketplace.onboarding import approve_instrument as approve

    in_org(_COMMAND, org, lambda context: approve(context, instrument), person=person)
    output.emit({"instrument": instrument}, f"Payouts go to {instrument}.")


@app.command("pause-payouts")
def pause_payouts(
    merchant: Annotated[str, typer.Argument(help="The merchant (mer_…).")],
    reason: Annotated[str, typer.Option(help="Why, for the audit.")] = "",
    org: OrgOption = "",
    person: PersonOption = "",
) -> None:
    """Pay a merchant nothing out until you let it go on; he goes on selling and being credited."""
    _pause(merchant, org, person, paused=True, reason=reason)
    output.emit({"merchant": merchant, "payouts_paused": True}, f"{merchant} is paid nothing out.")


@app.command("resume-payouts")
def resume_payouts(
    merchant: Annotated[str, typer.Argument(help="The merchant (mer_…).")],
    org: OrgOption = "",
    person: PersonOption = "",
) -> None:
    """Let a merchant's payouts go on; he is paid with his next settlement."""
    _pause(merchant, org, person, paused=False)
    output.emit({"merchant": merchant, "payouts_paused": False}, f"Payouts to {merchant} go on.")


def _pause(merchant: str, org: str, person: str, *, paused: bool, reason: str = "") -> None:
    from cauce.flows.marketplace.payout_pauses import pause_merchant_payouts

    async def work(context: Context) -> None:
        await pause_merchant_payouts(context, merchant, paused=paused, reason=reason)

    in_org(_COMMAND, org, work, person=person)
