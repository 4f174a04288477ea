"""`cauce instruments`: merchants' own bank accounts, bound at a channel, approved by a second person, detached."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.acting import OrgOption, PersonOption, in_org, plain

if TYPE_CHECKING:
    from cauce.flows.context import Context

app = typer.Typer(help="Payout instruments, the merchants' own bank accounts: list, bind, approve, detach.")

_COMMAND = "cauce instruments"
InstrumentArgument = Annotated[str, typer.Argument(help="The payout instrument (pin_…).")]


@app.command("list")
def show_all(merchant: Annotated[str, typer.Argument(help="The merchant (mer_…).")], org: OrgOption = "") -> None:
    """List a merchant's bank accounts: which one payouts go to, and from when."""
    from cauce.reports import merchants as report

    async def work(context: Context) -> Any:
        async with context.transaction() as tx:
            await report.one(tx, merchant)
            return await report.instruments(tx, merchant)

    rows = in_org(_COMMAND, org, work)
    lines = [
        [row["id"], row["channel_id"], row["currency"], row["last4"], row["state"], row["usable_from"] or ""]
        for row in rows
    ]
    titles = ("instrument", "channel", "currency", "last digits", "state", "usable from")
    output.emit(plain(rows), *output.table(titles, lines))


@app.command()
def bind(
    merchant: Annotated[str, typer.Argument(help="The merchant (mer_…).")],
    channel: Annotated[str, typer.Argument(help="The channel (ch_…).")],
    currency: Annotated[str, typer.Argument(help="As eur.")],
    holder: Annotated[str, typer.Option(help="The holder's name: the merchant's own.")],
    country: Annotated[str, typer.Option(help="Of the bank, two letters.")],
    number_file: Annotated[
        Path | None, typer.Option("--number-file", help="Holds the account's number; - reads it from standard input.")
    ] = None,
    token: Annotated[str, typer.Option(help="The provider's token for it, instead of its number.")] = "",
    org: OrgOption = "",
    person: PersonOption = "",
) -> None:
    """Bind a bank account and let the channel verify it; its number is asked for, passed on and not kept."""
    from cauce.flows.marketplace.onboarding import BankAccount, bind_instrument

    number = "" if token else _number(number_file)
    bank = BankAccount(merchant, channel, currency, holder, country, number, token)
    made = in_org(_COMMAND, org, lambda context: bind_instrument(context, bank), person=person)
    output.emit({"instrument": made, "state": "verified"}, f"{made} is verified; a second person approves it.")


@app.command()
def approve(instrument: InstrumentArgument, person: PersonOption, org: OrgOption = "") -> None:
    """Let payouts go to a verified bank account, as somebody else than who asked for it; a changed one rests for a day."""
    from cauce.flows.marketplace.onboarding import approve_instrument

    usable_from = in_org(_COMMAND, org, lambda context: approve_instrument(context, instrument), person=person)
    text = f"Payouts go to {instrument} from {usable_from.isoformat()} on."
    output.emit({"instrument": instrument, "usable_from": usable_from.isoformat()}, text)


@app.command()
def detach(instrument: InstrumentArgument, org: OrgOption = "", person: PersonOption = "") -> None:
    """Use a bank account no more; refused while a payout to it is on its way."""
    from cauce.flows.marketplace.onboarding import detach_instrument

    in_org(_COMMAND, org, lambda context: detach_instrument(context, instrument), person=person)
    output.emit({"instrument": instrument, "state": "detached"}, f"{instrument} is used no more.")


def _number(file: Path | None) -> str:
    from cauce.kernel.errors import InvalidRequest

    if file is None:
        return str(typer.prompt("Account number", hide_input=True)).strip()
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidRequest(f"the file cannot be read: {exc}", param="number_file") from exc
    return text.strip()
