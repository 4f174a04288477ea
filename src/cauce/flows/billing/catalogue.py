"""The catalogue as a file: what would change (a dry run), making it so, and writing the file from what is sold (A6).

    products:
      - key: app
        name: The app
        category: tools
        plans:
          - key: pro
            name: Pro
            trial_days: 14
            policy: {trial_end: pause}
            features: {projects: 10}
            prices:
              - {key: base, currency: eur, interval: month, model: {type: flat, amount_minor: 2900},
               phases: [{periods: 3, model: {type: flat, amount_minor: 900}}]}
    coupons:
      - {code: HALF, percent: "50"}
    tax_rates:
      - {country: ES, percent: "21"}
    meters:
      - {key: calls, aggregation: sum}

What is compared is what is sold, whoever made it. A plan whose terms differ becomes a new version with new prices:
whoever has the old one keeps it. Applying a file twice changes nothing; exporting and applying changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from cauce.billing.catalog import products as product_rows
from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.files import (
    Catalogue,
    FilePlan,
    FileProduct,
    catalogue_from,
    plan_from,
    plan_to_file,
    same_terms,
)
from cauce.billing.catalog.products import ProductTerms
from cauce.billing.catalog.rules import NewPlan, NewPrice, Plan
from cauce.flows.billing import catalogue_beside as beside
from cauce.flows.billing.catalogue_beside import Difference, Writing
from cauce.flows.context import Context
from cauce.storage.database import Row
from cauce.storage.directory.orgs import read_org

__all__ = ["Difference", "apply_catalogue", "export_catalogue", "terms_of"]


async def apply_catalogue(
    context: Context, content: Mapping[str, Any], *, dry_run: bool = False, archive_missing: bool = False
) -> list[Difference]:
    """Make the catalogue what the file says (or only tell the difference), all or nothing.

    `archive_missing` retires plans that the file omits: those that came by a file, and any that an exported file of this
    organization had when it was written. A plan that somebody made otherwise since then is told (`keep`) and stays.
    """
    file = catalogue_from(content)
    async with context.transaction() as tx:
        writing = Writing(tx, await context.now(tx), context.actor.name, dry_run)
        await beside.put_meters(writing, file.meters)
        await beside.put_tax_rates(writing, file.tax_rates)
        await _put_products(writing, file)
        await beside.put_coupons(writing, file.coupons, {one.key for one in file.products})
        if archive_missing:
            await _archive_missing(writing, file)
    return writing.differences


async def export_catalogue(context: Context) -> dict[str, Any]:
    """The catalogue as a file's content: whatever is sold, by whomever it was made; what is archived is left out."""
    async with context.transaction() as tx:
        org = await read_org(tx, context.org_id)
        plans = [plan for plan in await catalog.latest_plans(tx) if plan.state != "archived"]
        sold = await catalog.sold_prices(tx, [plan.id for plan in plans])
        products = await catalog.list_products(tx)
        said = [_product(row, [one for one in plans if one.product_id == row["id"]], sold) for row in products]
        content: dict[str, Any] = {
            "exported": {"organization": org.public_id, "plans": [plan.key for plan in plans if sold.get(plan.id)]}
        }
        content["products"] = [one for one in said if one["plans"] or not one.get("archived")]
        content |= await beside.export(tx, {row["id"]: row["key"] for row in products})
    return content


def _product(row: Row, plans: Sequence[Plan], sold: Mapping[str, Sequence[NewPrice]]) -> dict[str, Any]:
    terms = product_rows.terms_of(row)
    said: dict[str, Any] = {"key": row["key"], "name": terms.name, "description": terms.description}
    more = {"category": terms.category, "metadata": terms.metadata, "archived": terms.archived}
    said |= {name: value for name, value in more.items() if value}
    said["plans"] = [_plan(plan, sold[plan.id]) for plan in plans if sold.get(plan.id)]
    return said


def _plan(plan: Plan, prices: Sequence[NewPrice]) -> dict[str, Any]:
    said = plan_to_file(terms_of(plan, prices))
    metadata = {"metadata": plan.metadata} if plan.metadata else {}
    return {
        "key": said.pop("key"),
        "name": said.pop("name"),
        "published": plan.state == "published",
        **metadata,
        **said,
    }


