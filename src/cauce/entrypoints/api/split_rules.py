"""`/v1/split_rules`: how an order is divided, in versions that a second person activates, with a preview of every cent."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api.access import MarketplaceWriter, Reader
from cauce.entrypoints.api.catalog import Text
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, Id, money, resource, resources, whole_list
from cauce.entrypoints.api.shapes import Body, PositiveAmount
from cauce.flows.context import Context
from cauce.flows.marketplace import merchants as flow
from cauce.flows.marketplace.simulate import simulate_rule as simulate
from cauce.marketplace.splits import store
from cauce.marketplace.splits.rules.evaluation import SELLER, OrderFacts, evaluate
from cauce.marketplace.splits.rules.parsing import parse_rule
from cauce.marketplace.splits.rules.provider_fee import plan_split
from cauce.marketplace.splits.rules.schema import FEE
from cauce.marketplace.splits.service import UnknownRule
from cauce.storage.database import Row, Tx

router = APIRouter(prefix="/v1/split_rules", tags=["split rules"])

WholeAmount = Annotated[int, Field(strict=True, ge=0, le=10**15)]


class RuleBody(Body):
    """A split rule: name, currency, parts and policies, as the guide of split rules says."""

    rule: dict[str, Any]


class PreviewBody(Body):
    """An order to divide, in the rule's currency. `parties`: the roles that it has besides the seller."""

    amount: PositiveAmount
    lines: list[WholeAmount] = Field(default_factory=list, max_length=500)
    provider_fee: WholeAmount = 0
    parties: list[Text] | None = Field(default=None, max_length=100)
    attributes: dict[str, dict[str, Text]] = Field(default_factory=dict)
    version: Annotated[int, Field(strict=True, ge=1)] | None = None


class SimulationBody(Body):
    """Orders placed in [first, until) in the rule's currency, at one channel or at all."""

    first: AwareDatetime
    until: AwareDatetime
    channel: Annotated[str, Field(max_length=255, pattern=PLAIN_TEXT)] = ""
    version: Annotated[int, Field(strict=True, ge=1)] | None = None


@router.get("")
async def list_rules(caller: Reader) -> dict[str, Any]:
    """Every version of every rule."""
    async with caller.context.transaction() as tx:
        return whole_list(resources("split_rule", await store.list_rules(tx)))


@router.post("", status_code=201)
async def create_rule(request: Request, caller: MarketplaceWriter, body: RuleBody) -> Response:
    """Draft a rule."""

    async def work(context: Context) -> object:
        return await _drafted(caller.context, await flow.draft_split_rule(context, body.rule))

    return await answer_once(request, caller.context, work)


@router.post("/{rule_id}/versions", status_code=201)
async def create_version(request: Request, caller: MarketplaceWriter, rule_id: Id, body: RuleBody) -> Response:
    """Draft the next version of a rule; orders keep the version that they were planned with."""

    async def work(context: Context) -> object:
        async with caller.context.transaction() as tx:
            await _version(tx, rule_id, None)
        return await _drafted(caller.context, await flow.draft_split_rule(context, body.rule, rule_id=rule_id))

    return await answer_once(request, caller.context, work)


@router.post("/{rule_id}/versions/{version}/activate")
async def activate_version(
    request: Request, caller: MarketplaceWriter, rule_id: Id, version: Annotated[int, Field(ge=1, le=2**31 - 1)]
) -> Response:
    """Make a draft the active version; somebody else than who drafted it does this."""

    async def work(context: Context) -> object:
        await flow.activate_split_rule(context, rule_id, version)
        return await _drafted(caller.context, (rule_id, version))

    return await answer_once(request, caller.context, work, status=200)


@router.post("/{rule_id}/preview")
async def preview_rule(caller: Reader, rule_id: Id, body: PreviewBody) -> dict[str, Any]:
    """Who would get what of an order, with the exact fraction, the rounding and the reason of every part, and the provider's
    fee that it bears."""
    async with caller.context.transaction() as tx:
        row = await _version(tx, rule_id, body.version)
    rule = parse_rule(row["content"])
    roles = None if body.parties is None else frozenset({SELLER, FEE, *(f"party:{role}" for role in body.parties)})
    facts = OrderFacts(
        body.amount,
        provider_fee_minor=body.provider_fee,
        lines_minor=tuple(body.lines),
        parties=roles,
        attributes=body.attributes,
    )
    gross = evaluate(rule, facts)
    found = plan_split(rule, facts)
    currency = found.currency
    return {
        "object": "split_preview",
        "split_rule": rule_id,
        "version": row["version"],
        "base": money(gross.base_minor, currency),
        "left_over": money(found.left_over_minor, currency),
        "parts": [
            {
                "path": one.path,
                "to": one.to,
                "kind": one.kind,
                "exact": str(one.exact),
                "floor": money(one.floor_minor, currency),
                "rank": one.rank,
                "reason": one.reason,
                "rounded": money(one.rounded_minor, currency),
                "amount": money(one.amount_minor, currency),
                "provider_fee": money(before.amount_minor - one.amount_minor, currency),
                "refundable": one.refundable,
            }
            for before, one in zip(gross.allocations, found.allocations, strict=True)
        ],
    }


@router.post("/{rule_id}/simulate")
async def simulate_rule(caller: Reader, rule_id: Id, body: SimulationBody) -> dict[str, Any]:
    """What the rule would have made of past orders: sums by party before and after, and orders that differ."""
    async with caller.context.transaction() as tx:
        row = await _version(tx, rule_id, body.version)
    rule = parse_rule(row["content"])
    found = await simulate(caller.context, rule, body.first, body.until, channel_id=body.channel)
    return {
        "object": "split_simulation",
        "split_rule": rule_id,
        "version": row["version"],
        "orders": found.orders,
        "has_more": found.is_cut,
        "changed": found.changed,
        "refused": dict(found.refused),
        "parties": [
            {
                "party": party,
                "before": money(found.before[party], rule.currency),
                "after": money(found.after[party], rule.currency),
            }
            for party in sorted({*found.before, *found.after})
        ],
        "examples": [
            {"order": one.order_id, "external_id": one.external_id, "before": one.before, "after": one.after}
            for one in found.examples
        ],
    }


async def _drafted(context: Context, drafted: tuple[str, int]) -> dict[str, Any]:
    async with context.transaction() as tx:
        return resource("split_rule", dict(await _version(tx, *drafted)))


async def _version(tx: Tx, rule_id: str, version: int | None) -> Row:
    """A version of a rule: the one asked for, else the active one, else the newest."""
    mine = [row for row in await store.list_rules(tx) if row["id"] == rule_id and version in (None, row["version"])]
    found = next((row for row in mine if row["state"] == "active"), mine[0] if mine else None)
    if found is None:
        raise UnknownRule(f"there is no split rule {rule_id}", param="rule")
    return found
