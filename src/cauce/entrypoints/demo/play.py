"""Plays the stories one after the other and sums up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cauce.entrypoints.demo import ending, market, real_orders, shop, year
from cauce.entrypoints.demo.proof import Proof, prove
from cauce.entrypoints.demo.stage import ShowProgress, Stage, Tell, open_stage, unseen
from cauce.flows.marketplace.import_orders import Progress
from cauce.kernel.clock import monotonic_seconds
from cauce.kernel.money import major_text
from cauce.settings import Settings

CARDS = "stripe"
BEGIN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)  # a Monday
MARKETS = (("stripe", "brl", "BR"), ("wechat", "cny", "CN"))
CANCELED_EVERY, RETURNED_EVERY = 50, 100
"""One buyer in so many gets his money back before the goods are sent, or after they arrived."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is played: the year of subscriptions, and orders of each marketplace."""

    year: year.Size
    orders_each: int


@dataclass(slots=True)
class Summary:
    """What the demo came to; `differences` are amounts and planted breaks about which something does not agree."""

    invoices: int = 0
    invoiced_minor: int = 0
    year: year.Year | None = None
    orders: int = 0
    paid_out_minor: dict[str, int] = field(default_factory=dict)
    parties_minor: dict[str, dict[str, int]] = field(default_factory=dict)
    breaks: dict[str, dict[str, int]] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    proof: Proof = field(default_factory=Proof)
    seconds: int = 0
    market_seconds: int = 0
    memory_mib: int = 0

    @property
    def holds(self) -> bool:
        """Whether books and providers agree to the cent."""
        return self.proof.holds and not self.differences

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "invoices": self.invoices,
            "invoiced_minor": self.invoiced_minor,
            "year": asdict(self.year) if self.year else None,
            "orders": self.orders,
            "paid_out_minor": self.paid_out_minor,
            "parties_minor": self.parties_minor,
            "breaks": self.breaks,
            "differences": self.differences,
            "trial_balance_minor": self.proof.trial_balance_minor,
            "findings": list(self.proof.findings),
            "seconds": self.seconds,
            "orders_per_second": self.orders // max(self.market_seconds, 1),
            "memory_mib": self.memory_mib,
        }


@asynccontextmanager
async def playing(
    settings: Settings, tell: Tell, *, sizes: Sizes, progress: ShowProgress = unseen
) -> AsyncIterator[tuple[Stage, Summary]]:
    """The demo played; the product keeps running while the block does."""
    started = monotonic_seconds()
    async with open_stage(settings, "Cauce demo", BEGIN, tell, progress) as stage:
        summary = Summary()
        tell(f"The console is open; this link signs you in, once, to look on: {await stage.sign_in_link()}")
        for provider, currency, country in MARKETS:  # first, while the card provider's statements hold nothing else
            await play_market(stage, summary, provider, currency, country, sizes.orders_each)
        place = await shop.open_shop(stage, CARDS, shop.RUNNER)
        try:
            told = await shop.play(stage, place)
            summary.invoices, summary.invoiced_minor = told.invoices, told.paid_minor
            if sizes.year.by_card + sizes.year.by_transfer:
                summary.year = await year.play(stage, place, sizes.year)
                summary.invoices = summary.year.invoices
                summary.invoiced_minor = summary.year.invoiced_minor
            tell("The books:")
            summary.proof = await prove(stage)
            summary.seconds = int(monotonic_seconds() - started)
            summary.memory_mib = memory_mib()
            yield stage, summary
        finally:
            await shop.rest(stage, place)


async def play_market(stage: Stage, summary: Summary, provider: str, currency: str, country: str, orders: int) -> None:
    """One marketplace through one provider, from the first order to the last payout."""
    tell, started = stage.tell, monotonic_seconds()
    tell(
        f"A marketplace opens at {provider}: {len(market.SELLERS)} sellers, a commission of {market.COMMISSION_PERCENT}."
    )
    place = await market.open_market(stage, provider, currency, country)
    first = (await stage.now()).date()
    sold = await market.sell(stage, place, orders)
    tell("The holder keeps the money until the goods arrive; then each order is split.")
    await stage.advance(await stage.now() + market.FIRST_DELIVERIES + timedelta(hours=1))
    # Not on the first day: what a provider keeps of a refund the platform bears, out of commissions that it has earned.
    await ending.refund_some(stage, place, sold.late_order_ids[::CANCELED_EVERY], "before the goods are sent")
    await stage.advance(sold.last_delivery_at + timedelta(hours=1))
    await ending.refund_some(stage, place, sold.order_ids[1::RETURNED_EVERY], "after the goods arrived")
    await _compare(stage, place, summary)
    before = await market.owned_by_sellers(stage, place)
    tell("Every Monday the sellers are paid out.")
    await stage.advance(sold.last_delivery_at + timedelta(days=14))
    after = await _compare(stage, place, summary)
    paid = sum(before.values()) - sum(after.values())
    summary.paid_out_minor[provider] = paid
    summary.orders += sold.orders
    tell(f"Since the last delivery {major_text(paid, currency)} {currency.upper()} reached the sellers' banks.")
    compared = await ending.compare_statements(stage, place, first)
    summary.breaks[provider] = dict(compared.breaks)
    summary.differences += [
        f"{provider}: {of} {kind} {minor} was planted and not found" for kind, of, minor in compared.missed
    ]
    summary.differences += [
        f"{provider}: {of} {kind} {minor} was found and never planted" for kind, of, minor in compared.strange
    ]
    summary.parties_minor[provider], rest = await ending.account_for(stage, place)
    if rest:
        summary.differences.append(f"{provider}: {rest} of the buyers' money are not accounted for")
    summary.market_seconds += int(monotonic_seconds() - started)


async def _compare(stage: Stage, place: market.Market, summary: Summary) -> dict[str, int]:
    ours, theirs = await market.owned_by_sellers(stage, place), await market.owned_at_provider(stage, place)
    for name in market.SELLERS:
        if ours[name] != theirs[name]:
            summary.differences.append(f"{place.provider} {name}: ours {ours[name]}, theirs {theirs[name]}")
    return ours


def memory_mib() -> int:
    """The most memory that this process has used (its PostgreSQL and the simulators not counted)."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@asynccontextmanager
async def playing_orders(
    settings: Settings, tell: Tell, folder: Path, provider: str, progress: Progress | None = None
) -> AsyncIterator[tuple[Stage, real_orders.Result]]:
    """The main job played on order files; the product keeps running while the block does."""
    begins_at = real_orders.first_day(folder)
    async with open_stage(settings, f"Orders through {provider}", begins_at, tell) as stage:
        yield stage, await real_orders.play(stage, folder, provider, progress=progress)
