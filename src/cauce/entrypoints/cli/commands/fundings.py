"""`cauce fundings`: money that is not an order's: member top-ups, subsidies, advances, fee sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.acting import OrgOption, PersonOption, in_org, plain

if TYPE_CHECKING:
    from cauce.flows.context import Context

app = typer.Typer(help="Money that is not an order's: top-ups, subsidies, advances, fee sweeps.")

_COMMAND = "cauce fundings"


@app.command("list")
def show_all(
    merchant: Annotated[str, typer.Option(help="Only those of this merchant (mer_…).")] = "", org: OrgOption = ""
) -> None:
    """List such movements, newest first, at most a hundred."""
    from cauce.marketplace.settlement.funding import page

    async def work(context: Context) -> Any:
        async with context.transaction() as tx:
            return await page(tx, merchant_id=merchant, rows_max=100)

    rows = in_org(_COMMAND, org, work)
    lines = [[row["id"], row["kind"], row["amount_minor"], row["currency"], row["state"]] for row in rows]
    output.emit(plain(rows), *output.table(("id", "kind", "minor units", "currency", "state"), lines))


@app.command()
def suspense(org: OrgOption = "") -> None:
    """List credits of which something has no owner yet, at most a hundred; `request assign_suspense` gives them one."""
    from cauce.marketplace.settlement.suspense import page

    async def work(context: Context) -> Any:
        async with context.transaction() as tx:
            return await page(tx, open_only=True, rows_max=100)

    rows = in_org(_COMMAND, org, work)
    lines = [[row["id"], row["amount_minor"], row["assigned_minor"], row["currency"], row["ref"]] for row in rows]
    output.emit(plain(rows), *output.table(("credit", "minor units", "given", "currency", "provider's number"), lines))


@app.command()
def request(
    kind: Annotated[str, typer.Argument(help="As top_up, subsidy, advance, fee_sweep, assign_suspense.")],
    channel: Annotated[str, typer.Argument(help="The channel (ch_…).")],
    amount: Annotated[int, typer.Argument(min=1, help="Minor units.")],
    currency: Annotated[str, typer.Argument(help="As eur.")],
    merchant: Annotated[str, typer.Option(help="Whose money, or for whose benefit (mer_…).")] = "",
    order: Annotated[str, typer.Option(help="What it is for (ord_…).")] = "",
    parent: Annotated[str, typer.Option(help="The top-up to undo, the advance to recover, the credit to give.")] = "",
    org: OrgOption = "",
    person: PersonOption = "",
) -> None:
    """Ask for a movement; subsidies and advances wait for a second person. What the channel cannot do is refused."""
    from cauce.flows.marketplace.funds import AskFunding, request_funding
    from cauce.kernel.errors import InvalidRequest
    from cauce.marketplace.settlement.funding import FundingKind

    if kind not in set(FundingKind):
        raise InvalidRequest(f"{kind} is none of {', '.join(FundingKind)}", param="kind")
    asked = AskFunding(FundingKind(kind), channel, currency, amount, merchant, order, parent)
    made = in_org(_COMMAND, org, lambda context: request_funding(context, asked), person=person)
    output.emit({"funding": made}, f"{made} is asked for.")


@app.command()
def approve(
    funding: Annotated[str, typer.Argument(help="The movement (sby_… or adv_…).")],
    person: PersonOption,
    org: OrgOption = "",
) -> None:
    """Approve a subsidy or an advance, as somebody else than who asked for it."""
    from cauce.flows.marketplace.funds import approve_funding

    in_org(_COMMAND, org, lambda context: approve_funding(context, funding), person=person)
    output.emit({"funding": funding}, f"{funding} goes to the channel.")
