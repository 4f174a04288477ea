"""The demo's stories at a small size: money in is money out by party, planted differences are found, transfers settle."""

from __future__ import annotations

from pathlib import Path

import pytest

from cauce.entrypoints.demo import play, shop, year
from tests.flows.threads import at_work, stage_of

COMMON = {"missing_here": 1, "missing_there": 1, "amount": 1, "fee": 1, "duplicate": 1, "balance": 1}


@pytest.mark.parametrize(
    ("provider", "place", "planted"),
    [("wechat", ("cny", "CN"), {**COMMON, "status": 1}), ("stripe", ("brl", "BR"), COMMON)],
)
async def test_a_market_accounts_for_every_cent_and_finds_what_was_planted_and_only_that(
    dsn: str, tmp_path: Path, provider: str, place: tuple[str, str], planted: dict[str, int]
) -> None:
    async with at_work(dsn, tmp_path) as product:
        stage, summary = await stage_of(product), play.Summary()
        await play.play_market(stage, summary, provider, *place, 12)
    assert summary.differences == []
    assert summary.orders == 12
    assert summary.breaks[provider] == planted
    parties = dict(summary.parties_minor[provider])
    assert parties["in_sellers_banks"] > 0
    assert parties["refunded_to_buyers"] > 0
    assert parties.pop("buyers_paid") == sum(parties.values())


async def test_a_year_of_subscriptions_is_billed_paid_and_counted(dsn: str, tmp_path: Path) -> None:
    async with at_work(dsn, tmp_path) as product:
        stage = await stage_of(product)
        place = await shop.open_shop(stage, "stripe")
        found = await year.play(stage, place, year.Size(by_transfer=8, by_card=2, months=3))
    assert found.subscriptions == 10
    assert found.invoices >= 10 * 3
    assert found.invoiced_minor == found.collected_minor + found.outstanding_minor
    assert found.mrr_minor > 0
