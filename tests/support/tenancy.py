"""Proof that no organization reaches another's rows: the live catalog, and strangers who try every route.

`violations` reads the catalog. `intrusions` makes one attempt for every route of the API that names an object, with
every kind of id that a victim has; a new route is tried by itself, and a new noun as soon as `SEEDS` makes one.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from fastapi import FastAPI
from starlette.routing import Route

from cauce.flows import clock
from cauce.storage import audit, jobs, outbox, sealing
from cauce.storage.directory import keys
from cauce.storage.directory.orgs import Org
from cauce.storage.jobs import NewJob
from cauce.storage.orgclock import org_now
from cauce.storage.outbox import NewEvent
from cauce.storage.sql import load_queries
from tests.support.runtime import World

QUERIES = load_queries(__package__, "tenancy.sql")

EXEMPT = {
    # Read before the organization is known; see `storage.directory`.
    "directory.org": "names the organizations",
    "directory.api_key": "says whose a key is",
    "directory.person": "a person may belong to several organizations",
    "directory.membership": "says which",
    "directory.session": "says who is signed in",
    "directory.sign_in_link": "signs in",
    "directory.inbound_route": "says whose a notice is",
    "directory.migration": "is about the installation",
    # A policy for the role of the ledger's functions alone.
    "policy by_function": "each names one organization in every statement, and row-level security would hide from the "
    "planner how few rows that is",
}
"""Tables without row-level security and wider policies, each with its reason. Nothing else is exempt from anything."""

SCHEDULER_SEES = {"kind", "state", "mode", "due_kind"}
"""Texts that the scheduler may read across organizations; numbers, instants and flags it may. It learns whose work is
due when, never what it is about."""

DEFINERS_OWNED_BY = {"cauce_ledger"}
"""Whose rights a function may lend; its role is under the same policies."""


async def violations(connection: asyncpg.Connection) -> list[str]:
    """Every way in which the catalog breaks the rules of tenancy, one sentence each."""
    tables = await connection.fetch(QUERIES.tables)
    own = {row["oid"]: row["name"] for row in tables if row["name"] not in EXEMPT and row["kind"] in "rp"}
    found = [problem for row in tables if row["name"] not in EXEMPT for problem in _table(row)]
    for row in await connection.fetch(QUERIES.unique_indexes):
        if row["table_oid"] in own and row["leader"] != "org_id":
            found.append(f"{own[row['table_oid']]}: unique index {row['name']} is led by {row['leader']}")
    for row in await connection.fetch(QUERIES.foreign_keys):
        if row["table_oid"] in own and (row["leader"] != "org_id" or not _is_org(row["target"])):
            found.append(
                f"{own[row['table_oid']]}: foreign key {row['name']} leads from {row['leader']} to {row['target']}"
            )
    found += _policies(await connection.fetch(QUERIES.policies), own)
    names = {row["oid"]: row["name"] for row in tables}
    for row in await connection.fetch(QUERIES.scheduler_columns):
        if (
            row["type"] not in ("bigint", "integer", "boolean", "timestamp with time zone")
            and row["name"] not in SCHEDULER_SEES
        ):
            found.append(f"{names[row['table_oid']]}: the scheduler sees {row['name']}")
    found += [f"{names[row['table_oid']]}: too many rights" for row in await connection.fetch(QUERIES.rights)]
    found += [f"role {row['name']} can do more than it should" for row in await connection.fetch(QUERIES.roles)]
    found += [f"{row['name']} belongs to a working role" for row in await connection.fetch(QUERIES.owners)]
    for row in await connection.fetch(QUERIES.definers):
        if row["owner"] not in DEFINERS_OWNED_BY:
            found.append(f"function {row['name']} lends the rights of {row['owner']}")
    return found


def _table(row: asyncpg.Record) -> list[str]:
    name = row["name"]
    if row["kind"] == "v":
        safe = "security_invoker=true" in row["options"] or "security_invoker=on" in row["options"]
        return [] if safe else [f"{name}: a view that sees with its owner's eyes"]
    if row["kind"] not in "rp":
        return [f"{name}: neither table nor view"]
    found = []
    if row["org_id"] != "bigint not null":
        found.append(f"{name}: org_id is {row['org_id'] or 'missing'}")
    if not (row["secured"] and row["forced"]):
        found.append(f"{name}: row-level security is not forced")
    return found


def _policies(rows: list[asyncpg.Record], own: dict[int, str]) -> list[str]:
    found = []
    isolated = set()
    for row in rows:
        if row["table_oid"] not in own:
            continue
        checks = [row["reads"] or "", row["writes"] or ""]
        if "cauce_app" in row["roles"] and all("org_id = ANY" in one and "storage.orgs()" in one for one in checks):
            isolated.add(row["table_oid"])
        elif f"policy {row['name']}" in EXEMPT and row["roles"] == ["cauce_ledger"]:
            continue
        elif row["roles"] != ["cauce_scheduler"] or row["command"] != "r":
            found.append(f"{own[row['table_oid']]}: policy {row['name']} opens it to {', '.join(row['roles'])}")
    return found + [f"{name}: no policy isolates its rows" for oid, name in own.items() if oid not in isolated]


def _is_org(target: str) -> bool:
    return target == "directory.org.id" or target.endswith(".org_id")


NAMED_BY_CALLER = {("PUT", "/v1/customers/{customer_id}"), ("PUT", "/v1/holidays/{market}")}
"""Routes whose path carries the caller's own name for a thing that they make: whoever asks gets a thing of his own."""

