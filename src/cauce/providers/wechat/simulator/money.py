"""The money at the simulated WeChat Pay: where each fen of an order lies, and the flow lines that bills are made of.

Accounts in the books: `merchant/<mchid>/available`, `merchant/<mchid>/frozen/<out_trade_no>` (the order's pool, net of
the fee, with parts that are not final yet), `person/<openid>`, `transit/refund/<out_refund_no>`,
`transit/withdraw/<out_request_no>`, and outside: `outside/payers`, `outside/wechat/fees`, `outside/bank/<mchid>`.
"""

from __future__ import annotations

from collections.abc import Sequence

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat.simulator.desk import CURRENCY, Obj, day_of, serial

PAYERS = "outside/payers"
FEES = "outside/wechat/fees"
Leg = tuple[str, int]


def available(mchid: str) -> str:
    """The account that a merchant can use."""
    return f"merchant/{mchid}/available"


def frozen(order: Obj) -> str:
    """The account of an order's frozen money."""
    return f"merchant/{order['mchid']}/frozen/{order['out_trade_no']}"


def receiving(leg: Obj) -> str:
    """The account of a receiver."""
    return available(leg["account"]) if leg["type"] == "MERCHANT_ID" else f"person/{leg['account']}"


def unsplit(tenant: Tenant, order: Obj) -> int:
    """What of an order can still be split: its pool without the parts that are on their way."""
    return max(tenant.books.balance(frozen(order), CURRENCY) - int(order["reserved"]), 0)


def holds(tenant: Tenant, account: str) -> int:
    """The balance of an account in fen."""
    return tenant.books.balance(account, CURRENCY)


def move(tenant: Tenant, memo: str, legs: Sequence[Leg], ref: str) -> None:
    """Book one movement; `Overdrawn` when a merchant's account would go below zero."""
    tenant.books.post(tenant.now(), memo, CURRENCY, [leg for leg in legs if leg[1]], ref)


def flow(tenant: Tenant, mchid: str, name: str, kind: str, amount: int, ref: str, number: str) -> None:
    """Write a line of the merchant's fund-flow bill; `amount` is signed."""
    if not amount:
        return
    merchant = tenant.shelf("merchant")[mchid]
    merchant["basic"] += amount
    now = tenant.now()
    tenant.shelf(f"flow/{day_of(now)}")[serial(tenant, "", 28)] = {
        "at": now.isoformat(),
        "mchid": mchid,
        "ref": ref,
        "name": name,
        "kind": kind,
        "amount": amount,
        "balance": merchant["basic"],
        "number": number,
    }
