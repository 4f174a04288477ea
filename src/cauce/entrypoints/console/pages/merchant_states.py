"""A merchant edited, his payouts paused, restricted, let in again and closed, on his own page."""

from __future__ import annotations

from re import fullmatch

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import action, back_to
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input
from cauce.flows.marketplace import merchant_states
from cauce.flows.marketplace.payout_pauses import pause_merchant_payouts
from cauce.kernel.errors import InvalidRequest
from cauce.marketplace.merchants.rules import MERCHANT
from cauce.storage.database import Row
from cauce.storage.directory.people import Role


def state_buttons(one: Row) -> list[Button]:
    """Editing, and each step that the merchant's state allows."""
    allowed, path = MERCHANT.allowed(one["state"]), f"/console/merchants/{one['id']}"
    inputs = (
        Input("name", "merchants.name", value=one["name"]),
        Input("email", "merchants.email", value=one["email"], required=False),
        Input("country", "merchants.country", value=one["country"], required=False),
    )
    reason = (Input("reason", "merchants.reason", required=False),)
    edit = [Button(f"{path}/edit", "merchants.edit", inputs=inputs)] if "update" in allowed else []
    steps = [
        Button(
            f"{path}/{trigger}", f"merchants.{trigger}", inputs=reason, danger=True, hint=f"merchants.{trigger}_hint"
        )
        for trigger in ("restrict", "reactivate", "close")
        if trigger in allowed
    ]
    return [*edit, _pausing(one, path, reason), *steps]


def _pausing(one: Row, path: str, reason: tuple[Input, ...]) -> Button:
    if one["payouts_paused"]:
        return Button(f"{path}/resume_payouts", "merchants.resume_payouts", hint="merchants.resume_payouts_hint")
    return Button(
        f"{path}/pause_payouts", "merchants.pause_payouts", inputs=reason, hint="merchants.pause_payouts_hint"
    )


async def edit(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Change who he is."""
    merchant_id = request.path_params["merchant_id"]
    changes: dict[str, str] = {name: fields[name].strip() for name in ("name", "email", "country") if name in fields}
    if not fullmatch("([A-Z]{2})?", changes.get("country", "")):
        raise InvalidRequest("a country is two capital letters", param="country")
    await merchant_states.edit_merchant(session.context, merchant_id, changes)
    return back_to(link_to(merchant_id))


async def step(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Restrict him, let him in again, or close him."""
    merchant_id, trigger = request.path_params["merchant_id"], request.url.path.rsplit("/", 1)[1]
    await merchant_states.step_merchant(session.context, merchant_id, trigger, reason=fields.get("reason", ""))
    return back_to(link_to(merchant_id))


async def pause(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Stop what he is paid out, or let it go on."""
    merchant_id, paused = request.path_params["merchant_id"], request.url.path.endswith("/pause_payouts")
    await pause_merchant_payouts(session.context, merchant_id, paused=paused, reason=fields.get("reason", ""))
    return back_to(link_to(merchant_id))


_MAY = (Role.ADMIN, Role.FINANCE)

routes = [
    action("/console/merchants/{merchant_id}/edit", edit, roles=_MAY),
    action("/console/merchants/{merchant_id}/restrict", step, roles=_MAY),
    action("/console/merchants/{merchant_id}/reactivate", step, roles=_MAY),
    action("/console/merchants/{merchant_id}/pause_payouts", pause, roles=_MAY),
    action("/console/merchants/{merchant_id}/resume_payouts", pause, roles=_MAY),
    action("/console/merchants/{merchant_id}/close", step, roles=_MAY),
]
