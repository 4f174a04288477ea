"""The platform's own money added to payments of its second-level merchants, and taken back. Platform dialect only.

WeChat Pay has no question for these: a command whose answer was lost is sent again under its number, which is the same one.
"""

from __future__ import annotations

from typing import Any

from cauce.gateway.funding import Funded, SubsidyRequest
from cauce.gateway.outcome import Outcome
from cauce.providers.wechat.desk import Desk
from cauce.providers.wechat.mapping import addresses, subsidies


async def subsidise(desk: Desk, request: SubsidyRequest) -> Outcome[Funded]:
    """Add it to a paid order that announced it."""
    return await _tell(desk, "subsidise", "create", subsidies.create_body(request), request)


async def take_back(desk: Desk, request: SubsidyRequest) -> Outcome[Funded]:
    """Take some of it back: of the frozen money, after the end of the order of the merchant's own."""
    return await _tell(desk, "subsidise.return", "return", subsidies.return_body(request), request)


async def drop(desk: Desk, request: SubsidyRequest) -> Outcome[Funded]:
    """Say that none will come, so that the order may be split."""
    return await _tell(desk, "subsidise.cancel", "cancel", subsidies.cancel_body(request), request)


async def _tell(
    desk: Desk, operation: str, verb: str, body: dict[str, Any], request: SubsidyRequest
) -> Outcome[Funded]:
    reply = await desk.wire.tell(operation, addresses.subsidy(verb), body, request.key)
    return desk.told("subsidise", reply, lambda answer: subsidies.subsidy_of(answer, request))
