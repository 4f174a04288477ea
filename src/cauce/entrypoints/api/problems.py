"""Errors as RFC 9457 problems: `code` is stable and documented, `param` names the field, nothing internal leaks.

One that comes of a provider carries `class`, `provider` (its code and message), `instruction_id` and, where it is known,
`retry_after` (seconds).
"""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cauce.kernel.errors import CauceError, Overloaded

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
_DOCS = "/docs/errors#"
_CODES = {400: "bad_request", 401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed"}


def problem(
    status: int, code: str, message: str, *, param: str | None = None, fields: dict[str, Any] | None = None
) -> Response:
    """One problem document."""
    document = {**(fields or {}), "type": _DOCS + code, "title": code.replace("_", " "), "status": status}
    document |= {"code": code, "detail": message}
    if param is not None:
        document["param"] = param
    body = msgspec.json.encode(document, enc_hook=str)
    return Response(body, status, media_type=MEDIA_TYPE)


def of_error(error: CauceError) -> Response:
    """The problem of an error that Cauce raised on purpose."""
    reply = problem(error.http_status, error.code, error.message, param=error.param, fields=dict(error.fields))
    if isinstance(error, Overloaded):
        reply.headers["Retry-After"] = str(error.retry_after_seconds)
    elif "retry_after" in error.fields:  # of a provider, see `gateway.classes.problem_of`
        reply.headers["Retry-After"] = str(error.fields["retry_after"])
    return reply


async def on_cauce_error(_request: Request, error: Exception) -> Response:
    """Handler for `CauceError`."""
    assert isinstance(error, CauceError)
    if error.http_status >= 500:
        log.error("request.failed", code=error.code, exc_info=error)
    return of_error(error)


async def on_validation_error(_request: Request, error: Exception) -> Response:
    """Handler for a body or query that does not fit: the first thing wrong, with its place."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    return problem(
        422, "invalid_request", f"{place}: {first['msg']}" if place else str(first["msg"]), param=place or None
    )


async def on_http_exception(_request: Request, error: Exception) -> Response:
    """Handler for what routing itself refuses."""
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "http_error")
    return problem(error.status_code, code, str(error.detail))


async def on_data_error(_request: Request, error: Exception) -> Response:
    """Handler for a value that the database cannot hold: no text may carry a NUL, no number pass its type."""
    log.warning("request.unstorable", exc_info=error)
    return problem(422, "invalid_request", "a value of the request cannot be stored")


async def on_deadlock(_request: Request, error: Exception) -> Response:
    """Handler for a request whose transaction the database undid because others held what it needed."""
    log.warning("request.deadlock", exc_info=error)
    return of_error(Overloaded("other changes to the same objects were in the way; send the request again"))


async def on_anything_else(_request: Request, error: Exception) -> Response:
    """Handler of last resort: logged with its trace, told without it."""
    log.error("request.crashed", exc_info=error)
    return problem(500, "internal_error", "something went wrong on our side; the request id leads us to it")
