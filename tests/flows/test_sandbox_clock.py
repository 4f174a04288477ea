"""A channel of a sandbox whose clock stands: its simulator stands at the same instant from the first call on."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from cauce.gateway.charging import LinkRequest
from cauce.gateway.collecting import FetchRequest, Operation
from cauce.gateway.outcome import Done, Pending
from cauce.kernel.clock import wall_now
from cauce.kernel.money import Money
from cauce.providers.kit.control import SandboxControl
from tests.support.runtime import BEGIN, world


async def _clock(control: SandboxControl, provider: str) -> datetime:
    return datetime.fromisoformat((await control._ask("GET", f"/{provider}/_sim/clock"))["now"])


async def test_a_page_made_at_the_frozen_instant_is_open_there(dsn: str, tmp_path: Path) -> None:
    async with world(dsn, tmp_path, sandbox=True) as product:
        org = await product.sandbox_org()
        assert wall_now() > BEGIN + timedelta(days=1), "the page would have run out by the wall"
        _, gateway = await product.context(org).gateway(await product.channel(org, "stripe"))
        assert await _clock(product.control(org), "stripe") == BEGIN
        link = LinkRequest("pat_1", "", "in_1", Money(900, "eur"), "Invoice 1", "https://shop.example/")
        made = await gateway.link_payment(link)
        assert isinstance(made, Done)
        found = await gateway.fetch(FetchRequest(Operation.CHARGE, "pat_1", made.value.ref))
        assert isinstance(found, Pending)
        second = await product.channel(org, "wechat")
        assert second and await _clock(product.control(org), "wechat") == BEGIN


async def test_a_sandbox_whose_clock_runs_leaves_its_simulators_with_the_wall(dsn: str, tmp_path: Path) -> None:
    async with world(dsn, tmp_path, sandbox=True) as product:
        org = await product.sandbox_org(frozen_at=None)
        await product.channel(org, "stripe")
        assert abs(await _clock(product.control(org), "stripe") - wall_now()) < timedelta(minutes=5)
