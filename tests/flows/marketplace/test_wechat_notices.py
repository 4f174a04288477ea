"""Notices of WeChat Pay that come twice, in another order or three days late, through the running product: the cents are the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cauce.flows.marketplace import refunds, release
from cauce.flows.marketplace.refunds import AskRefund
from tests.flows.marketplace.at_wechat import WECHAT, WeChatMarket, wechat_market

LATE = 3 * 86_400


@pytest.fixture
async def shop(dsn: str, tmp_path: Path) -> AsyncIterator[WeChatMarket]:
    async with wechat_market(dsn, tmp_path) as one:
        yield one


@pytest.mark.parametrize(
    "rule",
    [
        {"mode": "duplicate", "copies": 3, "times": 50},
        {"mode": "reorder", "copies": 2, "times": 50},
        {"mode": "delay", "seconds": LATE, "times": 50},
        {"mode": "drop", "times": 50},
        {"mode": "bad_signature", "times": 50},
    ],
    ids=lambda rule: str(rule["mode"]),
)
async def test_however_notices_come_the_same_cents_move_once(shop: WeChatMarket, rule: dict[str, Any]) -> None:
    await shop.stage.control.callback_rule(WECHAT, **rule)
    first = await shop.buy("A1", shop.line("ana", 10_000), deliver_days=20)
    second = await shop.buy("A2", shop.line("bo", 5_000), deliver_days=20)
    await shop.forward(4)
    states = await shop.rows(
        "SELECT id, state, fee_minor, escrow_minor FROM orders.collection WHERE org_id = $1 ORDER BY id"
    )
    assert [(row["state"], row["fee_minor"], row["escrow_minor"]) for row in states] == [
        ("paid", 60, 9_940),
        ("paid", 30, 4_970),
    ]
    await refunds.refund_orders(shop.stage.context, [AskRefund(first, "R1", 2_500), AskRefund(second, "R1", 1_000)])
    await shop.forward(4)
    await release.release_orders(shop.stage.context, [first, second])
    await shop.forward(4)
    assert [row["state"] for row in await shop.rows("SELECT state FROM orders.refund WHERE org_id = $1")] == [
        "succeeded"
    ] * 2
    told = await shop.told("collection")
    assert (told.count("collection.paid"), (await shop.told("order_refund")).count("order_refund.succeeded")) == (2, 2)
    books = await shop.books()
    # 12 % of what was not refunded is the platform's and has reached its own account; the fee came back in proportion.
    assert books["member:ana:withdrawable"] == 7_500 - 45 - 900
    assert books["member:bo:withdrawable"] == 4_000 - 24 - 480
    assert books["revenue"] == 900 + 480 and not [code for code in books if code.startswith(("escrow", "refund_in"))]
    assert await shop.differences() == {}
