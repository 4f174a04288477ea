"""A merchant to choose in a form: by name while there are few, by his id once there are many."""

from __future__ import annotations

from collections.abc import Mapping

from cauce.entrypoints.web.tables import Input
from cauce.reports import merchants
from cauce.storage.database import Tx

CHOICES_MAX = 200


async def merchant_names(tx: Tx) -> dict[str, str]:
    """The newest merchants, at most `CHOICES_MAX`: name by id."""
    return {row["id"]: row["name"] for row in await merchants.page(tx, rows_max=CHOICES_MAX)}


def merchant_input(names: Mapping[str, str], key: str, *, nobody: str | None = None) -> Input:
    """The field `merchant`; `nobody` is the text of choosing none (None: one must be chosen)."""
    if len(names) >= CHOICES_MAX:
        return Input("merchant", key, required=nobody is None, placeholder="mer_…")
    return Input("merchant", key, options=(*((("", nobody),) if nobody is not None else ()), *names.items()))
