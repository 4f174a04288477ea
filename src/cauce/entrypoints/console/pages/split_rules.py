"""Split rules: written as a draft with a preview of every cent, tried on past orders, made active by a second person (§6)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from cauce.entrypoints.console.choosing import merchant_names
from cauce.entrypoints.console.splitting import explained, order_facts, read_document, simulated
from cauce.entrypoints.console.view import action, asked, back_to, detailed, framed, listed, page
from cauce.entrypoints.web.rendering import locale_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import (
    Button,
    Cell,
    Input,
    Table,
    buttons,
    columns,
    ident,
    moment,
    number,
    state,
    text,
)
from cauce.entrypoints.web.texts import translator
from cauce.flows.marketplace import merchants as flow
from cauce.flows.marketplace.simulate import simulate_rule
from cauce.kernel.errors import CauceError
from cauce.marketplace.splits import store
from cauce.marketplace.splits.rules.parsing import parse_rule
from cauce.marketplace.splits.scenarios import scenario, scenarios
from cauce.marketplace.splits.service import UnknownRule
from cauce.storage.database import Row, Tx
from cauce.storage.directory.people import Role

_HOME = "/console/split_rules"
_MAY = (Role.ADMIN, Role.FINANCE)
_SIMULATED_DAYS = 90


async def show_list(request: Request, session: Session) -> Response:
    """Every rule with the version that is active, and the businesses that one can start from."""
    async with session.context.transaction() as tx:
        rows = await store.list_rules(tx)
    rules: dict[str, list[Row]] = {}
    for row in rows:
        rules.setdefault(row["id"], []).append(row)
    names = [(one.name, one.title) for one in scenarios().values()]
    empty = translator(locale_of(request))("split_rules.empty")
    begin = Input("scenario", "split_rules.start_from", options=(("", empty), *names))
    return await listed(
        request,
        session,
        "nav.split_rules",
        lead="split_rules.lead",
        tables=[
            Table(
                columns("split_rules.rule", "split_rules.currency", "split_rules.active>", "split_rules.newest>", "split_rules.state"),
                [_rule(versions) for versions in rules.values()],
                none="split_rules.none",
            )
        ],
        actions=[Button(f"{_HOME}/begin", "split_rules.new", inputs=(begin,))],
    )  # fmt: skip


def _rule(versions: Sequence[Row]) -> tuple[Cell, ...]:
    newest = versions[0]
    active = next((row["version"] for row in versions if row["state"] == "active"), None)
    return (
        text(newest["name"], href=f"{_HOME}/{newest['id']}", note=newest["id"]),
        text(str(newest["content"].get("currency", "")).upper()),
        number(active),
        number(newest["version"]),
        state("draft" if newest["state"] == "draft" else "active"),
    )


async def begin(request: Request, _session: Session, fields: dict[str, str]) -> Response:
    """The editor: empty, with a sample, or with a version that shall change."""
    rule_id, chosen = request.path_params.get("rule_id"), fields.get("scenario", "")
    if rule_id:
        return back_to(f"{_HOME}/{rule_id}/edit")
    return back_to(f"{_HOME}/new?scenario={scenario(chosen).name}" if chosen else f"{_HOME}/new")


async def show_new(request: Request, session: Session) -> Response:
    """The editor for a new rule."""
    chosen = asked(request, "scenario")["scenario"]
    document = scenario(chosen).document("eur") if chosen else {"name": "", "currency": "eur", "parts": _PLAIN_PARTS}
    return await _editor(request, session, {"document": _written(document)})


_PLAIN_PARTS = [
    {"to": "fee", "kind": "percent", "value": "0.10"},
    {"to": "party:seller", "kind": "remainder"},
]
"""What a new rule begins with: a commission, and the rest to the seller."""


async def show_edit(request: Request, session: Session) -> Response:
    """The editor with the newest version of a rule; it drafts the next one."""
    rule_id = str(request.path_params["rule_id"])
    async with session.context.transaction() as tx:
        row = (await _versions(tx, rule_id))[0]
    return await _editor(request, session, {"document": _written(row["content"]), "rule": rule_id})


async def attempt(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Show what a document does to an order, or keep it as a draft; a mistake comes back with the document."""
    rule_id = fields.get("rule", "")
    try:
        document = read_document(fields.get("document", ""))
        tables = explained(parse_rule(document), order_facts(fields, str(document.get("currency", ""))))
        if fields.get("do") == "draft":
            if rule_id:
                async with session.context.transaction() as tx:
                    await _versions(tx, rule_id)
            rule_id, version = await flow.draft_split_rule(session.context, document, rule_id=rule_id or None)
            return back_to(f"{_HOME}/{rule_id}?version={version}")
    except CauceError as refused:
        return await _editor(request, session, fields, refused=refused)
    return await _editor(request, session, fields, tables=tables)


