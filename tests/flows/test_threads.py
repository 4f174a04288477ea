"""Whatever a provider does to one of our calls, both threads end in the same books."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.threads import at_work, play_market, play_shop, stage_of

FAULTS = ("drop_after", "error_after", "drop_before", "error_before", "rate_limited", "garbled")
MARKETS = {"stripe": ("brl", "BR"), "wechat": ("cny", "CN")}
CALLS_SOAK, CALLS_OF_A_SHOP_SOAK = 30, 16


@pytest.mark.parametrize(
    ("provider", "fault", "skip"),
    [
        ("stripe", "drop_after", 0), ("stripe", "error_before", 3), ("stripe", "garbled", 6),
        ("wechat", "drop_after", 1), ("wechat", "bad_signature", 4), ("wechat", "callbacks", 0),
    ],
)  # fmt: skip
async def test_a_market_with_one_bad_answer_ends_in_the_same_books(
    dsn: str, tmp_path: Path, provider: str, fault: str, skip: int
) -> None:
    async with at_work(dsn, tmp_path) as product:
        plain = await play_market(await stage_of(product), provider, *MARKETS[provider])
        assert await play_market(await stage_of(product, fault, skip), provider, *MARKETS[provider]) == plain


@pytest.mark.parametrize(("fault", "skip"), [("drop_after", 5), ("error_before", 5), ("callbacks", 0)])
async def test_a_subscription_with_one_bad_answer_ends_in_the_same_books(
    dsn: str, tmp_path: Path, fault: str, skip: int
) -> None:
    async with at_work(dsn, tmp_path) as product:
        plain = await play_shop(await stage_of(product), "stripe")
        assert await play_shop(await stage_of(product, fault, skip), "stripe") == plain


@pytest.mark.soak
@pytest.mark.parametrize("provider", MARKETS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_any_call_of_a_market_may_go_wrong(dsn: str, tmp_path: Path, provider: str, fault: str) -> None:
    async with at_work(dsn, tmp_path) as product:
        plain = await play_market(await stage_of(product), provider, *MARKETS[provider])
        for skip in range(CALLS_SOAK):
            assert await play_market(await stage_of(product, fault, skip), provider, *MARKETS[provider]) == plain


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS)
async def test_any_call_of_a_subscription_may_go_wrong(dsn: str, tmp_path: Path, fault: str) -> None:
    async with at_work(dsn, tmp_path) as product:
        plain = await play_shop(await stage_of(product), "stripe")
        for skip in range(CALLS_OF_A_SHOP_SOAK):
            assert await play_shop(await stage_of(product, fault, skip), "stripe") == plain
