"""What the channels of an organization allow, as planning reads it: capabilities, freeze, whose collections they are."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from fractions import Fraction

from cauce.channels.service import list_channels
from cauce.flows.context import Context, Runtime
from cauce.gateway.capabilities import Can, Capabilities
from cauce.gateway.limits import is_released
from cauce.kernel.clock import monotonic_seconds
from cauce.marketplace.orders.service import Freeze
from cauce.storage.database import Database

SHARE_CAP_SECONDS = 300
"""How long a share cap that was read from a provider is used before it is read again."""

_Caps = dict[tuple[int, str, str], tuple[int, Fraction]]


@dataclass(frozen=True, slots=True)
class Terms:
    """One channel's conditions. `has_owner`: each collection belongs to one merchant, who keeps what is not split off."""

    channel_id: str
    capabilities: Capabilities

    @property
    def combines(self) -> bool:
        """Whether one payment may be for the collections of several merchants."""
        return Can.COMBINES_PAYMENTS in self.capabilities.can

    @property
    def has_owner(self) -> bool:
        """Whether the money of a collection lies with the order's own merchant."""
        return self.capabilities.auto_release_to_owner

    @property
    def freeze(self) -> Freeze:
        """How long the channel keeps money frozen."""
        limit = self.capabilities.freeze_days_max
        return Freeze(limit.value if limit else None)

    @property
    def pays_out(self) -> bool:
        """Whether payouts are told to the channel; otherwise it settles by itself and its bill says so."""
        return Can.PAYS_OUT in self.capabilities.can


async def terms_of(runtime: Runtime, org_id: int, channel_ids: Collection[str]) -> dict[str, Terms]:
    """The terms of these channels."""
    found = {}
    for channel_id in sorted(channel_ids):
        channel, _ = await runtime.gateways.open(org_id, channel_id)
        found[channel_id] = Terms(channel_id, runtime.gateways.capabilities(channel))
    return found


async def channels_that_wait(context: Context, days: int, currency: str) -> list[str]:
    """The channels of the organization that divide money of this currency so many days after it was paid."""
    async with replace(context, once=None).transaction() as tx:
        ids = [row["id"] for row in await list_channels(tx)]
    found = []
    for one in (await terms_of(context.runtime, context.org_id, ids)).values():
        can = one.capabilities
        takes = can.currencies is None or currency in can.currencies
        if Can.SPLITS in can.can and takes and not is_released(days, can.freeze_days_max):
            found.append(one.channel_id)
    return found


async def share_caps(context: Context, terms: Terms, merchant_refs: Collection[str]) -> dict[str, Fraction | None]:
    """The largest share to others of each merchant's collections: stated by the channel, or read from the provider.

    Outside any transaction. A provider that cannot be asked has no entry, and planning refuses what needs one.
    """
    stated = terms.capabilities.share_max
    if stated is not None or not terms.has_owner:
        return dict.fromkeys(merchant_refs, stated)
    remembered = _remembered(context.db)
    now = int(monotonic_seconds())
    _, gateway = await context.gateway(terms.channel_id)
    found: dict[str, Fraction | None] = {}
    for ref in sorted(merchant_refs):
        key = (context.org_id, terms.channel_id, ref)
        known = remembered.get(key)
        if known is None or now - known[0] > SHARE_CAP_SECONDS:
            if not hasattr(gateway, "share_cap"):
                continue
            known = (now, await gateway.share_cap(ref))
            remembered[key] = known
        found[ref] = known[1]
    return found


def _remembered(db: Database) -> _Caps:
    caps: _Caps = db.memory.setdefault("marketplace.share_caps", {})
    return caps
