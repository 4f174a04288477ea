"""The web application: the REST doors of both halves, inbound notices, health, and the pages mounted beside them.

Most routes are FastAPI with pydantic; the hot ones are plain Starlette routes under the same application. Nothing
here decides: a route parses, calls a flow or a report, and renders.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import asyncpg
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from cauce import __version__
from cauce.entrypoints.api import doors, health, inbound, ledger_routes, openapi, problems
from cauce.entrypoints.api.access import Authenticator
from cauce.entrypoints.api.coalescer import Coalescer
from cauce.entrypoints.api.middleware import RequestLog
from cauce.flows.context import Runtime
from cauce.kernel.errors import CauceError
from cauce.settings import Settings

DESCRIPTION = "Billing and marketplace settlement on one double-entry ledger."


def create_api(runtime: Runtime, settings: Settings, *, pages: Sequence[BaseRoute] = ()) -> FastAPI:
    """The application over a runtime; `pages` are the routes of console and portal."""
    api = _described()
    api.state.runtime = runtime
    api.state.settings = settings
    api.state.authenticate = Authenticator(runtime.db)
    ledger = ledger_routes.LedgerDoors(runtime.db, Coalescer.over(runtime.db), api.state.authenticate)
    hot: list[BaseRoute] = [*(one.route for one in doors.HOT), *health.routes, *inbound.routes]
    hot += ledger_routes.routes(ledger)
    if settings.metrics:
        hot += health.metrics_routes
    api.router.routes[:0] = hot
    api.router.routes.extend(pages)
    api.add_exception_handler(CauceError, problems.on_cauce_error)
    api.add_exception_handler(RequestValidationError, problems.on_validation_error)
    api.add_exception_handler(HTTPException, problems.on_http_exception)
    api.add_exception_handler(asyncpg.DeadlockDetectedError, problems.on_deadlock)
    api.add_exception_handler(asyncpg.DataError, problems.on_data_error)
    api.add_exception_handler(Exception, problems.on_anything_else)
    api.add_middleware(RequestLog)
    return api


def openapi_file() -> str:
    """The text of `docs/openapi.json`: every route of the REST door, the hot ones too."""
    return json.dumps(_described().openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _described() -> FastAPI:
    api = FastAPI(
        title="Cauce",
        version=__version__,
        description=DESCRIPTION,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    for router in doors.ROUTERS:
        api.include_router(router)
    api.openapi = lambda: openapi.document(api, (*doors.HOT, *doors.SAID_OF_LEDGER))  # type: ignore[method-assign]
    return api
