"""Campaigns: what goes out when and how it fares; a step as its reader sees it, a test to oneself, what it would have done."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.outreach import schedule
from cauce.billing.outreach.campaigns import Campaign, Step, from_plain, to_plain
from cauce.billing.outreach.defaults import SHIPPED
from cauce.billing.outreach.presenting import LOCALES
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.pages.mail import mail_form
from cauce.entrypoints.console.view import action, asked, back_to, detailed, framed, listed, page
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Cell, Input, Table, buttons, columns, moment, number, state, text, word
from cauce.flows.outreach import editing, trying
from cauce.kernel.errors import InvalidRequest
from cauce.reports import outreach as report
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_MAY = (Role.ADMIN, Role.SUPPORT)
_TRIED_MAX = 200


async def show_list(request: Request, session: Session) -> Response:
    """Every campaign with what it sent and what waits."""
    async with session.context.transaction() as tx:
        found = await schedule.campaigns(tx)
        totals = {row["campaign"]: row for row in await report.campaign_totals(tx)}
    form = await mail_form(request, session)
    tables = [_list(found, totals)]
    return await listed(request, session, "nav.campaigns", lead="campaigns.lead", actions=(form,), tables=tables)


def _list(found: dict[str, Campaign], totals: dict[str, Row]) -> Table:
    def count(key: str, name: str) -> Cell:
        return number(totals[key][name] if key in totals else 0)

    return Table(
        columns(
            "campaigns.campaign", "campaigns.state", "campaigns.waiting>", "campaigns.sent>", "campaigns.held_back>"
        ),
        [
            (
                text(one.title, note=", ".join(one.triggers), href=f"/console/campaigns/{one.key}"),
                state("enabled" if one.enabled else "disabled"),
                count(one.key, "waiting"),
                count(one.key, "sent"),
                count(one.key, "held_back"),
            )
            for one in found.values()
        ],
        none="campaigns.none",
    )


async def show_one(request: Request, session: Session) -> Response:
    """One campaign: its steps with their numbers, and what can be done with it."""
    key = str(request.path_params["campaign"])
    async with session.context.transaction() as tx:
        one = await schedule.read_campaign(tx, key)
        changed = key in {row["key"] for row in await schedule.campaign_rows(tx)}
        rows = await report.campaign_statistics(tx, key)
    path = f"/console/campaigns/{key}"
    switch = Button(
        f"{path}/switch", "campaigns.switch_off" if one.enabled else "campaigns.switch_on", danger=one.enabled
    )
    reset = [Button(f"{path}/reset", "campaigns.reset", danger=True)] if changed and key in SHIPPED else []
    facts = [
        ("campaigns.triggers", text(", ".join(one.triggers))),
        ("campaigns.hour", text(f"{one.hour}:00")),
        ("campaigns.quiet", text(f"{one.quiet_from}:00-{one.quiet_until}:00")),
        ("campaigns.held", word("campaigns.yes" if one.held else "campaigns.no")),
        ("campaigns.changed", word("campaigns.yes" if changed else "campaigns.no")),
    ]
    return await detailed(
        request, session, name=one.title, title="nav.campaigns", above="/console/campaigns", object_id=key,
        states=["enabled" if one.enabled else "disabled"], facts=facts, actions=[switch, *reset],
        tables=[_steps(one, rows, path), _reasons(rows)],
    )  # fmt: skip


def _steps(one: Campaign, rows: list[Row], path: str) -> Table:
    def count(step: Step, *states: str) -> Cell:
        return number(sum(row["steps"] for row in rows if row["step"] == step.key and row["state"] in states))

    return Table(
        columns("campaigns.step", "campaigns.due", "campaigns.category", "campaigns.waiting>", "campaigns.sent>", "campaigns.held_back>", ">"),
        [
            (
                text(step.key, note=step.template),
                text(step.offset if step.offset != "0" else "", note=step.anchor or ", ".join(step.triggers)),
                word(f"category.{step.category.value}"),
                count(step, "waiting"),
                count(step, "queued"),
                count(step, "skipped", "stopped"),
                buttons(
                    Button(f"{path}/steps/{step.key}", "campaigns.step_off" if step.enabled else "campaigns.step_on"),
                    Button(f"{path}/open", "campaigns.preview", fields=(("step", step.key),)),
                ),
            )
            for step in one.steps
        ],
        none="campaigns.none",
        title="campaigns.steps",
    )  # fmt: skip


def _reasons(rows: list[Row]) -> Table:
    return Table(
        columns("campaigns.step", "campaigns.why", "campaigns.times>"),
        [
            (text(row["step"]), text(row["reason"]), number(row["steps"]))
            for row in rows
            if row["state"] in ("skipped", "stopped") and row["reason"]
        ],
        none="campaigns.no_reasons",
        title="campaigns.reasons",
    )


async def open_preview(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """From a row's button to the preview's own address."""
    return back_to(f"/console/campaigns/{request.path_params['campaign']}/preview?step={_step_name(fields)}")


async def show_preview(request: Request, session: Session) -> Response:
    """A step in its reader's words, and what the campaign would have done in the last month."""
    key, chosen = str(request.path_params["campaign"]), asked(request, "step", "locale", "customer")
    message, words = await trying.preview(
        session.context, key, chosen["step"], customer_id=chosen["customer"], locale=chosen["locale"]
    )
    async with session.context.transaction() as tx:
        campaign = await schedule.read_campaign(tx, key)
    tried = await trying.dry_run(session.context, campaign, 30)
    path = f"/console/campaigns/{key}"
    test = Button(
        f"{path}/test", "campaigns.test",
        fields=(("step", chosen["step"]), ("locale", chosen["locale"])),
        inputs=(Input("to", "members.email", kind="email", value=session.visitor.email),),
    )  # fmt: skip
    return await framed(
        request, session, "console/message_preview.html", campaign=campaign, here=path, step=chosen["step"], words=words,
        category=message.category.value, test=test, locales=LOCALES, locale_chosen=message.recipient.locale,
        tried=_tried([one for one in tried if one.step == chosen["step"]][:_TRIED_MAX]),
    )  # fmt: skip


