"""The table of operations of the simulated WeChat Pay: method, path, name, handler."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cauce.providers.wechat.simulator import (
    bills,
    certificates,
    combined,
    funds,
    orders,
    receivers,
    refunds,
    returns,
    splits,
)
from cauce.providers.wechat.simulator.desk import Desk

Handler = Callable[[Desk], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation."""

    method: str
    pattern: re.Pattern[str]
    operation: str
    handler: Handler


_PAY = "/v3/pay/transactions"
_PARTNER = "/v3/pay/partner/transactions"
_SHARE = "/v3/profitsharing"
_PLATFORM = "/v3/ecommerce/profitsharing"
_TABLE: list[tuple[str, str, str, Handler]] = [
    ("GET", "/v3/certificates", "certificates", certificates.listed),
    *(
        row
        for base in (_PAY, _PARTNER)
        for row in (
            ("POST", f"{base}/(jsapi|native|app|h5)", "collect", orders.prepay),
            ("GET", f"{base}/out-trade-no/*", "collect.fetch", orders.query_by_number),
            ("GET", f"{base}/id/*", "collect.fetch", orders.query_by_id),
            ("POST", f"{base}/out-trade-no/*/close", "collect.cancel", orders.close),
        )
    ),
    ("POST", "/v3/combine-transactions/(jsapi|native|app|h5)", "collect", combined.prepay),
    ("GET", "/v3/combine-transactions/out-trade-no/*", "collect.fetch", combined.query),
    ("POST", "/v3/combine-transactions/out-trade-no/*/close", "collect.cancel", combined.close),
    ("POST", f"{_SHARE}/orders", "split", splits.split),
    ("POST", f"{_SHARE}/orders/unfreeze", "finish_order", splits.unfreeze),
    ("GET", f"{_SHARE}/orders/*", "split.fetch", splits.query),
    ("GET", f"{_SHARE}/transactions/*/amounts", "collect.amounts", orders.amounts),
    ("POST", f"{_SHARE}/return-orders", "reverse_split", returns.reverse),
    ("GET", f"{_SHARE}/return-orders/*", "reverse_split.fetch", returns.query),
    ("GET", f"{_SHARE}/merchant-configs/*", "share_cap", receivers.ratio),
    ("GET", f"{_SHARE}/bills", "statement", bills.split),
    ("POST", f"{_PLATFORM}/orders", "split", splits.split),
    ("GET", f"{_PLATFORM}/orders", "split.fetch", splits.query),
    ("GET", f"{_PLATFORM}/orders/*/amounts", "collect.amounts", orders.amounts),
    ("POST", f"{_PLATFORM}/finish-order", "finish_order", splits.unfreeze),
    ("POST", f"{_PLATFORM}/returnorders", "reverse_split", returns.reverse),
    ("GET", f"{_PLATFORM}/returnorders", "reverse_split.fetch", returns.query),
    *(
        row
        for base in (_SHARE, _PLATFORM)
        for row in (
            ("POST", f"{base}/receivers/add", "open_account", receivers.add),
            ("POST", f"{base}/receivers/delete", "close_account", receivers.delete),
        )
    ),
    ("POST", "/v3/refund/domestic/refunds", "refund", refunds.apply),
    ("GET", "/v3/refund/domestic/refunds/*", "refund.fetch", refunds.query),
    ("POST", "/v3/refund/domestic/refunds/*/apply-abnormal-refund", "refund.abnormal", refunds.send_elsewhere),
    ("POST", "/v3/ecommerce/refunds/apply", "refund", refunds.apply),
    ("GET", "/v3/ecommerce/refunds/out-refund-no/*", "refund.fetch", refunds.query),
    ("GET", "/v3/ecommerce/refunds/id/*", "refund.fetch", refunds.query_by_id),
    ("GET", "/v3/ecommerce/fund/balance/*", "balances", funds.balance),
    ("GET", "/v3/merchant/fund/balance/*", "balances", funds.own_balance),
    ("POST", "/v3/ecommerce/fund/withdraw", "payout", funds.withdraw),
    ("GET", "/v3/ecommerce/fund/withdraw/out-request-no/*", "payout.fetch", funds.withdrawal_by_number),
    ("GET", "/v3/ecommerce/fund/withdraw/*", "payout.fetch", funds.withdrawal_by_id),
    ("POST", "/v3/ecommerce/subsidies/create", "subsidise", funds.subsidise),
    ("POST", "/v3/ecommerce/subsidies/return", "subsidise.return", funds.subsidy_return),
    ("POST", "/v3/ecommerce/subsidies/cancel", "subsidise.cancel", funds.subsidy_cancel),
    ("GET", "/v3/bill/tradebill", "statement", bills.trade),
    ("GET", "/v3/bill/fundflowbill", "statement", bills.fund_flow),
    ("GET", "/v3/ecommerce/bill/fundflowbill", "statement", bills.merchant_fund_flow),
    ("GET", "/v3/bill/sub-merchant-fundflowbill", "statement", bills.one_merchant_fund_flow),
    ("GET", "/v3/billdownload/file", "statement.download", bills.download),
]

ROUTES = [
    Route(method, re.compile(path.replace("*", "([^/]+)")), operation, handler)
    for method, path, operation, handler in _TABLE
]


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]] | int:
    """The route of a request with the ids in its path, or the status that says why there is none."""
    status = 404
    for route in ROUTES:
        match = route.pattern.fullmatch(path)
        if match and route.method == method:
            return route, match.groups()
        if match:
            status = 405
    return status
