"""`/v1/customers/{id}/files`: files that staff keep with a customer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.relations import files
from cauce.entrypoints.api.access import BillingWriter, Reader
from cauce.entrypoints.api.customers import find_customer
from cauce.entrypoints.api.resources import PLAIN_TEXT, Id, resource, resources, whole_list
from cauce.entrypoints.web.downloads import file_of
from cauce.kernel.errors import InvalidRequest
from cauce.storage import audit

router = APIRouter(prefix="/v1/customers", tags=["customers"])
_RAW = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_FileName = Annotated[str, Query(min_length=1, max_length=400, pattern=PLAIN_TEXT)]


@router.get("/{customer_id}/files")
async def list_files(caller: Reader, customer_id: Id) -> dict[str, Any]:
    """A customer's files, the newest first."""
    async with caller.context.transaction() as tx:
        found = await find_customer(tx, customer_id)
        return whole_list(resources("file", await files.files_of(tx, found.id)))


@router.post("/{customer_id}/files", status_code=201, openapi_extra=_RAW)
async def keep_file(request: Request, caller: BillingWriter, customer_id: Id, name: _FileName) -> dict[str, Any]:
    """Keep a file, its bytes as they are (at most 10 MiB). The same bytes under the same name are one file."""
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > files.FILE_BYTES_MAX:
            raise InvalidRequest(f"a file has at most {files.FILE_BYTES_MAX} bytes", param="file")
    context = caller.context
    async with context.transaction() as tx:
        found = await find_customer(tx, customer_id)
        at, actor = await context.now(tx), context.actor.name
        file_id = await files.put(tx, found.id, name, bytes(raw), at, actor=actor)
        await audit.record(tx, context.actor, "customer.keep_file", found.id, after={"file": file_id})
        (row,) = [one for one in await files.files_of(tx, found.id) if one["id"] == file_id]
    return resource("file", row)


@router.get("/{customer_id}/files/{file_id}", response_class=Response)
async def read_file(caller: Reader, customer_id: Id, file_id: Id) -> Response:
    """The bytes of one file."""
    async with caller.context.transaction() as tx:
        found = await find_customer(tx, customer_id)
        return file_of(*await files.content_of(tx, found.id, file_id))


@router.delete("/{customer_id}/files/{file_id}")
async def drop_file(caller: BillingWriter, customer_id: Id, file_id: Id) -> dict[str, Any]:
    """Remove a file."""
    context = caller.context
    async with context.transaction() as tx:
        found = await find_customer(tx, customer_id)
        await files.drop(tx, found.id, file_id)
        await audit.record(tx, context.actor, "customer.drop_file", found.id, after={"file": file_id})
    return {"object": "file", "id": file_id, "deleted": True}
