"""Plays the stories one after the other and sums up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cauce.entrypoints.demo import market, real_orders, shop
from cauce.entrypoints.demo.proof import Proof, prove
from cauce.entrypoints.demo.stage import Stage, Tell, open_stage
from cauce.flows.marketplace.import_orders import Progress
from cauce.kernel.clock import monotonic_seconds
from cauce.kernel.money import major_text
from cauce.settings import Settings

CARDS = "stripe"
BEGIN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)  # a Monday
MARKETS = (("stripe", "brl", "BR"), ("wechat", "cny", "CN"))


@dataclass(slots=True)
class Summary:
    """What the demo came to; `differences` are sellers about whom we and the provider disagree."""

    invoices: int = 0
    invoiced_minor: int = 0
    orders: int = 0
    paid_out_minor: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    proof: Proof = field(default_factory=Proof)
    seconds: int = 0

    @property
    def holds(self) -> bool:
        """Whether books and providers agree to the cent."""
        return self.proof.holds and not self.differences

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "invoices": self.invoices,
            "invoiced_minor": self.invoiced_minor,
            "orders": self.orders,
            "paid_out_minor": self.paid_out_minor,
            "differences": self.differences,
            "trial_balance_minor": self.proof.trial_balance_minor,
            "findings": list(self.proof.findings),
            "seconds": self.seconds,
        }


@asynccontextmanager
async def playing(settings: Settings, tell: Tell, *, orders: int) -> AsyncIterator[tuple[Stage, Summary]]:
    """The demo played; the product keeps running while the block does."""
    started = monotonic_seconds()
    async with open_stage(settings, "Cauce demo", BEGIN, tell) as stage:
        summary = Summary()
        told = await shop.play(stage, CARDS)
        summary.invoices, summary.invoiced_minor = told.invoices, told.paid_minor
        for provider, currency, country in MARKETS:
            await play_market(stage, summary, provider, currency, country, orders)
        tell("The books:")
        summary.proof = await prove(stage)
        summary.seconds = int(monotonic_seconds() - started)
        yield stage, summary


async def play_market(stage: Stage, summary: Summary, provider: str, currency: str, country: str, orders: int) -> None:
    """One marketplace through one provider, from the first order to the last payout."""
    tell = stage.tell
    tell(
        f"A marketplace opens at {provider}: {len(market.SELLERS)} sellers, a commission of {market.COMMISSION_PERCENT}."
    )
    place = await market.open_market(stage, provider, currency, country)
    sold = await market.sell(stage, place, orders)
    tell("The holder keeps the money until the goods arrive; then each order is split.")
    await stage.advance(sold.last_delivery_at + timedelta(hours=1))
    await _compare(stage, place, summary)
    before = await market.owned_by_sellers(stage, place)
    tell("Every Monday the sellers are paid out.")
    await stage.advance(sold.last_delivery_at + timedelta(days=14))
    after = await _compare(stage, place, summary)
    paid = sum(before.values()) - sum(after.values())
    summary.paid_out_minor[provider] = paid
    summary.orders += sold.orders
    tell(f"Since the last delivery {major_text(paid, currency)} {currency.upper()} reached the sellers' banks.")


async def _compare(stage: Stage, place: market.Market, summary: Summary) -> dict[str, int]:
    ours, theirs = await market.owned_by_sellers(stage, place), await market.owned_at_provider(stage, place)
    for name in market.SELLERS:
        if ours[name] != theirs[name]:
            summary.differences.append(f"{place.provider} {name}: ours {ours[name]}, theirs {theirs[name]}")
    return ours


@asynccontextmanager
async def playing_orders(
    settings: Settings, tell: Tell, folder: Path, provider: str, progress: Progress | None = None
) -> AsyncIterator[tuple[Stage, real_orders.Result]]:
    """The main job played on order files; the product keeps running while the block does."""
    begins_at = real_orders.first_day(folder)
    async with open_stage(settings, f"Orders through {provider}", begins_at, tell) as stage:
        yield stage, await real_orders.play(stage, folder, provider, progress=progress)