def terms_of(plan: Plan, prices: Sequence[NewPrice]) -> NewPlan:
    """A plan that is sold at these prices, as it would be made again."""
    return NewPlan(
        plan.key,
        plan.product_id,
        plan.name,
        tuple(prices),
        plan.trial_days,
        plan.features,
        tuple(plan.options),
        plan.policy,
        plan.content,
    )


async def _put_products(writing: Writing, file: Catalogue) -> None:
    current = {plan.key: plan for plan in await catalog.latest_plans(writing.tx)}
    sold = await catalog.sold_prices(writing.tx, [plan.id for plan in current.values()])
    rows = {row["key"]: row for row in await catalog.list_products(writing.tx)}
    for product in file.products:
        product_id = await _put_product(writing, product, rows.get(product.key))
        for content in product.plans:
            wanted = plan_from(content, product_id)
            known = current.get(wanted.terms.key)
            await _put_plan(writing, wanted, known, sold.get(known.id, []) if known else [])


async def _put_product(writing: Writing, product: FileProduct, row: Row | None) -> str:
    before = product_rows.terms_of(row) if row is not None else ProductTerms("")
    terms = ProductTerms(
        product.name or product.key,
        product.description,
        before.category if product.category is None else product.category,
        before.metadata if product.metadata is None else product.metadata,
        archived=before.archived if product.archived is None else product.archived,
    )
    what, tx, now, actor = f"product {product.key}", writing.tx, writing.now, writing.actor
    if row is None:
        if not writing.tell("create", what):
            return ""
        product_id = await catalog.create_product(
            tx, product.key, terms.name, now=now, description=terms.description, category=terms.category,
            metadata=terms.metadata, actor=actor,
        )  # fmt: skip
        if terms.archived:
            await catalog.change_product(tx, product_id, archived=True, now=now, actor=actor)
        return product_id
    if before != terms and writing.tell("update", what):
        await catalog.change_product(
            tx, row["id"], name=terms.name, description=terms.description, category=terms.category,
            metadata=terms.metadata, archived=terms.archived, now=now, actor=actor,
        )  # fmt: skip
    return str(row["id"])


async def _put_plan(writing: Writing, wanted: FilePlan, known: Plan | None, sold: Sequence[NewPrice]) -> None:
    tx, now, actor, key = writing.tx, writing.now, writing.actor, wanted.terms.key
    archived = known is not None and known.state == "archived"
    plan = known
    if known is None or archived or not same_terms(terms_of(known, sold), wanted.terms):
        if known is not None and wanted.metadata is None:
            wanted = replace(wanted, terms=replace(wanted.terms, metadata=known.metadata))
        if not writing.tell("create" if known is None else "new_version", f"plan {key}"):
            return
        plan_id = await catalog.create_plan(tx, wanted.terms, now=now, actor=actor)
        plan = (await catalog.read_plans(tx, [plan_id]))[plan_id]
    elif wanted.metadata is not None and wanted.metadata != known.metadata and writing.tell("update", f"plan {key}"):
        await catalog.set_metadata(tx, known, wanted.metadata, now=now, actor=actor)
    assert plan is not None
    is_published = plan.state == "published"
    if wanted.published is not None and wanted.published != is_published:
        told = plan is not known or writing.tell("publish" if wanted.published else "unpublish", f"plan {key}")
        if told:
            await catalog.set_published(tx, plan, wanted.published, now=now, actor=actor)


async def _archive_missing(writing: Writing, file: Catalogue) -> None:
    org = await read_org(writing.tx, writing.tx.org)
    mentioned = {content["key"] for product in file.products for content in product.plans}
    was_there = set(file.exported.plans) if file.exported.organization == org.public_id else set()
    for plan in await catalog.latest_plans(writing.tx):
        if plan.key in mentioned or plan.state == "archived":
            continue
        if not plan.from_file and plan.key not in was_there:
            writing.keep(f"plan {plan.key}")
        elif writing.tell("archive", f"plan {plan.key}"):
            await catalog.archive_plan(writing.tx, plan.id, now=writing.now, actor=writing.actor)
