"""`cauce catalog`: the catalogue as a file: what would change, making it so, and writing it out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cauce.entrypoints.cli import output
from cauce.kernel.errors import InvalidRequest

if TYPE_CHECKING:
    from cauce.app import App

app = typer.Typer(
    help="Products, plans, prices, coupons, tax rates and meters as a YAML file: apply it, or write it from what is sold."
)

OrgOption = Annotated[str, typer.Option("--org", help="The organization (org_…); may be left out when there is one.")]


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="The YAML file.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell the difference.")] = False,
    archive_missing: Annotated[
        bool,
        typer.Option(
            "--archive-missing",
            help="Stop selling plans that the file omits: those that came by a file, and those an exported file had.",
        ),
    ] = False,
    org: OrgOption = "",
) -> None:
    """Make the catalogue what the file says; whoever has an older version of a plan keeps it."""
    import yaml

    from cauce.entrypoints.cli.application import chosen_org, run_with_app, shell_actor
    from cauce.flows.billing.catalogue import apply_catalogue

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise InvalidRequest(f"{file} cannot be read as YAML: {exc}", param="file") from exc

    async def work(app: App) -> list[dict[str, str]]:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        context = app.runtime.context(one.id, actor=shell_actor(), cause="cli")
        found = await apply_catalogue(context, content, dry_run=dry_run, archive_missing=archive_missing)
        return [{"action": each.action, "what": each.what} for each in found]

    found = run_with_app("cauce catalog apply", work)
    lines = [f"{one['action'].replace('_', ' ')}: {one['what']}" for one in found] or ["Nothing differs."]
    output.emit({"dry_run": dry_run, "differences": found}, *lines, *(["Nothing was written."] if dry_run else []))


@app.command()
def export(org: OrgOption = "") -> None:
    """Write the catalogue as YAML; applied again it changes nothing."""
    import yaml

    from cauce.entrypoints.cli.application import chosen_org, run_with_app, shell_actor
    from cauce.flows.billing.catalogue import export_catalogue

    async def work(app: App) -> dict[str, Any]:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        return await export_catalogue(app.runtime.context(one.id, actor=shell_actor(), cause="cli"))

    content = run_with_app("cauce catalog export", work)
    output.emit(content, yaml.safe_dump(content, sort_keys=False, allow_unicode=True).rstrip())
