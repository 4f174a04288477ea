"""What the OpenAPI file says of the ledger's routes, whose handlers are bound to their coalescer when the process starts."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cauce.entrypoints.api.hot import Described
from cauce.entrypoints.api.ledger_shapes import BulkBody, JournalBody

Found = dict[str, Any]


async def _bound_later(_request: Request) -> Response:
    raise AssertionError("only describes; the route itself is made by `ledger_routes.routes`")


def _said(
    method: str, path: str, name: str, summary: str, body: type | None = None, query: dict[str, str] | None = None
) -> Described:
    route = Route(path, _bound_later, methods=[method])
    return Described(
        route, summary, "ledger", Found, body, query or {}, status=201 if body is JournalBody else 200, name=name
    )


described = [
    _said("POST", "/v1/ledger/journals", "post_journal", "Post a journal by hand", JournalBody),
    _said("POST", "/v1/ledger/journals/bulk", "post_journals", "Post up to a thousand journals by hand", BulkBody),
    _said("GET", "/v1/ledger/journals/{journal}", "show_journal", "A journal with its entries"),
    _said("GET", "/v1/ledger/accounts", "list_accounts", "Accounts with their balances"),
    _said("GET", "/v1/ledger/accounts/{account}", "show_account", "An account with its balance"),
    _said("GET", "/v1/ledger/accounts/{account}/entries", "list_entries", "An account's entries"),
    _said("GET", "/v1/ledger/trial_balance", "trial_balance", "Debits and credits per book, channel and currency"),
    _said("GET", "/v1/ledger/holds", "list_holds", "Amounts that are reserved"),
]
