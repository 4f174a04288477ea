"""The text of bills: header, detail rows with a backtick before every value, totals."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction

from cauce.kernel.money import half_up
from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat.simulator.billedits import Columns, announced, damaged, minor_of, yuan
from cauce.providers.wechat.simulator.desk import SHANGHAI, Obj
from cauce.providers.wechat.simulator.knobs import knob

_TRADE = [
    "交易时间",
    "公众账号ID",
    "商户号",
    "特约商户号",
    "设备号",
    "微信订单号",
    "商户订单号",
    "用户标识",
    "交易类型",
    "交易状态",
    "付款银行",
    "货币种类",
    "应结订单金额",
    "代金券金额",
    "微信退款单号",
    "商户退款单号",
    "退款金额",
    "充值券退款金额",
    "退款类型",
    "退款状态",
    "商品名称",
    "商户数据包",
    "手续费",
    "费率",
    "订单金额",
    "申请退款金额",
    "费率备注",
]
_TRADE_TOTALS = [
    "总交易单数",
    "应结订单总金额",
    "退款总金额",
    "充值券退款总金额",
    "手续费总金额",
    "订单总金额",
    "申请退款总金额",
]
_REFUND_COLUMNS = frozenset(
    ["微信退款单号", "商户退款单号", "退款金额", "充值券退款金额", "退款类型", "退款状态", "申请退款金额"]
)
_FLOW = [
    "记账时间",
    "微信支付业务单号",
    "资金流水单号",
    "业务名称",
    "业务类型",
    "收支类型",
    "收支金额(元)",
    "账户结余(元)",
    "资金变更提交申请人",
    "备注",
    "业务凭证号",
]
_FLOW_TOTALS = ["资金流水总笔数", "收入笔数", "收入金额", "支出笔数", "支出金额"]
_SPLIT = [
    "分账时间",
    "分账发起方",
    "分账方",
    "微信订单号",
    "微信分账单号",
    "分账明细单号",
    "分账单号",
    "分账接收方",
    "分账金额(元)",
    "业务类型",
    "处理状态",
    "分账描述",
]
_SPLIT_OVERSEAS = [
    "create_time",
    "initiator",
    "sub_mchid",
    "transaction_id",
    "order_id",
    "detail_id",
    "out_order_no",
    "receiver_account",
    "amount",
    "business_type",
    "status",
    "description",
]


def trade(tenant: Tenant, day: str, kind: str, only: str) -> str:
    """The trade bill of a day; "" when nothing happened."""
    rows: list[Obj] = []
    for entry in tenant.shelf(f"trade/{day}").values():
        row = _payment(tenant, entry["key"]) if entry["kind"] == "order" else _refund(tenant, entry["key"])
        wanted = {"ALL": True, "SUCCESS": entry["kind"] == "order", "REFUND": entry["kind"] == "refund"}
        if wanted.get(kind, False) and only in ("", row["特约商户号"]):
            rows.append(row)
    rows = damaged(tenant, "trade", rows, Columns("订单金额", "手续费", "微信订单号", "商户订单号", "退款状态"))
    columns = [name for name in _TRADE if kind != "SUCCESS" or name not in _REFUND_COLUMNS]
    if kind == "REFUND":
        columns += ["退款申请时间", "退款成功时间"]
    totals = [announced(tenant, rows), *(_sum(rows, name) for name in ("应结订单金额", "退款金额", "充值券退款金额"))]
    totals += [_sum(rows, "手续费", 5), _sum(rows, "订单金额"), _sum(rows, "申请退款金额")]
    return _file(tenant, columns, rows, _TRADE_TOTALS, totals)


def fund_flow(tenant: Tenant, day: str, mchid: str) -> str:
    """The fund-flow bill of one merchant, or of all second-level merchants for "": then a column names them."""
    own = tenant.facts["mchid"]
    lines = [
        (id, line)
        for id, line in tenant.shelf(f"flow/{day}").items()
        if (line["mchid"] == mchid if mchid else line["mchid"] != own)
    ]
    rows = [_flow_row(id, line, with_merchant=not mchid) for id, line in lines]
    rows = damaged(tenant, "flow", rows, Columns("收支金额(元)", "", "资金流水单号", "业务凭证号", ""))
    income = [row for row in rows if row["收支类型"] == "收入"]
    outgo = [row for row in rows if row["收支类型"] == "支出"]
    amount = "收支金额(元)"
    totals = [announced(tenant, rows), str(len(income)), _sum(income, amount), str(len(outgo)), _sum(outgo, amount)]
    return _file(tenant, [*(["二级商户号"] if not mchid else []), *_FLOW], rows, _FLOW_TOTALS, totals)


def split(tenant: Tenant, day: str, only: str) -> str:
    """The split bill of a day."""
    is_overseas = knob(tenant, "split_bill_header") == "overseas"
    names = _SPLIT_OVERSEAS if is_overseas else _SPLIT
    rows = []
    for line in tenant.shelf(f"share/{day}").values():
        if only not in ("", line["owner"]):
            continue
        values = [
            _time(line["at"]), line["initiator"], line["owner"], line["transaction_id"], line["order_id"],
            line["detail_id"], line["number"], line["receiver"], yuan(line["amount"]), line["kind"], "SUCCESS",
            _escaped(line["description"]),
        ]  # fmt: skip
        rows.append(dict(zip(names, values, strict=True)))
    rows = damaged(tenant, "split", rows, Columns(names[8], "", names[5], names[6], names[10]))
    totals = [announced(tenant, rows), _sum(rows, names[8])]
    return _file(tenant, names, rows, ["总笔数", "总金额"], totals)


def _payment(tenant: Tenant, key: str) -> Obj:
    order = tenant.shelf("order")[key]
    return {
        **_order_columns(tenant, order),
        "交易时间": _time(order["paid_at"]),
        "交易状态": "SUCCESS",
        "应结订单金额": yuan(order["total"]),
        "微信退款单号": "0",
        "商户退款单号": "0",
        "退款金额": "0.00",
        "退款类型": "",
        "退款状态": "",
        "手续费": yuan(order["fee"], 5),
        "订单金额": yuan(order["total"]),
        "申请退款金额": "0.00",
    }


def _refund(tenant: Tenant, key: str) -> Obj:
    refund = tenant.shelf("refund")[key]
    return {
        **_order_columns(tenant, tenant.shelf("order")[refund["order"]]),
        "交易时间": _time(refund["created_at"]),
        "交易状态": "REFUND",
        "应结订单金额": "0.00",
        "微信退款单号": refund["refund_id"],
        "商户退款单号": key,
        "退款金额": yuan(refund["amount"]),
        "退款类型": "ORIGINAL",
        "退款状态": refund["status"],
        "手续费": yuan(-refund["fee_back"], 5),
        "订单金额": "0.00",
        "申请退款金额": yuan(refund["amount"]),
        "退款申请时间": _time(refund["created_at"]),
        "退款成功时间": _time(refund["success_at"]) if refund["success_at"] else "",
    }


def _order_columns(tenant: Tenant, order: Obj) -> Obj:
    rate = half_up(Fraction(order["fee"] * 10_000, order["total"]))
    return {
        "公众账号ID": tenant.facts["appid"],
        "商户号": order["sp_mchid"],
        "特约商户号": "0" if order["mode"] == "direct" else order["mchid"],
        "设备号": "",
        "微信订单号": order["transaction_id"],
        "商户订单号": order["out_trade_no"],
        "用户标识": order["openid"],
        "交易类型": order["product"].upper(),
        "付款银行": "OTHERS",
        "货币种类": "CNY",
        "代金券金额": "0.00",
        "充值券退款金额": "0.00",
        "商品名称": "",
        "商户数据包": _escaped(order["attach"]),
        "费率": f"{rate // 100}.{rate % 100:02d}%",
        "费率备注": "",
    }


def _flow_row(id: str, line: Obj, *, with_merchant: bool) -> Obj:
    row = {
        "记账时间": _time(line["at"]),
        "微信支付业务单号": line["ref"],
        "资金流水单号": id,
        "业务名称": line["name"],
        "业务类型": line["kind"],
        "收支类型": "收入" if line["amount"] > 0 else "支出",
        "收支金额(元)": yuan(abs(line["amount"])),
        "账户结余(元)": yuan(line["balance"]),
        "资金变更提交申请人": "system",
        "备注": "",
        "业务凭证号": line["number"],
    }
    return {"二级商户号": line["mchid"], **row} if with_merchant else row


def _file(tenant: Tenant, columns: list[str], rows: list[Obj], totals: list[str], values: list[str]) -> str:
    if not rows:
        return ""
    if knob(tenant, "bill_extra_column"):
        columns = ["新增列", *columns]
    mark = "" if knob(tenant, "bill_missing_backticks") else "`"
    lines = [",".join(columns)]
    lines += ["`" + f",{mark}".join(str(row.get(name, "")) for name in columns) for row in rows]
    lines += [",".join(totals), ",".join("`" + value for value in values)]
    return "\r\n".join(lines) + "\r\n"


def _sum(rows: Iterable[Obj], name: str, decimals: int = 2) -> str:
    return yuan(sum(minor_of(row[name]) for row in rows), decimals)


def _time(at: str) -> str:
    return datetime.fromisoformat(at).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")


def _escaped(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n")
