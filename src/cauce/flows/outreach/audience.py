"""Who belongs to a segment, for campaigns and automations: asked by the very condition that the segment's own page shows (B9)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cauce.billing.relations import knowing as relations
from cauce.reports import segments
from cauce.storage.database import Tx


async def members_of(tx: Tx, segment_ids: Iterable[str], customer_ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """Per segment, which of these customers it means now: two questions for all of them. "" is no segment; one that was
    removed means nobody."""
    wanted = sorted({one for one in segment_ids if one})
    if not wanted:
        return {}
    filters = await relations.filters_of(tx, wanted)
    known = await segments.among(tx, {one: each.parts() for one, each in filters.items()}, customer_ids)
    return dict.fromkeys(wanted, frozenset[str]()) | known
