"""A sweep over a slice's own table: its statements follow from the table and its columns, and are written once."""

from __future__ import annotations

from collections.abc import Sequence

from cauce.storage.sql import load_queries
from cauce.storage.sweeps import Sweep

_TEXTS = load_queries(__package__, "due_rows.sql")


def sweep_over(
    name: str,
    rank: int,
    table: str,
    *,
    due: str = "due_at",
    key: Sequence[str] = ("id",),
    columns: Sequence[str] = (),
    only: str = "true",
    ties: Sequence[str] = ("id",),
    may_wait: str = "",
    one_by_one: bool = False,
    rows_max: int = 1_000,
) -> Sweep:
    """The sweep `name` over the rows of `table` whose column `due` has come, found by indexes (due, org_id) and (org_id, due, …).

    `key`: the columns that name a row within its organization; several are joined by "/", the first has none in it.
    `columns`: what the flow reads, all when empty. `only`: a condition on the row `x` for it to be this sweep's. `ties`:
    what orders rows of one instant; only where the index holds it is that free. `may_wait`: a condition on `x` under
    which a row that waited for a person can still fall due; "" where it cannot wait. `one_by_one`: organizations are
    looked at one after the other, for a table without an index by time alone. All are constants of the program.
    """
    assert table.partition(".")[0] == name.partition(".")[0], f"{name}: {table} is another slice's"
    shown = [f"x.{one}" for one in ("org_id", *columns)] + [f"x.{due} AS due_at"]
    places = {
        "table": table,
        "due": due,
        "first": key[0],
        "key": " || '/' || ".join(f"x.{one}" for one in key),
        "columns": ", ".join(shown) if columns else "x.*",
        "only": only,
        "order": ", ".join(f"x.{one}" for one in (due, *ties)),
        "may_wait": may_wait,
    }
    by_one_column = (_TEXTS.this_by_one_column, _TEXTS.these_by_one_column)
    this, these = by_one_column if len(key) == 1 else (_TEXTS.this_by_several, _TEXTS.these_by_several)
    places |= {"this": this.format_map(places), "these": these.format_map(places)}
    return Sweep(
        name,
        rank,
        find=(_TEXTS.find_one_by_one if one_by_one else _TEXTS.find).format_map(places),
        claim=_TEXTS.claim.format_map(places),
        set_due=_TEXTS.set_due.format_map(places),
        next_due=_TEXTS.next_due.format_map(places),
        rows_max=rows_max,
        due_of=_TEXTS.due_of.format_map(places) if may_wait else "",
    )