def _tried(rows: list[trying.Tried]) -> Table:
    return Table(
        columns("campaigns.customer", "campaigns.due", "campaigns.would", "campaigns.why"),
        [
            (
                text(one.customer_id, href=link_to(one.customer_id)),
                moment(one.due_at),
                word(f"campaigns.action.{one.action}"),
                text(one.reason),
            )
            for one in rows
        ],
        none="campaigns.dry_none",
        title="campaigns.dry_run",
    )


async def test(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Send the step to oneself."""
    key, step = str(request.path_params["campaign"]), _step_name(fields)
    await trying.send_test(session.context, key, step, fields.get("to", ""), locale=fields.get("locale", ""))
    return back_to(f"/console/campaigns/{key}/preview?step={step}&locale={fields.get('locale', '')}")


async def switch(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Let a campaign run, or let it go with all that waits."""
    one = await _read(session, str(request.path_params["campaign"]))
    await editing.put_campaign(session.context, from_plain({**to_plain(one), "enabled": not one.enabled}))
    return back_to(f"/console/campaigns/{one.key}")


async def switch_step(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Switch one step."""
    one = await _read(session, str(request.path_params["campaign"]))
    plain = to_plain(one)
    for step in plain["steps"]:
        if step["key"] == request.path_params["step"]:
            step["enabled"] = not step["enabled"]
    await editing.put_campaign(session.context, from_plain(plain))
    return back_to(f"/console/campaigns/{one.key}")


async def reset(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Return to the campaign as it ships."""
    key = str(request.path_params["campaign"])
    await editing.drop_campaign(session.context, key)
    return back_to(f"/console/campaigns/{key}")


async def _read(session: Session, key: str) -> Campaign:
    async with session.context.transaction() as tx:
        return await schedule.read_campaign(tx, key)


def _step_name(fields: dict[str, str]) -> str:
    step = fields.get("step", "")
    if not step.replace("_", "").isalnum():
        raise InvalidRequest("name a step", param="step")
    return step


_ONE = "/console/campaigns/{campaign}"
routes = [
    page("/console/campaigns", show_list),
    page(_ONE, show_one),
    page(f"{_ONE}/preview", show_preview),
    action(f"{_ONE}/open", open_preview),
    action(f"{_ONE}/test", test, name="campaign.test", roles=_MAY),
    action(f"{_ONE}/switch", switch, roles=_MAY),
    action(f"{_ONE}/steps/{{step}}", switch_step, roles=_MAY),
    action(f"{_ONE}/reset", reset, roles=_MAY),
]
