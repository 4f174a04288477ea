"""Access follows the state of the bill; a grant by hand overrides it until its end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from cauce.billing.entitlements import store
from cauce.billing.entitlements.rules import Access, Level, change_event
from cauce.kernel.errors import InvalidRequest, NotFound
from cauce.kernel.ids import new_id
from cauce.storage.database import Row, Tx
from cauce.storage.outbox import NewEvent

__all__ = ["end_grants", "follow", "grant_by_hand", "granted_levels", "grants_of", "move_grant", "of_customer"]

of_customer = store.of_customer


async def follow(tx: Tx, wanted: Sequence[Access], at: datetime) -> list[NewEvent]:
    """Bring access to what the bill says now; the events, numbered per customer: the caller holds the customers' locks."""
    if not wanted:
        return []
    known = await store.lock(tx, [one.subscription_id for one in wanted])
    changed, events = [], []
    for one in wanted:
        before = known.get(one.subscription_id)
        if before == one:
            continue
        changed.append(one)
        kind = change_event(before.level if before else None, one.level)
        if kind is not None:
            content = {
                "subscription": one.subscription_id,
                "product": one.product_id,
                "level": one.level.value,
                "features": one.features,
            }
            previous = {"level": before.level.value} if before else None
            events.append(NewEvent(kind, one.customer_id, at, content, one.customer_id, previous))
    await store.put(tx, changed, at)
    return events


async def grant_by_hand(
    tx: Tx,
    customer_id: str,
    *,
    reason: str,
    actor: str,
    now: datetime,
    level: Level | None = None,
    feature: str = "",
    value: Any = None,
    product_id: str = "",
    ends_at: datetime | None = None,
) -> tuple[str, NewEvent]:
    """Give a level of access, or one feature, until `ends_at` (None: until revoked); its id and event (I7)."""
    if (level is None) == (feature == ""):
        raise InvalidRequest("a grant gives either a level or a feature", param="level")
    if ends_at is not None and ends_at <= now:
        raise InvalidRequest("a grant ends in the future", param="ends_at")
    if not reason.strip():
        raise InvalidRequest("a grant has a reason", param="reason")
    grant_id = new_id("acg")
    await tx.run(
        store.QUERIES.insert_grant,
        tx.org, grant_id, customer_id, product_id, feature, value, level.value if level else None, reason, actor, now, ends_at,
    )  # fmt: skip
    content = {"grant": grant_id, "level": level, "feature": feature, "reason": reason, "ends_at": ends_at}
    return grant_id, NewEvent("access.granted", customer_id, now, content, customer_id)


async def move_grant(
    tx: Tx, customer_id: str, grant_id: str, *, ends_at: datetime | None, reason: str, now: datetime
) -> NewEvent:
    """Let a grant that holds end at another instant (None: when it is revoked); its event. `NotFound` when none holds."""
    if ends_at is not None and ends_at <= now:
        raise InvalidRequest("a grant ends in the future", param="ends_at")
    if not reason.strip():
        raise InvalidRequest("a grant has a reason", param="reason")
    row = await tx.row(store.QUERIES.move_grant, tx.org, grant_id, customer_id, now, ends_at, reason)
    if row is None:
        raise NotFound(f"there is no grant {grant_id} that holds", param="grant")
    content = {
        "grant": grant_id, "level": row["level"], "feature": row["feature"], "reason": reason, "ends_at": ends_at
    }  # fmt: skip
    return NewEvent("access.granted", customer_id, now, content, customer_id, {"ends_at": row["ended_before"]})


async def end_grants(tx: Tx, grant_ids: Sequence[str], now: datetime) -> list[NewEvent]:
    """End grants by hand; their events."""
    rows = await tx.rows(store.QUERIES.end_grants, tx.org, list(grant_ids), now)
    return [
        NewEvent("access.revoked", row["customer_id"], now, {"grant": row["id"]}, row["customer_id"])
        for row in sorted(rows, key=lambda row: str(row["id"]))
    ]


async def grants_of(tx: Tx, customer_id: str, now: datetime) -> list[Row]:
    """The grants by hand that hold at `now`."""
    return await tx.rows(store.QUERIES.grants_of_customer, tx.org, customer_id, now)


async def granted_levels(tx: Tx, customer_ids: Collection[str], now: datetime) -> list[tuple[str, str, Level]]:
    """(customer, product or "", level) of every level granted by hand that holds at `now`, the last one last."""
    rows = await tx.rows(store.QUERIES.granted_levels, tx.org, sorted(customer_ids), now)
    return [(row["customer_id"], row["product_id"], Level(row["level"])) for row in rows]
