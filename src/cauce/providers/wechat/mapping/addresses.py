"""Where each operation lives in each dialect (wechatpay-go v0.2.21 and the vendor's pages, read 2026-11)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from cauce.providers.wechat.contract import Contract, Dialect

CERTIFICATES = "/v3/certificates"


def _with(path: str, query: Mapping[str, str]) -> str:
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given, quote_via=quote)}" if given else path


def _sharing(contract: Contract) -> str:
    return "/v3/ecommerce/profitsharing" if contract.dialect is Dialect.ECOMMERCE else "/v3/profitsharing"


def _transactions(contract: Contract) -> str:
    return "/v3/pay/transactions" if contract.dialect is Dialect.DIRECT else "/v3/pay/partner/transactions"


def _sub(contract: Contract, merchant: str) -> dict[str, str]:
    return {} if contract.dialect is Dialect.DIRECT else {"sub_mchid": merchant}


def prepay(contract: Contract, product: str) -> str:
    """`POST`: start a payment with one of jsapi, native, app, h5."""
    return f"{_transactions(contract)}/{product}"


def combined(key: str = "", *, product: str = "") -> str:
    """`POST`: start a payment for several merchants' orders with a product; `GET`: one by our number."""
    return f"/v3/combine-transactions/{product or f'out-trade-no/{quote(key)}'}"


def close_combined(key: str) -> str:
    """`POST`: close an unpaid one."""
    return f"{combined(key)}/close"


def order(contract: Contract, key: str, merchant: str) -> str:
    """`GET`: a payment by our number."""
    callers = (
        {"mchid": contract.mchid}
        if contract.dialect is Dialect.DIRECT
        else {"sp_mchid": contract.mchid, "sub_mchid": merchant}
    )
    return _with(f"{_transactions(contract)}/out-trade-no/{quote(key)}", callers)


def close(contract: Contract, key: str) -> str:
    """`POST`: close an unpaid payment."""
    return f"{_transactions(contract)}/out-trade-no/{quote(key)}/close"


def amounts(contract: Contract, transaction: str) -> str:
    """`GET`: what of a payment is still frozen for splitting."""
    noun = "orders" if contract.dialect is Dialect.ECOMMERCE else "transactions"
    return f"{_sharing(contract)}/{noun}/{quote(transaction)}/amounts"


def split(contract: Contract) -> str:
    """`POST`: give parts of a payment to receivers."""
    return f"{_sharing(contract)}/orders"


def split_query(contract: Contract, number: str, transaction: str, merchant: str) -> str:
    """`GET`: what became of a split or unfreeze."""
    if contract.dialect is Dialect.ECOMMERCE:
        query = {"sub_mchid": merchant, "transaction_id": transaction, "out_order_no": number}
        return _with(f"{_sharing(contract)}/orders", query)
    query = {"transaction_id": transaction, **_sub(contract, merchant)}
    return _with(f"{_sharing(contract)}/orders/{quote(number)}", query)


def finish(contract: Contract) -> str:
    """`POST`: end the splitting of a payment."""
    noun = "finish-order" if contract.dialect is Dialect.ECOMMERCE else "orders/unfreeze"
    return f"{_sharing(contract)}/{noun}"


def split_return(contract: Contract) -> str:
    """`POST`: take a part back."""
    noun = "returnorders" if contract.dialect is Dialect.ECOMMERCE else "return-orders"
    return f"{_sharing(contract)}/{noun}"


def split_return_query(contract: Contract, key: str, split_key: str, merchant: str) -> str:
    """`GET`: what became of a return."""
    if contract.dialect is Dialect.ECOMMERCE:
        query = {"sub_mchid": merchant, "out_return_no": key, "out_order_no": split_key}
        return _with(split_return(contract), query)
    query = {"out_order_no": split_key, **_sub(contract, merchant)}
    return _with(f"{split_return(contract)}/{quote(key)}", query)


def share_ratio(contract: Contract, merchant: str) -> str:
    """`GET`: the share cap of a sub-merchant (partner dialect only)."""
    return f"{_sharing(contract)}/merchant-configs/{quote(merchant)}"


def receiver(contract: Contract, verb: str) -> str:
    """`POST`: `add` or `delete` a receiver."""
    return f"{_sharing(contract)}/receivers/{verb}"


def refund(contract: Contract) -> str:
    """`POST`: give money back to the payer."""
    return "/v3/ecommerce/refunds/apply" if contract.dialect is Dialect.ECOMMERCE else "/v3/refund/domestic/refunds"


def refund_query(contract: Contract, key: str, merchant: str) -> str:
    """`GET`: what became of a refund."""
    if contract.dialect is Dialect.ECOMMERCE:
        return _with(f"/v3/ecommerce/refunds/out-refund-no/{quote(key)}", {"sub_mchid": merchant})
    return _with(f"/v3/refund/domestic/refunds/{quote(key)}", _sub(contract, merchant))


def subsidy(verb: str) -> str:
    """`POST`: `create`, `return` or `cancel` what the platform adds to a payment."""
    return f"/v3/ecommerce/subsidies/{verb}"


def balance(contract: Contract, account: str) -> str:
    """`GET`: the balance of a second-level merchant or, for "", of the caller itself."""
    if account and not contract.is_platform(account):
        return f"/v3/ecommerce/fund/balance/{quote(account)}"
    return "/v3/merchant/fund/balance/BASIC"


def withdraw() -> str:
    """`POST`: pay a second-level merchant's money to his bank."""
    return "/v3/ecommerce/fund/withdraw"


def withdraw_query(number: str, merchant: str) -> str:
    """`GET`: what became of a withdrawal."""
    return _with(f"{withdraw()}/out-request-no/{quote(number)}", {"sub_mchid": merchant})


BILLS: Mapping[str, str] = {
    "trade": "/v3/bill/tradebill",
    "fund_flow": "/v3/bill/fundflowbill",
    "split": "/v3/profitsharing/bills",
    "merchant_fund_flow": "/v3/ecommerce/bill/fundflowbill",
}
"""Statement kind -> where the file is applied for."""


def bill(kind: str, day: str) -> str:
    """`GET`: the download address of one day's file; compressed, as files of busy days are large."""
    query = {"bill_date": day, "tar_type": "GZIP"}
    if kind == "trade":
        query["bill_type"] = "ALL"
    elif kind == "fund_flow":
        query["account_type"] = "BASIC"
    elif kind == "merchant_fund_flow":
        query |= {"account_type": "ALL", "algorithm": "AEAD_AES_256_GCM"}
    return _with(BILLS[kind], query)
