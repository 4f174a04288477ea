"""A face as an ASGI application: the vendor's API on its own paths, the control surface below `/_sim/`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from cauce.kernel.clock import wall_now
from cauce.providers.kit.simulator.control import control
from cauce.providers.kit.simulator.engine import Dropped, Engine
from cauce.providers.kit.simulator.face import Answer, Call


def face_app(engine: Engine) -> ASGIApp:
    """The ASGI application of one face; mount it under any prefix or serve it alone."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            call = await _read(scope, receive)
        except ClientDisconnect:
            return
        if call.path.startswith("/_sim/"):
            await _send(await control(engine, call, dict(parse_qsl(call.query))), send)
            return
        answer = await engine.answer(call)
        if isinstance(answer, Dropped):
            await _drop(receive, send)
        else:
            await _send(answer, send)

    return app


async def _read(scope: Scope, receive: Receive) -> Call:
    request = Request(scope, receive)
    body = await request.body()
    prefix = scope.get("root_path", "")
    wire_path = scope["path"]
    path = wire_path[len(prefix) :] if prefix and wire_path.startswith(prefix) else wire_path
    raw = scope.get("raw_path") or wire_path.encode()
    headers: Mapping[str, str] = {name.decode("latin-1").lower(): v.decode("latin-1") for name, v in scope["headers"]}
    base_url = f"{scope.get('scheme', 'http')}://{headers.get('host', 'localhost')}{prefix}"
    query = scope.get("query_string", b"").decode("latin-1")
    return Call(scope["method"], path or "/", raw.decode("latin-1"), query, headers, body, wall_now(), base_url)


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    headers.append((b"content-type", answer.media_type.encode("latin-1")))
    headers.append((b"content-length", str(len(answer.body)).encode("latin-1")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _drop(receive: Receive, send: Send) -> None:
    # ASGI has no way to cut a connection. uvicorn's `receive` belongs to an object that knows its socket; elsewhere an
    # answer that promises more than it sends makes the server do it.
    socket = getattr(getattr(receive, "__self__", None), "transport", None)
    if socket is not None:
        socket.abort()
        await asyncio.sleep(0)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000000")]})
    await send({"type": "http.response.body", "body": b"", "more_body": True})
