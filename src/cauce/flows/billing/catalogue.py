"""The catalogue as a file: what would change (a dry run), making it so, and writing the file from what is sold (A6).

    products:
      - key: app
        name: The app
        plans:
          - key: pro
            name: Pro
            trial_days: 14
            policy: {trial_end: pause}
            features: {projects: 10}
            prices:
              - {key: base, currency: eur, interval: month, model: {type: flat, amount_minor: 2900},
               phases: [{periods: 3, model: {type: flat, amount_minor: 900}}]}

A plan whose content differs from what is sold becomes a new version with new prices: whoever has the old one keeps
it. Applying a file twice changes nothing; exporting and applying changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.policies import policy_from
from cauce.billing.catalog.rules import BadPlan, NewPlan, NewPrice
from cauce.flows.context import Context
from cauce.kernel.errors import InvalidRequest
from cauce.storage.database import Tx


class BadCatalogue(InvalidRequest):
    """The catalogue file cannot be understood."""

    code = "bad_catalogue"


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of the difference: `action` is create, update, new_version or archive; `what` names it."""

    action: str
    what: str


async def apply_catalogue(
    context: Context, content: Mapping[str, Any], *, dry_run: bool = False, archive_missing: bool = False
) -> list[Difference]:
    """Make the catalogue what the file says (or only tell the difference); `archive_missing`: retire plans it omits."""
    products = _read(content)
    async with context.transaction() as tx:
        return await _apply(tx, context, products, dry_run=dry_run, archive_missing=archive_missing)


async def export_catalogue(context: Context) -> dict[str, Any]:
    """The catalogue as a file's content."""
    async with context.transaction() as tx:
        plans = [plan for plan in await catalog.latest_plans(tx) if plan.state != "archived"]
        found = []
        for product in await catalog.list_products(tx):
            own = [plan.content for plan in plans if plan.product_id == product["id"] and plan.content]
            one = {"key": product["key"], "name": product["name"], "description": product["description"], "plans": own}
            found.append(one)
    return {"products": found}


async def _apply(
    tx: Tx, context: Context, products: list[dict[str, Any]], *, dry_run: bool, archive_missing: bool
) -> list[Difference]:
    now, actor = await context.now(tx), context.actor.name
    differences: list[Difference] = []
    current = {plan.key: plan for plan in await catalog.latest_plans(tx)}
    mentioned: set[str] = set()
    for product in products:
        row = await catalog.find_product(tx, product["key"])
        name, description = product.get("name", product["key"]), product.get("description", "")
        product_id = row["id"] if row else ""
        if row is None:
            differences.append(Difference("create", f"product {product['key']}"))
            if not dry_run:
                product_id = await catalog.create_product(
                    tx, product["key"], name, now=now, description=description, actor=actor
                )
        elif (row["name"], row["description"]) != (name, description):
            differences.append(Difference("update", f"product {product['key']}"))
            if not dry_run:
                await catalog.update_product(
                    tx, product_id, name, description, row["archived_at"], now=now, actor=actor
                )
        for content in product.get("plans", []):
            plan = plan_from(content, product_id)
            mentioned.add(plan.key)
            known = current.get(plan.key)
            if known is not None and known.content == content and known.state != "archived":
                continue
            differences.append(Difference("create" if known is None else "new_version", f"plan {plan.key}"))
            if not dry_run:
                await catalog.create_plan(tx, plan, now=now, actor=actor)
    for key, old in sorted(current.items()):
        if archive_missing and key not in mentioned and old.state != "archived":
            differences.append(Difference("archive", f"plan {key}"))
            if not dry_run:
                await catalog.archive_plan(tx, old.id, now=now, actor=actor)
    return differences


def _read(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    products = content.get("products") if isinstance(content, Mapping) else None
    if not isinstance(products, list) or not all(isinstance(one, dict) and "key" in one for one in products):
        raise BadCatalogue("a catalogue has a list of products, each with a key", param="products")
    return products


def plan_from(content: dict[str, Any], product_id: str) -> NewPlan:
    """The plan that a file's entry, or a form, describes; `BadCatalogue` or `BadPlan` names what cannot be understood."""
    if not isinstance(content, dict) or "key" not in content:
        raise BadCatalogue("a plan has a key", param="plans")
    known = {"key", "name", "trial_days", "policy", "features", "options", "prices"}
    unknown = set(content) - known
    if unknown:
        raise BadCatalogue(f"plan {content['key']} has no field {sorted(unknown)[0]}", param="plans")
    if not isinstance(content.get("trial_days", 0), int) or not isinstance(content.get("prices", []), list):
        raise BadCatalogue(f"plan {content['key']}: trial_days is a whole number, prices a list", param="plans")
    try:
        prices = tuple(msgspec.convert(price, NewPrice, strict=True) for price in content.get("prices", []))
    except msgspec.ValidationError as exc:
        raise BadPlan(f"plan {content['key']}: {exc}", param="prices") from exc
    return NewPlan(
        key=content["key"],
        product_id=product_id,
        name=content.get("name", content["key"]),
        prices=prices,
        trial_days=content.get("trial_days", 0),
        features=content.get("features", {}),
        options=tuple(content.get("options", ())),
        policy=policy_from(content.get("policy", {})),
        content=content,
    )
