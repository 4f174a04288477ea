"""A plan made by hand: its next version is shown before it is sold, and made once, by what files and calls use (A6).

A plan that is sold never changes: an edit is a new version with new prices, and whoever has an older one keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cauce.billing.catalog import service as catalog
from cauce.billing.catalog.files import plan_from, plan_to_file
from cauce.billing.catalog.rules import Plan, Price
from cauce.flows.billing.catalogue import terms_of
from cauce.flows.context import Context
from cauce.kernel.errors import Conflict
from cauce.storage.database import Tx


class PlanChangedMeanwhile(Conflict):
    """Somebody made another version of this plan meanwhile; look at it first."""

    code = "plan_changed_meanwhile"


@dataclass(frozen=True, slots=True)
class Made:
    """A version of a plan with its prices, and the version before it."""

    plan: Plan
    prices: tuple[Price, ...]
    before: Plan | None = None
    prices_before: tuple[Price, ...] = ()


class _Shown(Exception):
    def __init__(self, made: Made) -> None:
        super().__init__()
        self.made = made


async def make_version(context: Context, product_id: str, content: Mapping[str, Any], *, after: int) -> Made:
    """The next version of a plan (a new one for `after` 0); `PlanChangedMeanwhile` unless `after` is the newest."""
    async with context.transaction() as tx:
        return await _make(tx, context, product_id, content, after)


async def preview_version(context: Context, product_id: str, content: Mapping[str, Any], *, after: int) -> Made:
    """What `make_version` would make; nothing is kept."""
    try:
        async with context.transaction() as tx:
            raise _Shown(await _make(tx, context, product_id, content, after))
    except _Shown as shown:
        return shown.made


async def _make(tx: Tx, context: Context, product_id: str, content: Mapping[str, Any], after: int) -> Made:
    said = plan_from(content, product_id)
    plan = replace(said.terms, from_file=False)
    before = next((one for one in await catalog.latest_plans(tx) if one.key == plan.key), None)
    if (before.version if before is not None else 0) != after:
        raise PlanChangedMeanwhile(param="key")
    if before is not None and said.metadata is None:
        plan = replace(plan, metadata=before.metadata)
    old = tuple(await catalog.prices_of_plan(tx, before.id)) if before is not None else ()
    plan_id = await catalog.create_plan(tx, plan, now=await context.now(tx), actor=context.actor.name)
    made = (await catalog.read_plans(tx, [plan_id]))[plan_id]
    return Made(made, tuple(await catalog.prices_of_plan(tx, plan_id)), before, old)


async def content_of(tx: Tx, plan: Plan) -> dict[str, Any]:
    """A plan as the catalogue's file writes it, whoever made it."""
    sold = await catalog.sold_prices(tx, [plan.id])
    return plan_to_file(terms_of(plan, sold.get(plan.id, [])))
