"""`GET /v1/entitlements/check`: may this customer use this, asked by your application on every request if it likes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cauce.entrypoints.api.gathering import Gatherer
from cauce.entrypoints.api.hot import Described, caller_of
from cauce.flows.billing.check_access import Check, Checked, check_access
from cauce.flows.context import Runtime
from cauce.kernel.errors import InvalidRequest, NotFound

_LENGTH_MAX = 255


class EntitlementCheck(msgspec.Struct, frozen=True):
    """The answer; `value` is the feature's flag, quota or tier; of a metered quota what is used and left of the period."""

    customer: str
    feature: str | None
    product: str | None
    level: str
    allowed: bool
    value: Any
    used: str | None = None
    remaining: str | None = None
    object: str = "entitlement_check"


async def check(request: Request) -> Response:
    """May a customer use a feature; with an ETag, so that an unchanged answer costs 304 and no body."""
    caller = await caller_of(request, "entitlements:read", "read")
    asked = _question(request)
    found = await _gatherer(request).ask(caller.context.org_id, asked)
    if found is None:
        raise NotFound(f"there is no customer {asked.customer}", param="customer")
    body = msgspec.json.encode(
        EntitlementCheck(
            found.customer_id,
            asked.feature or None,
            asked.product or None,
            found.level,
            found.allowed,
            found.value,
            _text(found.used),
            _text(found.remaining),
        )
    )
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, media_type="application/json")


def _text(number: Decimal | None) -> str | None:
    return None if number is None else f"{number.normalize():f}"


def _question(request: Request) -> Check:
    asked = request.query_params
    unknown = set(asked) - {"customer", "feature", "product"}
    if unknown:
        raise InvalidRequest("this parameter is not known", param=sorted(unknown)[0])
    if not asked.get("customer"):
        raise InvalidRequest("name the customer by id or external id", param="customer")
    for name, value in asked.items():
        if len(value) > _LENGTH_MAX or "\x00" in value:
            raise InvalidRequest(f"at most {_LENGTH_MAX} characters of plain text", param=name)
    return Check(asked["customer"], asked.get("feature", ""), asked.get("product", ""))


def _gatherer(request: Request) -> Gatherer[Check, Checked | None]:
    state = request.app.state
    if not hasattr(state, "entitlement_checks"):
        runtime: Runtime = state.runtime

        async def answer(org_id: int, questions: Sequence[Check]) -> list[Checked | None]:
            return await check_access(runtime.context(org_id), questions)

        state.entitlement_checks = Gatherer(answer)
    found: Gatherer[Check, Checked | None] = state.entitlement_checks
    return found


described = [
    Described(
        Route("/v1/entitlements/check", check, methods=["GET"]),
        "May a customer use a feature",
        "entitlements",
        EntitlementCheck,
        query={
            "customer": "id or external id of the customer, or of a member of one or several",
            "feature": "the feature's key; left out: anything at all",
            "product": "the product's id; left out: any",
        },
        required=("customer",),
        has_etag=True,
    )
]
