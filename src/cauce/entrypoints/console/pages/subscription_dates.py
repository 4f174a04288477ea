"""Dates of a subscription that an operator moves: the end of its trial, the beginning and the end of a pause."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.pages.subscription_changes import chosen_credit, credit_choice
from cauce.entrypoints.console.view import action, back_to
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input
from cauce.flows.billing import pausing, resuming, trial_dates
from cauce.kernel.calendar.zones import at_local_time, local_date, start_of_day, zone_of
from cauce.kernel.errors import InvalidRequest
from cauce.reports import subscriptions as report
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_MAY = (Role.ADMIN, Role.FINANCE, Role.SUPPORT)
_ONE = "/console/subscriptions/{subscription_id}"


def date_buttons(request: Request, one: Row, allowed: Collection[str]) -> list[Button]:
    """What the state machine allows of these now."""
    path, found = f"/console/subscriptions/{one['id']}", []
    if "move_trial" in allowed and one["trial_end"] is not None:
        ends_on = local_date(one["trial_end"], zone_of(one["timezone"])).isoformat()
        day = Input("ends_on", "subscriptions.trial_end", kind="date", value=ends_on)
        found.append(
            Button(f"{path}/trial", "subscriptions.move_trial", (), (day,), hint="subscriptions.move_trial_hint")
        )
        now = (("now", "yes"),)
        found.append(Button(f"{path}/trial", "subscriptions.end_trial", now, (), True, "subscriptions.end_trial_hint"))
    if "pause" in allowed:
        until = Input("resume_on", "subscriptions.resume_on", kind="date", required=False)
        now_how = (credit_choice(request), until)
        found.append(Button(f"{path}/pause", "subscriptions.pause", (), now_how, True, "subscriptions.pause_hint"))
        at_end = (("at", "period_end"),)
        found.append(
            Button(f"{path}/pause", "subscriptions.pause_at_end", at_end, (until,), hint="subscriptions.pause_end_hint")
        )
    if one["pause_reason"] == "requested":
        found.append(Button(f"{path}/resume", "subscriptions.resume"))
    return found


async def move_trial(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Let a trial end on another day of the customer's, at the same time of day; or now."""
    one = await _one(request, session)
    end = None
    if fields.get("now") != "yes":
        zone, day = zone_of(one["timezone"]), _day(fields, "ends_on")
        if day is None or one["trial_end"] is None:
            raise InvalidRequest("the last day is a date", param="ends_on")
        end = at_local_time(day, one["trial_end"].astimezone(zone).time(), zone)
    await trial_dates.move_trial_end(session.context, one["id"], end)
    return back_to(link_to(one["id"]))


async def pause(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Bill nothing until a day of the customer's, or until somebody resumes it; from now or from the end of the period on."""
    one = await _one(request, session)
    day = _day(fields, "resume_on")
    until = start_of_day(day, zone_of(one["timezone"])) if day is not None else None
    if fields.get("at") == "period_end":
        await pausing.pause_at_end(session.context, one["id"], resume_at=until)
    else:
        await pausing.pause_now(session.context, one["id"], resume_at=until, credit=chosen_credit(fields))
    return back_to(link_to(one["id"]))


async def resume(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Go on, and bill the rest of the running period."""
    await resuming.resume_now(session.context, request.path_params["subscription_id"])
    return back_to(link_to(request.path_params["subscription_id"]))


async def _one(request: Request, session: Session) -> Row:
    async with session.context.transaction() as tx:
        return await report.one(tx, request.path_params["subscription_id"])


def _day(fields: dict[str, str], name: str) -> date | None:
    """A typed day, of years that clocks reach; None for none."""
    typed = fields.get(name, "").strip()
    try:
        day = date.fromisoformat(typed) if typed else None
    except ValueError:
        day = datetime.max.date()
    if day is not None and not 2000 <= day.year <= 2200:
        raise InvalidRequest("a date of these years", param=name)
    return day


routes = [
    action(f"{_ONE}/trial", move_trial, name="subscription.move_trial", roles=_MAY),
    action(f"{_ONE}/pause", pause, name="subscription.pause", roles=_MAY),
    action(f"{_ONE}/resume", resume, name="subscription.resume", roles=_MAY),
]
