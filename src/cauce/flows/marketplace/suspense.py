"""Whose a credit in suspense is (T18): what may be given to whom, checked when two persons asked and approved it."""

from __future__ import annotations

from collections.abc import Sequence

from cauce.marketplace.settlement import funding as funding_store
from cauce.marketplace.settlement import suspense as store
from cauce.marketplace.settlement.funding import FundingKind, NewFunding, TopUpSpent
from cauce.marketplace.settlement.suspense import SuspenseAssigned
from cauce.storage.database import Tx

SUSPENSE_KINDS = frozenset({FundingKind.ASSIGN_SUSPENSE, FundingKind.UNDO_ASSIGN})


async def check_suspense(tx: Tx, one: NewFunding, *, take: bool) -> None:
    """Refuse what is more than there is, another currency, channel or member; `take`: it is on its way from here on."""
    if one.kind is FundingKind.ASSIGN_SUSPENSE:
        item = await store.lock_item(tx, one.parent_id)
        if (item["channel_id"], item["currency"]) != (one.channel_id, one.currency):
            raise SuspenseAssigned("the credit lies at another channel or in another currency", param="parent")
        left = item["amount_minor"] - item["assigned_minor"]
        if one.amount_minor > left:
            raise SuspenseAssigned(left_minor=left)
        if take:
            await store.assign(tx, {one.parent_id: one.amount_minor})
        return
    given = await funding_store.lock_one(tx, one.parent_id)
    same = (given["kind"], given["state"]) == (FundingKind.ASSIGN_SUSPENSE.value, "paid")
    if not same or (given["merchant_id"], given["channel_id"]) != (one.merchant_id, one.channel_id):
        raise TopUpSpent("only what was given to the same member is taken back", param="parent")
    left = given["amount_minor"] - given["spent_minor"]
    if one.amount_minor > left:
        raise TopUpSpent(left_minor=left)
    if take:
        await funding_store.spend(tx, {one.parent_id: one.amount_minor})


async def settle_suspense(tx: Tx, one: NewFunding, *, done: bool) -> None:
    """What the channel answered: what was refused is free again, what was taken back has no owner again."""
    if one.kind is FundingKind.ASSIGN_SUSPENSE and not done:
        await store.assign(tx, {one.parent_id: -one.amount_minor})
    elif one.kind is FundingKind.UNDO_ASSIGN and not done:
        await funding_store.spend(tx, {one.parent_id: -one.amount_minor})
    elif one.kind is FundingKind.UNDO_ASSIGN:
        given = await funding_store.lock_one(tx, one.parent_id)
        await store.assign(tx, {given["parent_id"]: -one.amount_minor})


async def provider_numbers(tx: Tx, new: Sequence[NewFunding]) -> dict[str, str]:
    """The provider's numbers of the credits that these movements give, by the credits' ids."""
    ids = sorted({one.parent_id for one in new if one.kind is FundingKind.ASSIGN_SUSPENSE})
    return {key: row["ref"] for key, row in (await store.lock_items(tx, ids)).items()} if ids else {}
