"""Recording licences, signing the self-check, and the gate that every new order of another seller passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time

from cauce.kernel.errors import InvalidRequest, NotFound
from cauce.kernel.ids import new_id
from cauce.marketplace.compliance import store
from cauce.marketplace.compliance.rules import (
    VALID_FOR,
    Answer,
    GateClosed,
    LicenceNotInForce,
    NewLicence,
    RateNeedsSecondPerson,
    check_answers,
    check_signer,
    in_force,
    next_notice,
)
from cauce.marketplace.compliance.store import (
    fee_rate_drafts,
    fee_rates,
    last_self_check,
    licences_of,
    lock_fee_rate_draft,
)
from cauce.storage.database import Row, Tx
from cauce.storage.directory.orgs import read_org
from cauce.storage.outbox import NewEvent, emit

__all__ = [
    "agree_fee_rate",
    "approve_fee_rate",
    "draft_fee_rate",
    "fee_rate_drafts",
    "fee_rates",
    "last_self_check",
    "licences_of",
    "lock_fee_rate_draft",
    "notify_expiry",
    "record_licence",
    "require_gate",
    "sign_self_check",
]


async def record_licence(tx: Tx, new: NewLicence, *, at: datetime) -> str:
    """Keep the licence of a channel's holder; its id. Notices come 90, 30 and 7 days before it ends."""
    licence_id = new_id("lic")
    await store.insert_licence(tx, licence_id, new, _instant(next_notice(new.valid_until, at.date())), at)
    return licence_id


async def sign_self_check(
    tx: Tx, answers: Mapping[int, Answer], channels: Sequence[str], *, signed_by: str, at: datetime
) -> str:
    """A person signs the answers for these channels; the gate is open for a year. Its id."""
    check_signer(signed_by)
    check_answers(answers)
    check_id = new_id("slc")
    plain = {str(number): {"answer": one.answer, "evidence": one.evidence} for number, one in answers.items()}
    await store.insert_self_check(tx, check_id, plain, signed_by, at, at + VALID_FOR, sorted(channels))
    await emit(tx, [NewEvent("compliance.gate_passed", check_id, at, {"channels": sorted(channels)})], actor=signed_by)
    return check_id


async def draft_fee_rate(tx: Tx, channel_id: str, rate_bps: int, contract: str, *, agreed_by: str, at: datetime) -> str:
    """Put down what the platform may take at a channel by contract, in basis points of an order; its id. It waits."""
    _check_rate(rate_bps, contract)
    rate_id = new_id("frt")
    await store.insert_fee_rate_draft(tx, rate_id, channel_id, rate_bps, contract, agreed_by, at)
    return rate_id


async def approve_fee_rate(tx: Tx, rate_id: str, *, approved_by: str, at: datetime) -> None:
    """Let a rate count from now on, once. `not_found`, `rate_needs_second_person`."""
    row = await store.lock_fee_rate_draft(tx, rate_id)
    if row is None:
        raise NotFound(f"there is no fee rate {rate_id}", param="fee_rate")
    if row["approved_by"]:
        return
    await agree_fee_rate(
        tx, row["channel_id"], row["rate_bps"], row["contract"], agreed_by=row["agreed_by"], approved_by=approved_by,
        at=at,
    )  # fmt: skip
    await store.approve_fee_rate_draft(tx, rate_id, approved_by, at)


async def agree_fee_rate(
    tx: Tx, channel_id: str, rate_bps: int, contract: str, *, agreed_by: str, approved_by: str, at: datetime
) -> None:
    """What the platform may take at a channel from now on, by contract, in basis points of an order (K8). Two persons."""
    _check_rate(rate_bps, contract)
    if not approved_by or approved_by == agreed_by:
        raise RateNeedsSecondPerson(param="approved_by")
    await store.insert_fee_rate(tx, channel_id, at, rate_bps, contract, agreed_by, approved_by)


def _check_rate(rate_bps: int, contract: str) -> None:
    if not 0 <= rate_bps <= 10_000 or not contract.strip():
        raise InvalidRequest("a rate is 0 to 10000 basis points and names its contract", param="rate_bps")


async def require_gate(tx: Tx, channel_id: str, *, at: datetime) -> None:
    """`GateClosed` or `LicenceNotInForce` where a live organization may not take other sellers' orders on this channel."""
    org = await read_org(tx, tx.org)
    if not org.livemode:
        return
    check = await store.last_self_check(tx)
    if check is None or not check["signed_at"] <= at < check["valid_until"] or channel_id not in check["channels"]:
        raise GateClosed(param="channel")
    licences = [(row["valid_from"], row["valid_until"]) for row in await store.licences_of(tx, channel_id)]
    if not in_force(licences, at):
        raise LicenceNotInForce(param="channel")


async def notify_expiry(tx: Tx, rows: Sequence[Row]) -> None:
    """The sweep over licences: tell that they end soon, and when to tell again."""
    await emit(
        tx,
        [
            NewEvent(
                "compliance.licence_expiring",
                row["key"],
                row["due_at"],
                {"channel": row["channel_id"], "holder": row["holder"], "valid_until": row["valid_until"].isoformat()},
            )
            for row in rows
        ],
        actor="system",
    )
    for row in rows:
        await store.set_due(tx, row["key"], _instant(next_notice(row["valid_until"], row["due_at"].date())))


def _instant(day: date | None) -> datetime | None:
    return datetime.combine(day, time.min, UTC) if day else None
