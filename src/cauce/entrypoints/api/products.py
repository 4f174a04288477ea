"""`/v1/products`: what plans are versions of; categories and metadata sort and describe them."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from cauce.billing.catalog import service
from cauce.entrypoints.api.access import BillingWriter, Reader
from cauce.entrypoints.api.catalog import Key, Metadata, Name, Text, find_product
from cauce.entrypoints.api.replay import answer_once
from cauce.entrypoints.api.resources import Filter, Id, resource, resources, unique, whole_list
from cauce.entrypoints.api.shapes import Body
from cauce.flows.context import Context

router = APIRouter(prefix="/v1", tags=["catalog"])


class ProductBody(Body):
    """A product to make; `key` is its name in your own code, `category` groups products, `metadata` is yours."""

    key: Key
    name: Name
    description: Text = ""
    category: Key | Literal[""] = ""
    metadata: Metadata = Field(default_factory=dict)


class ProductChange(Body):
    """What to change of a product; what is left out stays. Plans of an archived product are offered nowhere."""

    name: Name | None = None
    description: Text | None = None
    category: Key | Literal[""] | None = None
    metadata: Metadata | None = None
    archived: bool | None = None


@router.get("/products")
async def list_products(caller: Reader, category: Filter = "") -> dict[str, Any]:
    """Every product (of one category), by key."""
    async with caller.context.transaction() as tx:
        return whole_list(resources("product", await service.list_products(tx, category)))


@router.post("/products", status_code=201)
async def create_product(request: Request, caller: BillingWriter, body: ProductBody) -> Response:
    """A new product."""

    async def work(context: Context) -> object:
        async with unique("key"), context.transaction() as tx:
            now = await context.now(tx)
            actor = context.actor.name
            await service.create_product(tx, now=now, actor=actor, **body.model_dump())
            return resource("product", await find_product(tx, body.key))

    return await answer_once(request, caller.context, work)


@router.get("/products/{product_key}")
async def show_product(caller: Reader, product_key: Id) -> dict[str, Any]:
    """A product by its key or id."""
    async with caller.context.transaction() as tx:
        return resource("product", await find_product(tx, product_key))


@router.post("/products/{product_key}")
async def change_product(request: Request, caller: BillingWriter, product_key: Id, body: ProductChange) -> Response:
    """Change what is shown of a product, sort it into a category, archive it or bring it back."""

    async def work(context: Context) -> object:
        async with context.transaction() as tx:
            row = await find_product(tx, product_key)
            now, actor = await context.now(tx), context.actor.name
            await service.change_product(tx, row["id"], **body.model_dump(), now=now, actor=actor)
            return resource("product", await find_product(tx, row["key"]))

    return await answer_once(request, caller.context, work, status=200)
