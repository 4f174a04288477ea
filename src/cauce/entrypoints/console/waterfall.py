"""The waterfall of an order: one collection divided, part by part, with when and by which instruction each goes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cauce.entrypoints.console.links import link_to
from cauce.entrypoints.web.charts import Span, spans
from cauce.storage.database import Row

FEE, KEPT = "fee", "kept"


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a waterfall: `kind` is party, fee (the platform's), kept (nobody's yet), cost (the provider's) or subsidy (what the platform adds)."""

    kind: str
    name: str
    href: str
    amount_minor: int
    reversed_minor: int
    currency: str
    span: Span
    state: str
    released_at: object
    instruction: str
    ref: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    """One collection divided."""

    collection: Row
    parts: tuple[Part, ...]


def waterfall(collection: Row, rows: Sequence[Row], order: Row) -> Waterfall:
    """The provider's cost and every party's part, laid end to end."""
    cost = collection["fee_minor"]
    added = collection["subsidy_planned_minor"]
    drawn = spans([cost, *(row["amount_minor"] for row in rows), *([added] if added else [])])
    expected = order["deliver_at"] or (order["due_at"] if order["next_step"] in ("deliver", "release") else None)
    costs = Part("cost", "", "", cost, 0, collection["currency"], drawn[0], "", None, "", collection["ref"])
    return Waterfall(
        collection,
        (
            *((costs,) if cost else ()),
            *(_part(row, collection["currency"], span, expected) for row, span in zip(rows, drawn[1:], strict=False)),
            *((_subsidy(collection, drawn[-1]),) if added else ()),
        ),
    )


def _subsidy(collection: Row, span: Span) -> Part:
    """What the platform adds: wholly the seller's, beside what the payer paid."""
    paid, returned = collection["subsidy_minor"], collection["subsidy_returned_minor"]
    return Part(
        "subsidy", "", "", paid or collection["subsidy_planned_minor"], returned, collection["currency"], span,
        "applied" if paid else "planned", None, "", "",
    )  # fmt: skip


def _part(row: Row, currency: str, span: Span, expected: object) -> Part:
    is_named = row["party"] not in (FEE, KEPT)
    return Part(
        "party" if is_named else row["party"],
        (row["merchant"] or row["party"]) if is_named else "",
        link_to(row["party"]) if is_named else "",
        row["amount_minor"],
        row["reversed_minor"],
        currency,
        span,
        "closed_part" if row["closed"] else "kept" if row["party"] == KEPT else (row["split_state"] or "planned"),
        row["applied_at"] or (expected if row["party"] != KEPT else None),
        row["split_id"] or "",
        row["split_ref"] or "",
    )