async def show_one(request: Request, session: Session) -> Response:
    """One version of a rule: its document, what it does to an order, what it would have made of past ones."""
    rule_id, wanted = str(request.path_params["rule_id"]), asked(request, "version", "simulate", *_ORDER)
    async with session.context.transaction() as tx:
        versions = await _versions(tx, rule_id)
        until, names = await session.context.now(tx), await merchant_names(tx)
    one = next((row for row in versions if str(row["version"]) == wanted["version"]), _shown_first(versions))
    rule = parse_rule(one["content"])
    tables = explained(rule, order_facts(wanted, rule.currency)) if wanted["amount"] else []
    if wanted["simulate"]:
        found = await simulate_rule(session.context, rule, until - timedelta(days=_SIMULATED_DAYS), until)
        tables += simulated(found, rule.currency, names)
    return await detailed(
        request,
        session,
        "console/split_rule.html",
        name=one["name"],
        title="nav.split_rules",
        above=_HOME,
        object_id=rule_id,
        states=[one["state"]],
        facts=[
            ("split_rules.version", number(one["version"])),
            ("split_rules.currency", text(rule.currency.upper())),
            ("split_rules.drafted_by", text(one["created_by"].partition(":")[2])),
            ("split_rules.activated_by", text((one["activated_by"] or "").partition(":")[2])),
            ("detail.created", moment(one["created_at"])),
        ],
        actions=[Button(f"{_HOME}/{rule_id}/begin", "split_rules.new_version")],
        tables=[*tables, _version_table(versions, session.context.actor.name)],
        document=_written(one["content"]),
        version=one["version"],
        order=_order_inputs(wanted),
        days=_SIMULATED_DAYS,
    )


_ORDER = ("amount", "lines", "provider_fee", "parties")


def _order_inputs(fields: Mapping[str, str]) -> list[Input]:
    """An order to try a rule on."""
    hints = {"amount": "100.00", "lines": "60.00 40.00", "provider_fee": "1.50", "parties": "courier agent"}
    return [
        Input(name, f"split_rules.{name}", value=fields.get(name, ""), required=name == "amount", placeholder=hints[name])
        for name in _ORDER
    ]  # fmt: skip


def _shown_first(versions: Sequence[Row]) -> Row:
    return next((row for row in versions if row["state"] == "active"), versions[0])


def _version_table(rows: Sequence[Row], actor: str) -> Table:
    def decisions(row: Row) -> list[Button]:
        path = f"{_HOME}/{row['id']}/versions/{row['version']}/activate"
        waits = row["state"] == "draft"
        return [Button(path, "split_rules.activate", hint="")] if waits and row["created_by"] != actor else []

    return Table(
        columns("split_rules.version", "split_rules.state", "split_rules.drafted_by", "split_rules.activated_by", "detail.created", ">"),
        [
            (
                ident(row["version"], href=f"{_HOME}/{row['id']}?version={row['version']}"),
                state(row["state"]),
                text(row["created_by"].partition(":")[2]),
                text((row["activated_by"] or "").partition(":")[2]),
                moment(row["created_at"]),
                buttons(*decisions(row)),
            )
            for row in rows
        ],
        title="split_rules.versions",
    )  # fmt: skip


async def activate(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Make a draft the active version, as somebody else than who drafted it."""
    rule_id, version = str(request.path_params["rule_id"]), int(request.path_params["version"])
    await flow.activate_split_rule(session.context, rule_id, version)
    return back_to(f"{_HOME}/{rule_id}?version={version}")


async def _versions(tx: Tx, rule_id: str) -> list[Row]:
    """Every version of a rule, the newest first; `UnknownRule` otherwise."""
    rows = [row for row in await store.list_rules(tx) if row["id"] == rule_id]
    if not rows:
        raise UnknownRule(f"there is no split rule {rule_id}", param="rule")
    return rows


async def _editor(
    request: Request,
    session: Session,
    fields: Mapping[str, str],
    *,
    tables: Sequence[Table] = (),
    refused: CauceError | None = None,
) -> Response:
    return await framed(
        request,
        session,
        "console/split_rule_form.html",
        status=refused.http_status if refused is not None else 200,
        above=_HOME,
        rule=fields.get("rule", ""),
        document=fields.get("document", ""),
        order=_order_inputs({"amount": "100.00", **fields}),
        tables=tables,
        refused=refused,
    )


def _written(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)


routes = [
    page(_HOME, show_list),
    action(f"{_HOME}/begin", begin, roles=_MAY),
    page(f"{_HOME}/new", show_new),
    action(f"{_HOME}/try", attempt, roles=_MAY),
    page(f"{_HOME}/{{rule_id}}", show_one),
    action(f"{_HOME}/{{rule_id}}/begin", begin, roles=_MAY),
    page(f"{_HOME}/{{rule_id}}/edit", show_edit),
    action(f"{_HOME}/{{rule_id}}/versions/{{version:int}}/activate", activate, name="split_rule.activate", roles=_MAY),
]