_PARAMETER = re.compile(r"\{[^}]+\}")

Seed = Callable[[World, Org], Awaitable[None]]


async def _seed_foundation(world: World, org: Org) -> None:
    """What every organization has: keys, jobs, events, an audit trail, sealed values, a clock under way."""
    async with world.runtime.db.transaction(org.id) as tx:
        await keys.create_key(tx, org.id, org.mode, "the victim's", frozenset({"admin"}))
        now = await org_now(tx)
        await jobs.enqueue(tx, [NewJob("no.worker.knows", now, {"secret": "s"}, key="k")])
        await outbox.emit(tx, [NewEvent("customer.created", "cus_victim", now, {"secret": "s"})], actor="test")
        await audit.record(tx, audit.SYSTEM, "thing.made", "thing_victim")
        await sealing.put(tx, world.runtime.sealer, "ch_victim", "secret", "s")
    await clock.begin_advance(world.context(org), now.replace(year=now.year + 1))


SEEDS: list[Seed] = [_seed_foundation]
"""What gives the victim rows of every noun; each slice adds one that makes its nouns through its flows."""


@dataclass(frozen=True, slots=True)
class Intrusion:
    """One attempt of a stranger at an object of the victim, with a body that the route takes; `control` is the same
    for an object that nobody has."""

    method: str
    path: str
    control: str
    body: Any


def intrusions(api: FastAPI, ids: list[str], *, per_route_max: int = 60) -> list[Intrusion]:
    """For every route with parameters in its path: the victim's ids in their places."""
    attempts = []
    for path, methods in sorted(_routes(api).items()):
        names = _PARAMETER.findall(path)
        for values in itertools.islice(itertools.product(ids, repeat=len(names)), per_route_max if names else 0):
            filled, control = _fill(path, values), _fill(path, [_unknown(value) for value in values])
            attempts += [
                Intrusion(method, filled, control, body)
                for method, body in sorted(methods.items())
                if (method, path) not in NAMED_BY_CALLER
            ]
    return attempts


def _fill(path: str, values: Sequence[str]) -> str:
    for value in values:
        path = _PARAMETER.sub(value, path, count=1)
    return path


def _unknown(value: str) -> str:
    return value[:-3] + "000"


def _routes(api: FastAPI) -> dict[str, dict[str, Any]]:
    """Paths with their methods and a body for each: those of FastAPI and the plain ones beside them."""
    whole = api.openapi()
    found = {
        path: {method.upper(): _body(operation, whole) for method, operation in methods.items()}
        for path, methods in whole["paths"].items()
    }
    for route in api.routes:
        if isinstance(route, Route) and route.path.startswith("/v1/"):
            for method in (route.methods or set()) - {"HEAD"}:
                found.setdefault(route.path, {}).setdefault(method, None)
    return found


def _body(operation: dict[str, Any], whole: dict[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return None if content is None else _sample(content["schema"], whole)


def _sample(schema: dict[str, Any], whole: dict[str, Any]) -> Any:
    """A plain value that the schema allows: what is required and nothing else."""
    if "$ref" in schema:
        return _sample(whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]], whole)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return _sample(schema[choice][0], whole)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {name: _sample(properties[name], whole) for name in schema.get("required", ())}
        case "array":
            return [_sample(schema["items"], whole)] * schema.get("minItems", 1)
        case "integer" | "number":
            return max(1, schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)
        case "boolean":
            return True
    return {"date-time": "2031-01-01T00:00:00Z", "date": "2031-01-01"}.get(schema.get("format", ""), "read")


async def ids_of(owner: asyncpg.Connection, org_id: int, *, per_prefix: int = 2) -> list[str]:
    """Some of the organization's ids, of every kind that it has."""
    found: dict[str, list[str]] = {}
    async for table, column in _org_tables(owner):
        rows = await owner.fetch(f"SELECT {column} FROM {table} WHERE org_id = $1 LIMIT 50", org_id)
        for (value,) in rows:
            kept = found.setdefault(value.rpartition("_")[0], [])
            if len(kept) < per_prefix:
                kept.append(value)
    return [value for values in found.values() for value in values]


async def contents_of(owner: asyncpg.Connection, org_id: int) -> dict[str, asyncpg.Record]:
    """A fingerprint of everything that the organization has, by table."""
    prints: dict[str, asyncpg.Record] = {}
    for table in sorted({table async for table, _ in _org_tables(owner)}):
        question = f"SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t WHERE org_id = $1"
        (prints[table],) = await owner.fetch(question, org_id)
    return prints


async def _org_tables(owner: asyncpg.Connection) -> AsyncIterator[tuple[str, str]]:
    for row in await owner.fetch(QUERIES.text_columns):
        yield row["table"], row["column"]
