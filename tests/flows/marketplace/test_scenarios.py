"""All nine scenarios on each simulator: every cent as stated, and a refusal with its reason where a channel cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from cauce.entrypoints.demo.proof import prove
from cauce.entrypoints.demo.scenarios import play
from cauce.marketplace.splits.rules.parsing import parse_rule
from cauce.marketplace.splits.scenarios import UnknownScenario, scenario, scenarios
from tests.flows.threads import at_work, stage_of


def test_there_are_nine_and_their_rules_are_sound() -> None:
    assert len(scenarios()) == 9
    for one in scenarios().values():
        assert parse_rule(one.document("eur")).parts and one.proves and one.orders
        for order in one.orders:
            assert {line.seller for line in order.lines} <= set(one.roles)
            assert set(order.expected) <= {"fee", *one.roles}
    with pytest.raises(UnknownScenario):
        scenario("casino")


CHANNELS = [
    ("stripe", {}, []),
    ("wechat", {"dialect": "ecommerce"}, ["hotel-booking-3"]),
    ("wechat", {"dialect": "partner"}, ["hotel-booking-3"]),
]


@pytest.mark.parametrize(("provider", "options", "refused"), CHANNELS)
async def test_all_run_to_the_cent(
    dsn: str, tmp_path: Path, provider: str, options: dict[str, str], refused: list[str]
) -> None:
    async with at_work(dsn, tmp_path) as product:
        stage = await stage_of(product)
        found = await play(stage, provider, list(scenarios().values()), **options)
        assert [one for one in found if not one.holds] == []
        assert {one.scenario for one in found} == set(scenarios())
        assert [one.order for one in found if one.refused] == refused
        limit = "30" if options.get("dialect") == "partner" else "180"
        assert all(f"limit {limit}" in one.refused for one in found if one.refused), "the reason names the limit"
        assert (await prove(stage)).holds


async def test_a_merchant_who_collects_for_himself_takes_nobody_elses_order(dsn: str, tmp_path: Path) -> None:
    async with at_work(dsn, tmp_path) as product:
        stage = await stage_of(product)
        found = await play(stage, "wechat", list(scenarios().values()), dialect="direct")
        assert len(found) == sum(len(one.orders) for one in scenarios().values())
        assert all(one.holds and "no order of another seller" in one.refused for one in found)
