"""`POST /v1/inbound/{token}`: where providers send their notices. Public; the vendor's signature is the credential."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cauce.flows import inbound
from cauce.kernel.clock import wall_now

BODY_BYTES_MAX = 1024 * 1024


async def receive(request: Request) -> Response:
    """Hand the raw bytes on; the acknowledgement is the provider's own form."""
    body = await request.body()
    if len(body) > BODY_BYTES_MAX:
        return Response(status_code=413)
    headers = {name.lower(): value for name, value in request.headers.items()}
    ack = await inbound.receive(request.app.state.runtime, request.path_params["token"], headers, body, wall_now())
    return Response(ack.body, ack.status, media_type=ack.media_type)


routes = [Route("/v1/inbound/{token}", receive, methods=["POST"])]
