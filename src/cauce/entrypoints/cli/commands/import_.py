"""`cauce import`: take over what a system that ran before knows, from CSV files: customers, subscriptions, orders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cauce.entrypoints.cli import output
from cauce.kernel.errors import InvalidRequest

if TYPE_CHECKING:
    from cauce.app import App
    from cauce.flows.billing.take_over import TakenOver

app = typer.Typer(help="Take over customers, subscriptions and orders of another system.")

File = Annotated[Path, typer.Argument(help="The CSV file, with a line of column names.")]
Map = Annotated[Path, typer.Option("--map", help="A YAML file: columns, values, defaults (docs/take-over.md).")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only report what would come of each row.")]
OrgOption = Annotated[str, typer.Option("--org", help="The organization (org_…); may be left out when there is one.")]


@app.command("customers")
def import_customers(file: File, map_file: Map, dry_run: DryRun = False, org: OrgOption = "") -> None:
    """Make customers, or bring those known by their external id up to date."""
    _import("customers", file, map_file, None, org, dry_run=dry_run)


@app.command("subscriptions")
def import_subscriptions(
    file: File,
    map_file: Map,
    dry_run: DryRun = False,
    compare: Annotated[
        Path | None, typer.Option("--compare", help="The old system's last invoices: reference, total_minor.")
    ] = None,
    org: OrgOption = "",
) -> None:
    """Take subscriptions over where they stand; the first own invoice continues the old anchor. Again: no effect."""
    _import("subscriptions", file, map_file, compare, org, dry_run=dry_run)


@app.command("stripe")
def import_stripe(
    channel: Annotated[str, typer.Option("--channel", help="The channel whose provider bills them now (ch_…).")],
    map_file: Annotated[
        Path | None, typer.Option("--map", help="A YAML file: prices, external_id (docs/take-over.md).")
    ] = None,
    dry_run: DryRun = False,
    compare: Annotated[
        bool, typer.Option("--compare", help="The next invoice here against the last one there.")
    ] = False,
    org: OrgOption = "",
) -> None:
    """Take over what Stripe Billing runs: each subscription is ended there with its period and billed here from then on."""
    import yaml

    from cauce.entrypoints.cli.foreign_import import described, imported, told

    found = imported(
        channel, yaml.safe_load(_text(map_file)) if map_file else None, org, dry_run=dry_run, compare=compare
    )
    output.emit(described(found, dry_run=dry_run), *told(found, dry_run=dry_run, compared=compare))


@app.command("orders")
def import_orders(
    items: Annotated[Path, typer.Option("--items", help="CSV: order_id, item, seller_id, price_cents, freight_cents.")],
    payments: Annotated[
        Path, typer.Option("--payments", help="CSV: order_id, sequence, method, amount_cents; may have ref, fee_cents.")
    ],
    channel: Annotated[str, typer.Option("--channel", help="The channel that holds the money (ch_…).")],
    rule: Annotated[str, typer.Option("--rule", help="The active split rule (its currency is the orders').")],
    orders: Annotated[
        Path | None,
        typer.Option("--orders", help="CSV: order_id, status, purchased_at, …; without it the file of items has them."),
    ] = None,
    map_file: Annotated[
        Path | None,
        typer.Option("--map", help="A YAML file: columns, values, defaults, amounts (docs/marketplace.md)."),
    ] = None,
    refused_file: Annotated[
        Path | None, typer.Option("--refused", help="Write each refused order and why to this CSV file.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Read a finished import anew: orders that were refused are tried again.")
    ] = False,
    org: OrgOption = "",
) -> None:
    """Take orders of a marketplace from files. Killed, it goes on where it stood; the same files again change nothing."""
    import yaml

    from cauce.entrypoints.cli.order_import import Import, imported, told
    from cauce.flows.marketplace.order_files import OrderFiles, OrderMap, order_map_from

    order_map = order_map_from(yaml.safe_load(_text(map_file))) if map_file else OrderMap()
    wanted = Import(OrderFiles(orders, items, payments, order_map), channel, rule, org, refused_file, again)
    data = imported(wanted)
    output.emit(data, *told(data, refused_file))


def _import(what: str, file: Path, map_file: Path, compare: Path | None, org: str, *, dry_run: bool) -> None:
    import yaml

    from cauce.entrypoints.cli.application import chosen_org, run_with_app, shell_actor
    from cauce.flows.billing import take_over_files as files

    columns = files.columns_from(yaml.safe_load(_text(map_file)))
    lines, old = _text(file).splitlines(), _text(compare).splitlines() if compare else []

    async def work(app: App) -> tuple[list[TakenOver], list[files.Difference]]:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        context = app.runtime.context(one.id, actor=shell_actor(), cause="cli")
        flow = files.import_customers if what == "customers" else files.import_subscriptions
        taken = await flow(context, lines, columns, dry_run=dry_run)
        return taken, await files.compare_next(context, taken, old) if compare else []

    taken, different = run_with_app(f"cauce import {what}", work)
    refused = [one for one in taken if one.refused]
    data: dict[str, Any] = {
        "read": len(taken),
        "accepted": len(taken) - len(refused),
        "refused": [{"reference": one.reference, "reason": one.refused} for one in refused],
        "dry_run": dry_run,
        "differences": [
            {"reference": one.reference, "old_minor": one.old_minor, "new_minor": one.new_minor} for one in different
        ],
    }
    output.emit(data, *_told(data, compared=compare is not None))


def _told(data: dict[str, Any], *, compared: bool) -> Sequence[str]:
    would = "would be taken over" if data["dry_run"] else "taken over"
    lines = [f"{data['accepted']} of {data['read']} {would}."]
    lines += [f"  {one['reference']}: {one['reason']}" for one in data["refused"]]
    if compared:
        lines.append(f"{len(data['differences'])} differ from the old system's last invoice.")
        lines += [f"  {one['reference']}: {one['old_minor']} -> {one['new_minor']}" for one in data["differences"]]
    return lines


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidRequest(f"{file} cannot be read: {exc}", param="file") from exc
