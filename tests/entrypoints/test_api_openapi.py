"""The OpenAPI file: committed as the code says, one document for all routes, and a fuzzer that believes it finds no crash."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from cauce.entrypoints.api.app import openapi_file
from cauce.storage.directory import keys
from tests.support.runtime import World, world

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = json.loads(openapi_file())
OPERATIONS = [
    (method, path)
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
    if path not in ("/v1/clock/advance", "/v1/reconciliation_runs")  # these send work away; they have their own tests
]
EXAMPLES = 2


@schemathesis.serializer("message/rfc822")
def as_it_is(_context: schemathesis.SerializationContext, value: object) -> bytes:
    """A generated mail is some text, and no mail."""
    return str(value).encode(errors="replace")


@pytest.fixture(scope="module")
async def product(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(shared_dsn, tmp_path_factory.mktemp("home")) as one:
        yield one


def test_the_committed_file_is_what_the_code_says() -> None:
    assert (ROOT / "docs/openapi.json").read_text() == openapi_file(), "run `make docs`"


def test_every_route_of_the_application_is_in_the_file(product: World) -> None:
    assert {"/v1/orders/bulk", "/v1/usage/events", "/v1/entitlements/check", "/v1/invoices"} <= set(DOCUMENT["paths"])
    assert DOCUMENT["openapi"].startswith("3.1")
    names = [operation["operationId"] for path in DOCUMENT["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


def test_every_operation_says_how_it_refuses_and_what_it_does() -> None:
    for path in DOCUMENT["paths"].values():
        for operation in path.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"]
            assert operation["summary"]


async def test_no_generated_request_crashes_the_application(product: World) -> None:
    org = await product.sandbox_org()
    async with product.runtime.db.transaction() as tx:
        _, secret = await keys.create_key(tx, org.id, org.mode, "fuzz", frozenset({"admin"}))
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    cases = []

    for method, path in OPERATIONS:

        @settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=schema[path][method.upper()].as_strategy())
        def collect(case: schemathesis.Case) -> None:
            cases.append(case)

        collect()
    headers = {"Authorization": f"Bearer {secret}"}
    crashed = []
    async with httpx2.AsyncClient(base_url=product.url, headers=headers, trust_env=False, timeout=60) as client:
        for number, case in enumerate(cases):
            sent = case.as_transport_kwargs(base_url=product.url)
            key = {"Idempotency-Key": f"fuzz-{number}"}
            body = {"json": sent["json"]} if sent.get("json") is not None else {"content": sent.get("data")}
            answer = await client.request(case.method, sent["url"], params=sent.get("params"), headers=key, **body)
            if answer.status_code >= 500:
                crashed.append((case.method, sent["url"], sent.get("json"), answer.text))
    assert len(cases) >= len(OPERATIONS)
    assert not crashed, crashed[0]
