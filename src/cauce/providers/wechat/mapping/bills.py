"""Bills: lines of text as rows, rows as statement lines. Columns are read by name; their order is not guaranteed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation

from cauce.gateway.errors import BadStatement, CountDiffers
from cauce.gateway.reporting import LineKind, LineStatus, StatementLine
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import Money, parse_major
from cauce.providers.wechat import assumptions
from cauce.providers.wechat.mapping.texts import CURRENCY, SHANGHAI, key_of

Row = Mapping[str, str]


def rows_of(lines: Iterable[str]) -> Iterator[Row]:
    """The detail rows of a bill as column name -> value, until its totals begin; `CountDiffers` when those say another number.

    The vendor prefixes each value with a backtick and separates values with comma and backtick, so a comma inside a
    value does no harm; old bills lack some of them. `BadStatement` when a row does not fit the header.
    """
    header: list[str] = []
    count, announces = 0, False
    for number, line in enumerate(lines, start=1):
        text = line.strip("\r\n﻿")
        if not text:
            continue
        if not header:
            header = [name.strip("` ") for name in text.split(",")]
            continue
        if announces:  # the line of totals: how many rows there are comes first
            announced = text.split(",")[0].strip("` ")
            if announced.isdigit() and int(announced) != count:
                raise CountDiffers(int(announced), count)
            return
        if not text.startswith("`"):
            announces = True  # the names of the totals
            continue
        values = _values(text, len(header))
        if len(values) < len(header):
            raise BadStatement(f"line {number} has {len(values)} values for {len(header)} columns")
        count += 1
        yield dict(zip(header, values, strict=False))


def _values(text: str, wanted: int) -> list[str]:
    values = text[1:].split(",`")
    return values if len(values) >= wanted else [value.lstrip("`") for value in text.split(",")]


def trade_line(row: Row, _own_account: str) -> Iterator[StatementLine]:
    """A row of the trade bill: a payment, or a refund that was accepted."""
    state, at = row["交易状态"], _time(row["交易时间"])
    merchant = row.get("特约商户号", "0")
    account = row["商户号"] if merchant in ("0", "") else merchant
    if state in ("SUCCESS", "") or row.get("微信退款单号", "0") in ("0", ""):
        yield StatementLine(
            row_key=row["微信订单号"],
            kind=LineKind.COLLECTION,
            amount=_amount(row["订单金额"]),
            occurred_at=at,
            key=row["商户订单号"],
            ref=row["微信订单号"],
            order_ref=row.get("商户数据包", ""),
            account_ref=account,
            fee_minor=_fee(row["手续费"]),
            state=state,
            status=LineStatus.FAILED if state in assumptions.FAILED_IN_TRADE_BILL else LineStatus.BOOKED,
            raw=dict(row),
        )
        return
    yield StatementLine(
        row_key=row["微信退款单号"],
        kind=LineKind.REFUND,
        amount=-_amount(row["申请退款金额"]),
        occurred_at=at,
        key=row["商户退款单号"],
        ref=row["微信退款单号"],
        order_ref=row["商户订单号"],
        account_ref=account,
        fee_minor=_fee(row["手续费"]),
        state=row["退款状态"],
        status=LineStatus.FAILED if row["退款状态"] in assumptions.FAILED_IN_TRADE_BILL else LineStatus.BOOKED,
        raw=dict(row),
    )


_FLOW_KINDS = {
    "交易": LineKind.COLLECTION,
    "扣除交易手续费": LineKind.FEE,
    "退款": LineKind.REFUND,
    "退还交易手续费": LineKind.FEE,
    "分账": LineKind.SPLIT,
    "分账回退": LineKind.SPLIT_REVERSAL,
    "充值": LineKind.TOP_UP,
    "提现": LineKind.PAYOUT,
    "提现退回": LineKind.PAYOUT_RETURN,
    "补差": LineKind.SUBSIDY,
}


def fund_flow_line(row: Row, own_account: str) -> Iterator[StatementLine]:
    """A row of a fund-flow bill: one change of one account's money; a bill of one account does not name it."""
    kind = _FLOW_KINDS.get(row["业务类型"], LineKind.OTHER)
    amount = _amount(row["收支金额(元)"])
    account = next((row[name] for name in assumptions.FUND_FLOW_ACCOUNT_COLUMNS if row.get(name)), own_account)
    is_split = kind in (LineKind.SPLIT, LineKind.SPLIT_REVERSAL)
    yield StatementLine(
        row_key=row["资金流水单号"],
        kind=kind,
        amount=amount if row["收支类型"] == "收入" else -amount,
        occurred_at=_time(row["记账时间"]),
        key=key_of(assumptions.fund_flow_key(row)),
        ref=assumptions.fund_flow_split_ref(row) if is_split else row["微信支付业务单号"],
        account_ref=account,
        state="SUCCESS",
        raw=dict(row),
    )


