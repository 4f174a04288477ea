"""Who belongs to a segment, for campaigns and automations: asked by the very condition that the segment's own page shows (B9)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cauce.billing.relations import knowing as relations
from cauce.kernel.errors import NotFound
from cauce.reports import segments
from cauce.storage.database import Tx


async def members_of(tx: Tx, segment_ids: Iterable[str], customer_ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """Per segment, which of these customers it means now. "" is no segment; one that was removed means nobody."""
    found: dict[str, frozenset[str]] = {}
    for segment_id in sorted({one for one in segment_ids if one}):
        try:
            _, wanted = await relations.segment(tx, segment_id)
        except NotFound:
            found[segment_id] = frozenset()
            continue
        found[segment_id] = frozenset(await segments.among(tx, wanted.parts(), customer_ids) if customer_ids else ())
    return found
