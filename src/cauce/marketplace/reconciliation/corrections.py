"""Templates of corrections: what may be posted for a difference, and for which. Each is proved by a line of a statement.

A custody book is never adjusted without evidence of the provider, so a template fits only a difference of which the
provider's side is there; what it lacks altogether can be explained or accepted, not corrected.
"""

from __future__ import annotations

from enum import StrEnum

from cauce.kernel.errors import InvalidRequest
from cauce.marketplace.reconciliation.rules import BreakType
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "corrections.sql")


class Template(StrEnum):
    """What is posted."""

    FEE_DIFFERENCE = "fee_difference"  # what the provider took more (or less) as fee is the platform's
    DEBIT_BORNE = "debit_borne"  # what the holder took without an order is paid out of the platform's fee


class TemplateDoesNotFit(InvalidRequest):
    """This correction is not for such a difference, or no line of a statement proves it."""

    code = "correction_does_not_fit"


_FITS = {BreakType.FEE: Template.FEE_DIFFERENCE, BreakType.UNKNOWN_DEBIT: Template.DEBIT_BORNE}


def template_for(type_: str, theirs_minor: int | None) -> Template | None:
    """The template that corrects such a difference, if there is one."""
    return _FITS.get(BreakType(type_)) if theirs_minor is not None else None


def check_template(template: str, trigger: str, one: Row) -> Template:
    """The template, if it corrects this difference; `correction_does_not_fit` otherwise."""
    fits = template_for(one["type"], one["theirs_minor"])
    if trigger != "correct" or fits is None or template != fits:
        raise TemplateDoesNotFit(param="template")
    return fits


async def proving_line(tx: Tx, one: Row) -> Row:
    """The newest line of the channel's statements that shows the provider's side of a difference (`statement_id`, `row_key`)."""
    row = await tx.row(QUERIES.proving_line, tx.org, one["channel_id"], one["kind"], one["key"])
    if row is None:
        raise TemplateDoesNotFit(param="template")
    return row
