"""`/v1/compliance`: the gate, the rules and what breaks them, licences, the self-check as a document; `/v1/channels/recommend`.

The self-check is signed by a person in the console or with the CLI: an API key is no person.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.api.access import Admin, Reader
from cauce.entrypoints.api.catalog import Key
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import PLAIN_TEXT, resources, whole_list
from cauce.entrypoints.api.shapes import Body
from cauce.entrypoints.web.papers import pdf_of
from cauce.flows.context import Context
from cauce.flows.marketplace import compliance as flow
from cauce.flows.marketplace.compliance import Gate
from cauce.marketplace.compliance.recommendation import Answers, Recommendation, recommend
from cauce.marketplace.compliance.rules import NewLicence
from cauce.providers.kit.registry import offers
from cauce.reports import oversight
from cauce.reports.compliance import RULES

router = APIRouter(prefix="/v1", tags=["compliance"])

Said = Annotated[str, Field(min_length=1, max_length=255, pattern=PLAIN_TEXT)]
Maybe = Annotated[str, Field(max_length=255, pattern=PLAIN_TEXT)]
Surface = Literal["wechat", "alipay", "web", "card"]


class LicenceBody(Body):
    """The licence of whoever holds the money behind a channel."""

    channel: Key
    holder: Said
    provider_class: Literal["bank", "licensed_psp", "card_scheme_psp"]
    kind: Said
    number: Said
    authority: Said
    clearing_route: Said
    valid_from: date
    valid_until: date
    scopes: list[Said] = Field(default_factory=list, max_length=50)
    document: Maybe = ""


class BusinessBody(Body):
    """What a business says of itself. Shares in basis points of an order."""

    sells_for_others: bool = True
    money_first: Literal["provider", "platform"] = "provider"
    surfaces: list[Surface] = Field(default=["web"], min_length=1, max_length=4)
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "CN"
    merchants: Annotated[int, Field(strict=True, ge=0, le=10**9)] = 1
    orders_a_month: Annotated[int, Field(strict=True, ge=0, le=10**12)] = 0
    share_to_others_bps: Annotated[int, Field(strict=True, ge=0, le=10_000)] = 0
    receivers: Annotated[int, Field(strict=True, ge=0, le=10**6)] = 1
    days_to_release: Annotated[int, Field(strict=True, ge=0, le=3_650)] = 0
    takes_parts_back: bool = False
    developers: Annotated[int, Field(strict=True, ge=0, le=10**6)] = 1
    cost_first: bool = False
    risk_accepted_by: Maybe = ""
    bank: Maybe = ""
    bank_is_partner: bool = True
    launch_in_weeks: Annotated[int, Field(strict=True, ge=0, le=1_000)] | None = None
    bank_sub_ledger: bool = False
    own_top_ups: bool = False
    business_to_business: bool = False
    physical_accounts: bool = False
    relayed_payout_forbidden: bool = False


@router.get("/compliance")
async def show_compliance(caller: Reader) -> dict[str, Any]:
    """Whether the gate is open, channel by channel, and every rule with the rows that break it."""
    return shown(await flow.read_gate(caller.context))


@router.get("/compliance/licences")
async def list_licences(caller: Reader) -> dict[str, Any]:
    """The licences of the holders behind the channels."""
    async with caller.context.transaction() as tx:
        return whole_list(resources("licence", await oversight.licences(tx)))


@router.post("/compliance/licences", status_code=201)
async def record_licence(request: Request, caller: Admin, body: LicenceBody) -> Response:
    """Record a licence; notices come 90, 30 and 7 days before it ends."""

    async def work(context: Context) -> object:
        fields = {**body.model_dump(), "channel_id": body.channel, "scopes": tuple(body.scopes)}
        fields.pop("channel")
        return {"object": "licence", "id": await flow.record_licence(context, NewLicence(**fields))}

    return await answer_once(request, caller.context, work)


@router.get("/compliance/self_check")
async def self_check_document(caller: Reader, format: Literal["markdown", "pdf"] = "markdown") -> Response:
    """The self-check as a document: answers, evidence, channels, licences, rules."""
    text = flow.record_of(await flow.read_gate(caller.context))
    if format == "pdf":
        return Response(pdf_of(text), media_type="application/pdf")
    return Response(text, media_type="text/markdown; charset=utf-8")


@router.post("/channels/recommend")
async def recommend_channel(caller: Reader, body: BusinessBody) -> dict[str, Any]:
    """Which channels fit a business, best first, each with its reason; and why the others do not."""
    fields = body.model_dump()
    found = recommend(Answers(**{**fields, "surfaces": frozenset(fields["surfaces"])}), offers())
    return recommended(found)


def recommended(found: Recommendation) -> dict[str, Any]:
    """A recommendation as JSON."""
    return {
        "object": "channel_recommendation",
        "first": found.first or None,
        "verdict": found.verdict,
        "ranked": [{"name": one.name, "reason": one.reason, "warnings": list(one.warnings)} for one in found.ranked],
        "excluded": [
            {"name": one.name, "reason": one.reason, "lifted_by": one.lifted_by or None} for one in found.excluded
        ],
    }


def shown(gate: Gate) -> dict[str, Any]:
    """The gate as JSON."""
    check = gate.check
    return {
        "object": "compliance",
        "gate_open": gate.is_open,
        "self_check": None
        if check is None
        else {
            "id": check["id"],
            "signed_by": check["signed_by"],
            "signed_at": check["signed_at"].isoformat(),
            "valid_until": check["valid_until"].isoformat(),
        },
        "channels": [
            {
                "channel": one.channel_id,
                "name": one.name,
                "signed": one.is_signed,
                "licensed": one.is_licensed,
                "licensed_until": one.licensed_until or None,
                "open": one.is_open,
            }
            for one in gate.channels
        ],
        "rules": [
            {
                "id": rule.id,
                "says": rule.says,
                "first_wall": rule.first_wall,
                "broken": [
                    {"subject": one.subject, "problem": one.problem} for one in gate.broken if one.rule == rule.id
                ],
            }
            for rule in RULES
        ],
    }
