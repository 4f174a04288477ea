"""`cauce import stripe`: the run, and its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cauce.entrypoints.cli.application import chosen_org, run_with_app, shell_actor
from cauce.flows.billing.foreign_plans import map_from
from cauce.flows.billing.import_billing import Imported, import_billing

if TYPE_CHECKING:
    from cauce.app import App


def imported(channel_id: str, plain_map: object, org: str, *, dry_run: bool, compare: bool) -> Imported:
    """Run the import in the chosen organization."""
    given = map_from(plain_map)

    async def work(app: App) -> Imported:
        async with app.runtime.db.transaction() as tx:
            one = await chosen_org(tx, org)
        context = app.runtime.context(one.id, actor=shell_actor(), cause="cli")
        return await import_billing(context, channel_id, given, dry_run=dry_run, compare=compare)

    return run_with_app("cauce import stripe", work)


def described(found: Imported, *, dry_run: bool) -> dict[str, Any]:
    """The report as data."""
    return {
        "dry_run": dry_run,
        "customers": found.customers,
        "refused_customers": [{"reference": ref, "reason": reason} for ref, reason in found.refused_customers],
        "subscriptions": [{"reference": one.reference, "subscription": one.subscription_id} for one in found.taken],
        "left": [{"reference": ref, "reason": reason} for ref, reason in found.left],
        "differences": [
            {"reference": one.reference, "old_minor": one.old_minor, "new_minor": one.new_minor}
            for one in found.different
        ],
    }


def told(found: Imported, *, dry_run: bool, compared: bool) -> list[str]:
    """The report as lines."""
    would = "would be taken over" if dry_run else "taken over"
    lines = [f"{found.customers} customers and {len(found.taken)} subscriptions {would}."]
    lines += [f"  {ref}: {reason}" for ref, reason in (*found.refused_customers, *found.left)]
    if compared and not dry_run:
        lines.append(f"{len(found.different)} differ from their last invoice there.")
        lines += [f"  {one.reference}: {one.old_minor} -> {one.new_minor}" for one in found.different]
    return lines
