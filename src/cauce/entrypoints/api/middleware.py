"""Pure ASGI middleware: a request id on every answer, and one log line per request."""

from __future__ import annotations

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cauce.entrypoints.api.metrics import REQUESTS, SECONDS
from cauce.kernel.clock import monotonic_seconds
from cauce.kernel.ids import new_id

log = structlog.get_logger("cauce.http")

_ID_LENGTH_MAX = 64
_INBOUND = "/v1/inbound/"
_BODY_BYTES_MAX = 16 * 1024 * 1024


class RequestLog:
    """Gives each request an id (the caller's `X-Request-Id` where it is plain), logs and counts it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _given_id(scope) or new_id("req")
        scope.setdefault("state", {})["request_id"] = request_id
        started = monotonic_seconds()
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                elapsed = monotonic_seconds() - started
                route = getattr(scope.get("route"), "path", "other")
                REQUESTS.labels(scope["method"], route, status).inc()
                SECONDS.labels(scope["method"], route).observe(elapsed)
                log.info(
                    "http.request",
                    method=scope["method"],
                    path=_told(scope["path"]),
                    status=status,
                    ms=int(elapsed * 1000),
                )


def _given_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            text: str = value.decode("latin-1")
            return text if len(text) <= _ID_LENGTH_MAX and text.replace("-", "").replace("_", "").isalnum() else ""
    return ""


def _told(path: str) -> str:
    """The path as the log may have it: the address of a channel's notices is a secret."""
    return _INBOUND + "…" if path.startswith(_INBOUND) else path
