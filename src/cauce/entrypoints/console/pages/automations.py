"""Automations: when something happens and conditions hold, actions follow; written in a form, tried before they run (K7)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.outreach import runs, wording
from cauce.billing.outreach.automations import KINDS, Automation
from cauce.billing.outreach.rules import Category
from cauce.billing.outreach.runs import Known
from cauce.billing.relations import knowing as relations
from cauce.entrypoints.console.automating import condition_words, fields_of, rule_of, words
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import action, asked, back_to, detailed, framed, listed, page
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Cell, Table, columns, moment, number, state, text, word
from cauce.entrypoints.web.texts import translator
from cauce.flows.outreach import automate
from cauce.flows.outreach.subjects import OCCASIONS
from cauce.kernel.errors import CauceError
from cauce.reports import outreach as report
from cauce.reports.outreach import FIELDS
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_HOME = "/console/automations"
_MAY = (Role.ADMIN, Role.SUPPORT)
_DAYS = 30
_TRIED_MAX = 100


async def show_list(request: Request, session: Session) -> Response:
    """Every automation, with what its runs of the last 30 days came to."""
    async with session.context.transaction() as tx:
        known = await runs.automations(tx)
        since = await session.context.now(tx) - timedelta(days=_DAYS)
        counted = await report.automation_statistics(tx, since)
    return await listed(
        request, session, "nav.automations", lead="automations.lead", tables=[_list(known, counted)],
        actions=(Button(f"{_HOME}/begin", "automations.new"),),
    )  # fmt: skip


def _list(known: Sequence[Known], counted: dict[str, Row]) -> Table:
    def count(one: Known, name: str) -> Cell:
        return number(counted[one.id][name] if one.id in counted else 0)

    return Table(
        columns(
            "automations.name", "campaigns.state", "automations.completed>", "automations.failed>",
            "automations.skipped>", "automations.last",
        ),
        [
            (
                text(one.name, note=", ".join(one.rule.events), href=f"{_HOME}/{one.id}"),
                state("enabled" if one.enabled else "disabled"),
                count(one, "completed"),
                count(one, "failed"),
                count(one, "skipped"),
                moment(counted[one.id]["last_at"] if one.id in counted else None),
            )
            for one in known
        ],
        none="automations.none",
    )  # fmt: skip


async def show_one(request: Request, session: Session) -> Response:
    """One automation: what it does, what it did, whom it would have run for, and whether it would run for somebody now."""
    tried = asked(request, "customer")["customer"]
    async with session.context.transaction() as tx:
        one = await runs.read(tx, request.path_params["automation"])
        since = await session.context.now(tx) - timedelta(days=_DAYS)
        counted = (await report.automation_statistics(tx, since)).get(one.id)
        log = await runs.runs(tx, one.id)
        names = await report.customer_names(tx, {row["customer_id"] for row in log})
        segment = {row["id"]: row["name"] for row in await relations.segments(tx)}.get(one.rule.segment, "")
    verdict = ""
    if tried:
        try:
            verdict = await automate.why_not(session.context, one.rule, tried) or "runs"
        except CauceError as refused:
            verdict = refused.message
    past = await _past(session, one.rule)
    path, label = f"{_HOME}/{one.id}", "automations.switch_off" if one.enabled else "automations.switch_on"
    return await detailed(
        request, session, "console/automation.html", name=one.name, title="nav.automations", above=_HOME,
        object_id=one.id, states=["enabled" if one.enabled else "disabled"], facts=_facts(one.rule, segment, counted),
        actions=[Button(f"{path}/switch", label, danger=one.enabled), Button(f"{path}/drop", "automations.drop", danger=True)],
        tables=[_steps(one.rule), _runs(log, names), past], here=path, tried=tried, verdict=verdict,
    )  # fmt: skip


def _facts(rule: Automation, segment: str, counted: Row | None) -> list[tuple[str, Cell]]:
    conditions = [condition_words(one) for one in rule.conditions]
    return [
        ("automations.when", text(", ".join(rule.events))),
        (
            "automations.segment",
            text(segment or rule.segment, href=f"/console/segments/{rule.segment}" if segment else ""),
        ),
        ("automations.and", text(" · ".join(conditions))),
        *[
            (f"automations.{name}", number(counted[name] if counted else 0))
            for name in ("completed", "failed", "skipped", "waiting")
        ],
        ("automations.last", moment(counted["last_at"] if counted else None)),
    ]


def _steps(rule: Automation) -> Table:
    return Table(
        columns("automations.then", "automations.what"),
        [
            (word(f"automations.do.{one.kind}"), text(words(one), note=one.data.get("title", "")))
            for one in rule.actions
        ],
        none="automations.none",
        title="automations.actions",
    )


def _runs(log: Sequence[Row], names: dict[str, str]) -> Table:
    return Table(
        columns("campaigns.customer", "automations.ran", "campaigns.state", "automations.log"),
        [
            (
                text(names.get(row["customer_id"], row["customer_id"]), href=link_to(row["customer_id"])),
                moment(row["created_at"]),
                state(row["state"]),
                text(" · ".join(row["log"])),
            )
            for row in log
        ],
        none="automations.no_runs",
        title="automations.runs",
    )


async def _past(session: Session, rule: Automation) -> Table:
    """Whom it would have run for in the last 30 days, and why not the others."""
    found = (await automate.dry_run(session.context, rule, _DAYS))[-_TRIED_MAX:]
    async with session.context.transaction() as tx:
        names = await report.customer_names(tx, {one.customer_id for one in found})
    return Table(
        columns("campaigns.customer", "automations.ran", "automations.would"),
        [
            (
                text(names.get(one.customer_id, one.customer_id), href=link_to(one.customer_id), note=one.event_type),
                moment(one.occurred_at),
                Cell("word", "campaigns.no" if one.reason else "campaigns.yes", note=one.reason),
            )
            for one in reversed(found)
        ],
        none="automations.past_none",
        title="automations.past",
    )


async def begin(_request: Request, _session: Session, _fields: dict[str, str]) -> Response:
    """From the list's button to an empty form."""
    return back_to(f"{_HOME}/new")


