"""Files of a customer: kept, fetched and removed on his page (B8)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.customers import service as customers
from cauce.billing.relations import files
from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.console.view import action, back_to, page
from cauce.entrypoints.web.downloads import file_of
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input, Table, buttons, columns, moment, number, text
from cauce.entrypoints.web.typed import uploaded
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

_MAY = (Role.ADMIN, Role.FINANCE, Role.SUPPORT)
_ONE = "/console/customers/{customer_id}/files"


def file_button(customer_id: str) -> Button:
    """The form that keeps a file."""
    asks = (Input("file", "files.file", kind="file"),)
    return Button(f"/console/customers/{customer_id}/files", "files.keep", inputs=asks, hint="files.hint")


def file_table(rows: Sequence[Row], customer_id: str) -> Table:
    """Files with who kept them."""
    path = f"/console/customers/{customer_id}/files"
    return Table(
        columns("files.file", "files.bytes>", "files.by", "files.at", ">"),
        [
            (
                text(row["name"], href=f"{path}/{row['id']}"),
                number(row["bytes"]),
                text(row["added_by"].partition(":")[2]),
                moment(row["added_at"]),
                buttons(Button(f"{path}/{row['id']}/drop", "members.remove", danger=True)),
            )
            for row in rows
        ],
        title="files.title",
    )


async def keep(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Keep the chosen file."""
    customer_id = str(request.path_params["customer_id"])
    content = await uploaded(request, files.FILE_BYTES_MAX)
    file = (await request.form()).get("file")
    name = (file.filename or "") if isinstance(file, UploadFile) else ""
    async with session.context.transaction() as tx:
        await customers.read(tx, customer_id)
        at, actor = await session.context.now(tx), session.context.actor.name
        await files.put(tx, customer_id, name, content, at, actor=actor)
    return back_to(link_to(customer_id))


async def fetch(request: Request, session: Session) -> Response:
    """The file itself."""
    customer_id, file_id = str(request.path_params["customer_id"]), str(request.path_params["file_id"])
    async with session.context.transaction() as tx:
        return file_of(*await files.content_of(tx, customer_id, file_id))


async def drop(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Remove it."""
    customer_id, file_id = str(request.path_params["customer_id"]), str(request.path_params["file_id"])
    async with session.context.transaction() as tx:
        await files.drop(tx, customer_id, file_id)
    return back_to(link_to(customer_id))


routes = [
    action(_ONE, keep, name="customer.keep_file", roles=_MAY),
    page(f"{_ONE}/{{file_id}}", fetch),
    action(f"{_ONE}/{{file_id}}/drop", drop, name="customer.drop_file", roles=_MAY),
]
