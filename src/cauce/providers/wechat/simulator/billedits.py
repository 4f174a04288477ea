"""Bills that lie: rows left out, doubled, changed or made up, so that reconciliation can prove that it notices."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from cauce.kernel.money import major_text
from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat.simulator.desk import CURRENCY, Obj
from cauce.providers.wechat.simulator.knobs import knob


class Columns(NamedTuple):
    """What the columns of a bill are called; "" where it has none."""

    amount: str
    fee: str
    id: str
    number: str
    state: str


def damaged(tenant: Tenant, bill: str, rows: list[Obj], names: Columns) -> list[Obj]:
    """The rows with what the knobs ask for: the first ones dropped, doubled or off, and single ones edited."""
    rows = rows[int(knob(tenant, "bill_drop_row")) :]
    if rows and knob(tenant, "bill_amount_off_minor"):
        rows = [_off(rows[0], names.amount, knob(tenant, "bill_amount_off_minor")), *rows[1:]]
    if rows and names.fee and knob(tenant, "bill_fee_off_minor"):
        rows = [_off(rows[0], names.fee, knob(tenant, "bill_fee_off_minor")), *rows[1:]]
    if rows and knob(tenant, "bill_double_row"):
        rows = [rows[0], *rows]
    for edit in knob(tenant, "bill_edits"):
        if edit["bill"] == bill:
            rows = _edited(rows, edit, names)
    return rows


def announced(tenant: Tenant, rows: list[Obj]) -> str:
    """How many rows the bill says it has."""
    return str(len(rows) + int(knob(tenant, "bill_count_off")))


def _edited(rows: list[Obj], edit: dict[str, Any], names: Columns) -> list[Obj]:
    place = next((n for n, row in enumerate(rows) if edit["find"] in row.values()), None)
    if place is None:
        return rows
    row = rows[place]
    match edit["act"]:
        case "drop":
            return rows[:place] + rows[place + 1 :]
        case "double":
            return [*rows, row]
        case "copy":  # as if for another number
            return [*rows, {**row, names.id: f"{row[names.id]}7", names.number: edit["key"]}]
    changed = _off(row, names.amount, edit.get("amount_minor", 0))
    if names.fee:
        changed = _off(changed, names.fee, edit.get("fee_minor", 0))
    changed |= {names.state: edit["state"]} if "state" in edit else {}
    return [*rows[:place], changed, *rows[place + 1 :]]


def _off(row: Obj, name: str, minor: int) -> Obj:
    text = row[name]
    return {**row, name: yuan(minor_of(text) + minor, len(text.partition(".")[2]))}


def minor_of(text: Any) -> int:
    """Fen of an amount as a bill writes it."""
    return int(Fraction(str(text)) * 100)


def yuan(minor: int, decimals: int = 2) -> str:
    """An amount as a bill writes it, with at least two decimals."""
    return major_text(minor, CURRENCY) + "0" * (decimals - 2)
