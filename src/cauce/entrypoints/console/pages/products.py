"""Products: made, renamed, archived and offered again, by what the API uses (A6)."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.catalog import service
from cauce.entrypoints.console.view import action, back_to
from cauce.entrypoints.web.sessions import Session
from cauce.entrypoints.web.tables import Button, Input, Table, buttons, columns, state, text
from cauce.kernel.errors import InvalidRequest
from cauce.storage.database import Row
from cauce.storage.directory.people import Role

MAY = (Role.ADMIN, Role.FINANCE)
_NAME_CHARACTERS_MAX, _TEXT_CHARACTERS_MAX = 200, 2_000


def product_inputs(name: str = "", description: str = "") -> tuple[Input, ...]:
    """What is shown of a product, to type in."""
    words = Input("description", "plans.description", kind="textarea", value=description, required=False)
    return Input("name", "plans.name", value=name), words


def product_table(rows: Sequence[Row]) -> Table:
    """Products with what can be done with them."""
    return Table(
        columns("plans.product", "plans.description", "plans.state", ">"),
        [
            (
                text(row["name"], note=row["key"]),
                text(row["description"]),
                state("archived" if row["archived_at"] else "published"),
                buttons(*_product_buttons(row)),
            )
            for row in rows
        ],
        none="plans.no_products",
        title="plans.products",
    )


def _product_buttons(row: Row) -> list[Button]:
    path = f"/console/products/{row['id']}"
    if row["archived_at"]:
        return [Button(f"{path}/restore", "plans.restore")]
    edit = Button(path, "plans.edit", inputs=product_inputs(row["name"], row["description"]))
    return [edit, Button(f"{path}/archive", "plans.archive", danger=True, hint="plans.archive_product_hint")]


async def create_product(_request: Request, session: Session, fields: dict[str, str]) -> Response:
    """A new product."""
    key, name, description = fields.get("key", "").strip(), *_named(fields)
    async with session.context.transaction() as tx:
        if not key or await service.find_product(tx, key) is not None:
            raise InvalidRequest(f"a product has a key of its own; {key!r} is not free", param="key")
        now, actor = await session.context.now(tx), session.context.actor.name
        await service.create_product(tx, key[:100], name, now=now, description=description, actor=actor)
    return back_to("/console/plans")


async def edit_product(request: Request, session: Session, fields: dict[str, str]) -> Response:
    """Change what is shown of a product."""
    name, description = _named(fields)
    return await _update(request, session, name=name, description=description)


async def archive_product(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Offer nothing of a product on hosted pages any more."""
    return await _update(request, session, archived=True)


async def restore_product(request: Request, session: Session, _fields: dict[str, str]) -> Response:
    """Offer a product again."""
    return await _update(request, session, archived=False)


def _named(fields: dict[str, str]) -> tuple[str, str]:
    name = fields.get("name", "").strip()[:_NAME_CHARACTERS_MAX]
    if not name:
        raise InvalidRequest("a product has a name", param="name")
    return name, fields.get("description", "").strip()[:_TEXT_CHARACTERS_MAX]


async def _update(
    request: Request,
    session: Session,
    *,
    name: str | None = None,
    description: str | None = None,
    archived: bool | None = None,
) -> Response:
    async with session.context.transaction() as tx:
        product_id, now = str(request.path_params["product_id"]), await session.context.now(tx)
        await service.change_product(
            tx, product_id, name=name, description=description, archived=archived, now=now, actor=session.context.actor.name
        )  # fmt: skip
    return back_to("/console/plans")


routes = [
    action("/console/products", create_product, name="product.create", roles=MAY),
    action("/console/products/{product_id}", edit_product, name="product.update", roles=MAY),
    action("/console/products/{product_id}/archive", archive_product, name="product.archive", roles=MAY),
    action("/console/products/{product_id}/restore", restore_product, name="product.restore", roles=MAY),
]