async def show_new(request: Request, session: Session) -> Response:
    """An empty form."""
    return await _form(request, session, "", "", Automation((), ()))


async def show_edit(request: Request, session: Session) -> Response:
    """The form of one automation."""
    async with session.context.transaction() as tx:
        one = await runs.read(tx, request.path_params["automation"])
    return await _form(request, session, one.id, one.name, one.rule)


async def _form(
    request: Request,
    session: Session,
    automation_id: str,
    name: str,
    rule: Automation,
    *,
    past: Table | None = None,
) -> Response:
    t = translator(locale_of(request))
    async with session.context.transaction() as tx:
        segments = tuple((row["id"], row["name"]) for row in await relations.segments(tx))
        templates = await wording.template_keys(tx)
    kinds = [("", "–")]
    for kind in KINDS:
        if kind == "message":
            kinds += [
                (f"{kind}.{one.value}", f"{t('automations.do.message')} ({t(f'category.{one.value}')})")
                for one in Category
            ]
        else:
            kinds.append((kind, t(f"automations.do.{kind}")))
    choices = {
        "events": tuple((one, one) for one in sorted(OCCASIONS)),
        "fields": tuple((one, one) for one in sorted(FIELDS)),
        "segments": segments,
        "kinds": tuple(kinds),
    }
    return await framed(
        request, session, "console/automation_form.html", automation_id=automation_id, name=name,
        form=fields_of(rule, choices), templates=templates, past=past,
        here=f"{_HOME}/{automation_id or 'new'}", above=f"{_HOME}/{automation_id}" if automation_id else _HOME,
    )  # fmt: skip


async def save_new(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Make an automation, or look first whom it would have run for."""
    return await _save(request, session, fields, None)


async def save(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Change an automation, or look first."""
    async with session.context.transaction() as tx:
        one = await runs.read(tx, request.path_params["automation"])
    return await _save(request, session, fields, one)


async def _save(request: Request, session: Session, fields: dict[str, str], one: Known | None) -> Response:
    rule, name = rule_of(fields, one.rule if one else None), fields.get("name", "")
    automation_id = one.id if one else ""
    if fields.get("do") == "preview":
        past = await _past(session, rule)
        return await _form(request, session, automation_id, name, rule, past=past)
    made = await automate.save(session.context, automation_id, name, one.enabled if one else True, rule)
    return back_to(f"{_HOME}/{made}")


async def switch(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Switch it on or off; runs that began go on."""
    async with session.context.transaction() as tx:
        one = await runs.read(tx, request.path_params["automation"])
    await automate.save(session.context, one.id, one.name, not one.enabled, one.rule)
    return back_to(f"{_HOME}/{one.id}")


async def drop(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Remove it; what it did stays in the log."""
    await automate.drop(session.context, request.path_params["automation"])
    return back_to(_HOME)


_ONE = f"{_HOME}/{{automation}}"
routes = [
    page(_HOME, show_list),
    page(f"{_HOME}/new", show_new),
    page(_ONE, show_one),
    page(f"{_ONE}/edit", show_edit),
    action(f"{_HOME}/begin", begin),
    action(f"{_HOME}/new", save_new, roles=_MAY),
    action(_ONE, save, roles=_MAY),
    action(f"{_ONE}/switch", switch, roles=_MAY),
    action(f"{_ONE}/drop", drop, roles=_MAY),
]
