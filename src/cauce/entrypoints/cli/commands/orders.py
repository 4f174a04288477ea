"""`cauce orders`: orders, who gets what of one, and what its rule kept for later divided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.acting import OrgOption, PersonOption, in_org, plain

if TYPE_CHECKING:
    from cauce.flows.context import Context

app = typer.Typer(
    help="Orders: list, show one, refund, withdraw what was not sent or paid, divide what one keeps for later."
)

_COMMAND = "cauce orders"
OrderArgument = Annotated[str, typer.Argument(help="The order (ord_…).")]


@app.command("list")
def show_all(
    number: Annotated[str, typer.Option(help="Only the one with this number of yours.")] = "", org: OrgOption = ""
) -> None:
    """List orders, newest first, at most a hundred."""
    from cauce.reports.orders import page

    async def work(context: Context) -> Any:
        async with context.transaction() as tx:
            return await page(tx, number=number, rows_max=100)

    rows = in_org(_COMMAND, org, work)
    lines = [[row["id"], row["external_id"], row["state"], row["total_minor"], row["currency"]] for row in rows]
    output.emit(plain(rows), *output.table(("order", "your number", "state", "minor units", "currency"), lines))


@app.command()
def show(order: OrderArgument, org: OrgOption = "") -> None:
    """Show who gets what of an order, what it keeps for later, and who got of that since."""
    from cauce.reports import orders as report

    async def work(context: Context) -> Any:
        async with context.transaction() as tx:
            one = await report.one(tx, order)
            added = await report.subsidies(tx, order)
            return one, await report.parts(tx, order), await report.kept_parts(tx, order), added

    one, parts, divided, added = in_org(_COMMAND, org, work)
    lines = [
        [row["party"], row["amount_minor"], row["reversed_minor"], row["split_state"] or "planned"] for row in parts
    ]
    (data,) = plain([one])
    data |= {"parts": plain(parts), "kept_parts": plain(divided), "subsidies": plain(added)}
    lines += [[row["kind"].replace("_", " "), row["amount_minor"], 0, row["state"]] for row in added]
    output.emit(data, *output.table(("party", "minor units", "taken back", "state"), lines))


@app.command()
def refund(
    order: OrderArgument,
    number: Annotated[str, typer.Option(help="Your own number of this refund: the same again changes nothing.")],
    amount: Annotated[int | None, typer.Option(min=1, help="Minor units; left out: all that is left.")] = None,
    line: Annotated[
        list[str] | None, typer.Option(help="Of this line: 2 (all that is left of it) or 2=500; repeat it.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    org: OrgOption = "",
    person: PersonOption = "",
) -> None:
    """Give money back to whoever paid, of all or of certain lines; what was split comes back from the parties first."""
    from cauce.flows.marketplace.refunds import AskRefund, refund_orders
    from cauce.marketplace.orders.itemized import read_lines

    asked = AskRefund(order, number, amount, reason, lines=read_lines(line, _minor) if line else None)
    made = in_org(_COMMAND, org, lambda context: refund_orders(context, [asked]), person=person)
    output.emit({"order": order, "refunds": made[order]}, f"{', '.join(made[order])} of {order} is asked for.")


@app.command("cancel-refund")
def cancel_refund(
    refund: Annotated[str, typer.Argument(help="The refund (rfd_…).")], org: OrgOption = "", person: PersonOption = ""
) -> None:
    """Withdraw a refund that was not sent to the channel: what it took is free again."""
    from cauce.flows.marketplace import withdrawing

    in_org(_COMMAND, org, lambda context: withdrawing.cancel_refund(context, refund), person=person)
    output.emit({"refund": refund}, f"{refund} is withdrawn.")


@app.command("cancel-payment")
def cancel_payment(
    collection: Annotated[str, typer.Argument(help="The payment (col_…).")],
    org: OrgOption = "",
    person: PersonOption = "",
) -> None:
    """Withdraw a payment that its payer has not made: the channel closes it. An order that has no other is canceled."""
    from cauce.flows.marketplace import withdrawing

    in_org(_COMMAND, org, lambda context: withdrawing.cancel_collection(context, collection), person=person)
    output.emit({"collection": collection}, f"{collection} is withdrawn.")


def _minor(typed: str) -> int:
    from cauce.kernel.errors import InvalidRequest

    if not typed.isdecimal() or not int(typed):
        raise InvalidRequest(f"{typed!r} is no amount in minor units", param="line")
    return int(typed)


@app.command("retry-subsidy")
def retry_subsidy(order: OrderArgument, org: OrgOption = "", person: PersonOption = "") -> None:
    """Ask the channel again for the subsidy of an order that it refused."""
    from cauce.flows.marketplace import subsidies

    in_org(_COMMAND, org, lambda context: subsidies.retry_subsidy(context, order), person=person)
    output.emit({"order": order}, f"The subsidy of {order} is asked for again.")


@app.command("drop-subsidy")
def drop_subsidy(order: OrderArgument, org: OrgOption = "", person: PersonOption = "") -> None:
    """Let an order go on without the subsidy that the channel refused."""
    from cauce.flows.marketplace import subsidies

    in_org(_COMMAND, org, lambda context: subsidies.drop_subsidy(context, order), person=person)
    output.emit({"order": order}, f"{order} goes on without its subsidy.")


@app.command("split-kept")
def split_kept(
    order: OrderArgument,
    part: Annotated[
        list[str] | None, typer.Option(help="Who gets how much: party:agent=700, mer_…=700 or fee=50; repeat it.")
    ] = None,
    rule: Annotated[str, typer.Option(help="Let this rule (spr_…) divide it instead.")] = "",
    amount: Annotated[int | None, typer.Option(min=1, help="How much the rule divides; left out: all.")] = None,
    kept: Annotated[int | None, typer.Option(min=1, help="What you saw kept; another amount is refused.")] = None,
    reason: Annotated[str, typer.Option(help="Why now.")] = "",
    org: OrgOption = "",
    person: PersonOption = "",
) -> None:
    """Divide what an order's rule kept for later among those whom the order named."""
    from cauce.flows.marketplace import keep

    asked = keep.AskKept(order, _amounts(part) if part else None, rule, amount, reason, kept)
    divided = in_org(_COMMAND, org, lambda context: keep.split_kept(context, asked), person=person)
    output.emit({"order": order, "divided": divided}, f"{divided} of {order} are divided.")


def _amounts(parts: list[str]) -> dict[str, int]:
    from cauce.kernel.errors import InvalidRequest

    found: dict[str, int] = {}
    for one in parts:
        name, _, amount = one.partition("=")
        if not name or not amount.isdecimal() or name in found:
            raise InvalidRequest(f"{one} is no party=amount in minor units, or stands twice", param="part")
        found[name] = int(amount)
    return found
