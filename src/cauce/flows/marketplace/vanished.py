"""Rows that a statement no longer has when it comes again: what they told of is compared as the books stand without them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import msgspec

from cauce.flows.context import Context
from cauce.flows.marketplace.comparing import BY_HAND, EARLY, both_sides
from cauce.kernel.ids import new_id
from cauce.marketplace.reconciliation import service as reconciliation
from cauce.marketplace.reconciliation import store
from cauce.marketplace.reconciliation.rules import judge
from cauce.storage.database import Tx

ROWS_A_CHUNK = 5_000
Told = tuple[str, str, str]
"""Row key, kind, our key."""


async def remember_rows(tx: Tx, statement_id: int, spool: IO[bytes]) -> None:
    """Put aside what the rows of a statement told of, before they are replaced."""
    after = ""
    while rows := await store.told_by(tx, statement_id, after, ROWS_A_CHUNK):
        packed = msgspec.msgpack.encode([(row["row_key"], row["kind"], row["key"]) for row in rows])
        spool.write(len(packed).to_bytes(8, "big") + packed)
        after = rows[-1]["row_key"]


async def compare_vanished(context: Context, tx: Tx, channel_id: str, statement_id: int, spool: IO[bytes]) -> None:
    """Compare what only vanished rows told of; differences are kept."""
    now, tolerances = await context.now(tx), await reconciliation.tolerances(tx, channel_id)
    for chunk in _chunks(spool):
        gone = await store.rows_gone(tx, statement_id, chunk)
        wanted = [
            ("split" if kind == "release" else kind, key)
            for kind, key in gone
            if key and kind not in BY_HAND and not key.startswith("line:")
        ]
        wanted += [("fee", key) for kind, key in wanted if kind == "collection"]
        compared = await both_sides(tx, channel_id, wanted)
        breaks = judge(compared, cut_off=now - EARLY, tolerances=tolerances)
        await reconciliation.keep_breaks(tx, new_id("run"), channel_id, breaks, at=now, actor=context.actor.name)


def _chunks(spool: IO[bytes]) -> Iterator[list[Told]]:
    spool.seek(0)
    while head := spool.read(8):
        yield msgspec.msgpack.decode(spool.read(int.from_bytes(head, "big")), type=list[Told])