_SPLIT_KINDS = {
    "分账": LineKind.SPLIT,
    "SHARING": LineKind.SPLIT,
    "分账回退": LineKind.SPLIT_REVERSAL,
    "RETURN": LineKind.SPLIT_REVERSAL,
    "解冻": LineKind.RELEASE,
    "UNFREEZE": LineKind.RELEASE,
}


def split_line(row: Row, _own_account: str) -> Iterator[StatementLine]:
    """A row of the split bill: one part, return or release that succeeded; failed ones are absent."""
    got = {ours: next((row[name] for name in names if name in row), "") for ours, names in _aliases()}
    kind = _SPLIT_KINDS.get(got["kind"], LineKind.OTHER)
    amount = _amount(got["amount"])
    yield StatementLine(
        row_key=got["part_ref"],
        kind=kind,
        amount=-amount if kind is LineKind.SPLIT_REVERSAL else amount,
        occurred_at=_time(got["time"]),
        key=key_of(got["number"]),
        ref=got["part_ref"],
        order_ref=got["order_ref"],
        account_ref=got["receiver"],
        state=got["state"],
        raw={**row, "initiator": got["initiator"], "owner": got["owner"]},
    )


READERS: Mapping[str, Callable[[Row, str], Iterator[StatementLine]]] = {
    "trade": trade_line,
    "fund_flow": fund_flow_line,
    "merchant_fund_flow": fund_flow_line,
    "split": split_line,
}
"""Statement kind -> how a row of it is read."""


def lines_of(kind: str, lines: Iterable[str], own_account: str = "") -> Iterator[StatementLine]:
    """The statement lines in the text of a bill of `kind`; `BadStatement` for rows that cannot be read.

    `own_account` is whose bill it is, where its rows do not say.
    """
    reader = READERS[kind]
    for row in rows_of(lines):
        try:
            yield from reader(row, own_account)
        except KeyError as exc:
            raise BadStatement(f"the {kind} bill has no column {exc.args[0]}") from exc
        except (ValueError, InvalidRequest) as exc:
            raise BadStatement(f"a row of the {kind} bill cannot be read: {exc}") from exc


def _aliases() -> Iterable[tuple[str, tuple[str, ...]]]:
    return assumptions.SPLIT_BILL_ALIASES.items()


def _amount(text: str) -> Money:
    return Money(parse_major(text.strip(), CURRENCY), CURRENCY)


def _fee(text: str) -> int:
    """Fees carry five decimals; what is no whole fen would be a fee that nobody can pay."""
    try:
        minor = Decimal(text.strip() or "0") * 100
    except InvalidOperation as exc:
        raise BadStatement(f"{text!r} is no fee") from exc
    if minor != int(minor):
        raise BadStatement(f"the fee {text} is no whole number of fen")
    return int(minor)


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text.strip())
    return at if at.tzinfo else at.replace(tzinfo=SHANGHAI)
