"""`Idempotency-Key` at the door: the effect and the memory of it are one commit, the first answer is given again.

The flow's first transaction carries the record (`storage.idempotency.Once`); the answer is added to it afterwards.
When the process dies in between, the same request is told that it is done; reading the object shows what it made.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from hashlib import blake2b

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from cauce.flows.context import Context
from cauce.kernel.errors import InvalidRequest
from cauce.storage import idempotency
from cauce.storage.database import insist
from cauce.storage.idempotency import AlreadyAnswered, Answer, Once


class KeyRequired(InvalidRequest):
    """A call that moves money needs an Idempotency-Key header."""

    code = "idempotency_key_required"


def request_of(request: Request, body: bytes, *, required: bool) -> idempotency.Request | None:
    """The request's idempotency, or None without the header; `KeyRequired` when it must have one."""
    key = request.headers.get("idempotency-key")
    if key is None:
        if required:
            raise KeyRequired(param="Idempotency-Key")
        return None
    return idempotency.Request.of(key, f"{request.method} {request.url.path}", body)


async def answer_once(
    request: Request,
    context: Context,
    work: Callable[[Context], Awaitable[object]],
    *,
    status: int = 201,
    moves_money: bool = False,
) -> Response:
    """The answer of `work(context)`, or the first one to the same key. `moves_money` requires a key and keeps it for ever."""
    asked = request_of(request, await request.body(), required=moves_money)
    if asked is None:
        return _response(Answer(status, _encode(await work(context))))
    context = replace(context, once=Once(asked, moves_money=moves_money), cause=f"request:{asked.key}")
    try:
        given = Answer(status, _encode(await insist(lambda: work(context))))
    except AlreadyAnswered as known:
        return _response(known.answer, again=True)
    async with context.runtime.db.transaction(context.org_id) as tx:
        await idempotency.answer(tx, asked, given)
    return _response(given)


def tagged(request: Request, content: object) -> Response:
    """What is read, with an ETag: who has it already gets 304 and no body."""
    body = _encode(content)
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, media_type="application/json")


def _encode(value: object) -> bytes:
    return msgspec.json.encode(value, enc_hook=str)


def _response(answer: Answer, *, again: bool = False) -> Response:
    headers = {"Idempotent-Replayed": "true"} if again else {}
    if answer.status == 0:  # the effect is there, the answer was lost with its process
        return Response(_encode({"done": True}), 200, headers, media_type="application/json")
    return Response(answer.response, answer.status, headers, media_type="application/json")
