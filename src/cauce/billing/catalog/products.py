"""Products: what plans are versions of. Their words, category and metadata may change at any time; no bill depends on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cauce.billing.catalog import store
from cauce.kernel.errors import NotFound
from cauce.kernel.ids import new_id
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent, emit


@dataclass(frozen=True, slots=True)
class ProductTerms:
    """What is shown of a product; `category` ("" for none) groups products, `metadata` is the seller's own."""

    name: str
    description: str = ""
    category: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    archived: bool = False


async def create_product(
    tx: Tx,
    key: str,
    name: str,
    *,
    now: datetime,
    description: str = "",
    category: str = "",
    metadata: Mapping[str, Any] | None = None,
    actor: str = "system",
) -> str:
    """A new product; its id."""
    product_id = new_id("prod")
    await tx.run(
        store.QUERIES.insert_product, tx.org, product_id, key, name, description, dict(metadata or {}), category, now
    )
    await emit(tx, [NewEvent("product.created", product_id, now, {"key": key, "name": name})], actor=actor)
    return product_id


async def find_product(tx: Tx, key: str) -> Row | None:
    """The product with this key, or None."""
    return await tx.row(store.QUERIES.product_by_key, tx.org, key)


async def list_products(tx: Tx, category: str = "") -> list[Row]:
    """Every product (of one category), by key."""
    return await tx.rows(store.QUERIES.products, tx.org, category)


def terms_of(row: Row) -> ProductTerms:
    """The terms of a stored product."""
    return ProductTerms(
        row["name"], row["description"], row["category"], row["metadata"], archived=row["archived_at"] is not None
    )


async def change_product(
    tx: Tx,
    product_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    category: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    archived: bool | None = None,
    now: datetime,
    actor: str = "system",
) -> bool:
    """Change what is given of a product (None: as it is); False when nothing differs. An archived one is offered nowhere.

    `NotFound` for a product that there is not.
    """
    row = next((one for one in await list_products(tx) if one["id"] == product_id), None)
    if row is None:
        raise NotFound(f"there is no product {product_id}", param="product")
    before = terms_of(row)
    given = {
        "name": name,
        "description": description,
        "category": category,
        "metadata": metadata,
        "archived": archived,
    }
    terms = replace(before, **{field: value for field, value in given.items() if value is not None})  # type: ignore[arg-type]
    if before == terms:
        return False
    archived_at = (row["archived_at"] or now) if terms.archived else None
    await tx.run(
        store.QUERIES.update_product,
        tx.org,
        product_id,
        terms.name,
        terms.description,
        dict(terms.metadata),
        terms.category,
        archived_at,
    )
    kind = "product.archived" if terms.archived and not before.archived else "product.updated"
    await emit(tx, [NewEvent(kind, product_id, now, {"name": terms.name})], actor=actor)
    return True
