"""Fixtures of the WeChat Pay tests: one simulator for the session, a fresh contract (in any dialect) per test."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import httpx2
import pytest

from cauce.gateway.provider import Channel, Kit
from cauce.kernel.clock import wall_now
from cauce.kernel.ids import new_id
from cauce.providers.kit.cache import MemoryCache
from cauce.providers.kit.control import SandboxControl
from cauce.providers.kit.sandbox import create_sandbox_app
from cauce.providers.kit.serving import serving
from cauce.providers.kit.transport import HttpTransport
from cauce.providers.wechat import PROVIDER
from cauce.providers.wechat.simulator import wechat_face
from tests.providers.receiver import Receiver
from tests.providers.wechat.shop import START, Shop

_numbers = itertools.count(1)

MakeShop = Callable[..., Awaitable[Shop]]


@pytest.fixture(scope="session")
async def sandbox_url() -> AsyncIterator[str]:
    """A sandbox with WeChat Pay's simulator alone."""
    async with serving(create_sandbox_app({"wechat": wechat_face()})) as url:
        yield url


def kit_of(channel: Channel, http: httpx2.AsyncClient) -> Kit:
    return Kit(HttpTransport(channel, http), MemoryCache(), wall_now, new_id)


@pytest.fixture
async def make_shop(sandbox_url: str, http: httpx2.AsyncClient, receiver: Receiver) -> AsyncIterator[MakeShop]:
    """Makes contracts whose clocks stand at START; after the test rows and books of each must agree."""
    made: list[Shop] = []

    async def make(**options: object) -> Shop:
        tenant = f"org_wechat{next(_numbers)}"
        control = SandboxControl(http, sandbox_url, tenant)
        assert PROVIDER.sandbox_channel is not None
        face = PROVIDER.sandbox_channel(tenant, control.face_url("wechat"), receiver.url, **options)
        await control.register("wechat", face.registration)
        await control.set_clock(START)
        channel = face.opened("wechat", channel_id=new_id("ch"), org_id=1)
        shop = Shop(channel, PROVIDER.connect(channel, kit_of(channel, http)), control, dict(face.registration))
        made.append(shop)
        return shop

    yield make
    for shop in made:
        assert (await shop.control.verb("wechat", "check", {}))["wrong"] == []


@pytest.fixture
async def shop(make_shop: MakeShop) -> Shop:
    """A platform's contract (ecommerce dialect, public-key mode)."""
    return await make_shop()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
