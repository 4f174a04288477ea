"""What is inferred about WeChat Pay and not seen in a page or client: one function each, so a correction is one line.

The ids are those of the protocol notes of this project. Assumptions that the adapter need not make (A3, A5–A7, A12, A13,
A15: the vendor decides, we read its answer) are knobs of the simulator alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from fractions import Fraction

from cauce.kernel.money import half_up


def fee_minor(total_minor: int, rate_bps: int) -> int:
    """A1: the payment fee of `total_minor` at `rate_bps`, rounded half up to the fen."""
    return half_up(Fraction(total_minor * rate_bps, 10_000))


def certificates_live() -> timedelta:
    """A2: how long downloaded platform certificates are used before they are asked for again."""
    return timedelta(hours=12)


def duplicate_receivers_refused() -> bool:
    """A4: one split request may name a receiver only once."""
    return True


def fund_flow_split_ref(row: Mapping[str, str]) -> str:
    """A8: the serial that joins a split's line in the fund-flow bill to the part's own serial."""
    return row.get("微信支付业务单号", "")


def owner_part_needs_open_order() -> bool:
    """A14: a part for the order's own merchant cannot stand in a request that also releases the rest."""
    return True


def combined_close_body(appid: str, orders: Sequence[tuple[str, str, str]]) -> dict[str, object]:
    """A19: what closes a combined payment names each of its orders: (caller, merchant, our number)."""
    named = [{"mchid": mchid, "sub_mchid": merchant, "out_trade_no": key} for mchid, merchant, key in orders]
    return {"combine_appid": appid, "sub_orders": named}


def subsidy_number_is_its_key() -> bool:
    """A18: a subsidy sent again under the same number, or taken back again under it, is the same one."""
    return True


SPLIT_BILL_ALIASES: Mapping[str, tuple[str, ...]] = {
    # A9: the domestic header was not seen; the overseas one is the second name of each.
    "time": ("分账时间", "create_time"),
    "initiator": ("分账发起方", "initiator"),
    "owner": ("分账方", "sub_mchid", "sponsor"),
    "order_ref": ("微信订单号", "transaction_id"),
    "request_ref": ("微信分账单号", "order_id"),
    "number": ("分账单号", "out_order_no"),
    "part_ref": ("分账明细单号", "detail_id"),
    "receiver": ("分账接收方", "receiver_account"),
    "amount": ("分账金额(元)", "amount"),
    "kind": ("业务类型", "business_type"),
    "state": ("处理状态", "status"),
    "description": ("分账描述", "description"),
}

FUND_FLOW_ACCOUNT_COLUMNS = ("二级商户号", "特约商户号", "商户号")
"""A16: the column that names the merchant in the fund-flow bill of all second-level merchants."""


def fund_flow_key(row: Mapping[str, str]) -> str:
    """A17: the voucher number of a fund-flow line is the number that we gave the operation."""
    return row.get("业务凭证号", "")


FAILED_IN_TRADE_BILL = frozenset({"REVOKED", "CLOSED", "PAYERROR", "FAIL", "ABNORMAL"})
"""Words of the trade bill for a payment or refund that came to nothing; a refund under way counts as accepted [assumed]."""
