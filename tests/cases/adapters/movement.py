"""Adapters of the kinds that move money: waterfalls, fees, refunds, holds, positions."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from cauce.kernel.errors import CauceError
from cauce.pricing import waterfall as w
from cauce.pricing.fees import Bearer, Fee, FeeBase, FeeNotBelowAmount, charge_fees
from cauce.pricing.holds import HoldAccount
from cauce.pricing.positions import Transfer, net_positions
from cauce.pricing.refunds import refund_explicit, refund_proportional
from tests.cases.adapter import kind
from tests.cases.adapters.allocation import accepted, remainder


def _fraction(share: str) -> Fraction | None:
    return None if share == "rest" else Fraction(share)


def _payer(node: dict[str, Any]) -> w.Payer:
    if "external" in node:
        return w.External()
    if "cap_minor" in node:
        return w.Capped(node["cap_minor"], _payer(node["from"]))
    if "in_order" in node:
        return w.PayersInOrder(tuple(_payer(each) for each in node["in_order"]))
    if "by_share" in node:
        return w.PayersByShare(tuple((_fraction(each["share"]), _payer(each["from"])) for each in node["by_share"]))
    overdraft = node.get("overdraft_minor", 0)
    if overdraft == "unlimited":
        return w.Account(node["account"], unlimited=True)
    return w.Account(node["account"], overdraft)


def _receiver(node: dict[str, Any]) -> w.Receiver:
    if "external" in node:
        return w.External()
    if "keep" in node:
        return w.Keep()
    if "in_order" in node:
        parts = ((each["cap_minor"], each["to"]) for each in node["in_order"])
        return w.ReceiversInOrder(tuple((None if cap == "rest" else cap, _receiver(to)) for cap, to in parts))
    if "by_share" in node:
        return w.ReceiversByShare(tuple((_fraction(each["share"]), _receiver(each["to"])) for each in node["by_share"]))
    return w.Account(node["account"])


def _amount(value: int | str) -> int | None:
    return None if isinstance(value, str) else value


def _instruction(node: dict[str, Any]) -> w.Move | w.Protect:
    if "protect" in node:
        protect = node["protect"]
        return w.Protect(protect["currency"], _amount(protect["amount_minor"]), node["account"])
    move = node["move"]
    return w.Move(move["currency"], _amount(move["amount_minor"]), _payer(node["from"]), _receiver(node["to"]))


@kind("waterfall")
def _waterfall(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    balances = {
        (account, currency): amount
        for account, held in inputs["balances_minor"].items()
        for currency, amount in held.items()
    }
    flows = w.run_waterfall(balances, [_instruction(node) for node in inputs["instructions"]], remainder(options))
    return {
        "flows": [
            {"from": f.payer, "to": f.receiver, "currency": f.currency, "amount_minor": f.amount_minor} for f in flows
        ]
    }


def _fee(row: dict[str, Any]) -> Fee:
    percent = row.get("percent") if row["type"] in ("percent", "greater_of") else None
    return Fee(
        borne_by=Bearer(row["borne_by"]),
        flat_minor=row.get("amount_minor") if row["type"] in ("flat", "greater_of") else None,
        percent=None if percent is None else Fraction(percent),
        to=row.get("to"),
        base=FeeBase(row.get("base", FeeBase.AMOUNT)),
        min_amount_minor=row.get("min_amount_minor"),
        max_amount_minor=row.get("max_amount_minor"),
    )


@kind("fee")
def _fees(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    start = inputs.get("payer_start_minor", 0)
    try:
        charged = charge_fees(inputs["amount_minor"], [_fee(row) for row in inputs["fees"]])
    except FeeNotBelowAmount as refusal:
        return {
            "refused": refusal.code,
            "charged_minor": 0,
            "payer_left_minor": start,
            "receiver_minor": 0,
            "fee_minor": 0,
        }
    return {
        "charged_minor": charged.charged_minor,
        "payer_left_minor": charged.left_of(start),
        "receiver_minor": charged.receiver_minor,
        "fee_minor": charged.fee_minor,
        "fees_minor": charged.by_recipient,
    }


@kind("refund_split")
def _refund_split(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    parts = [row["amount_minor"] for row in inputs["parts"]]
    fresh = [0 for _ in parts]
    if options.get("refund_policy") == "explicit":
        names = [row["to"] for row in inputs["parts"]]
        named = {names.index(row["to"]): row["amount_minor"] for row in inputs["refund_parts"]}
        above = options.get("allow_above_part", False)
        return accepted(lambda: refund_explicit(parts, fresh, inputs["refund_minor"], named, allow_above_part=above))
    above = options.get("refund_fee") == "borne_by_receivers"
    try:
        taken = refund_proportional(parts, fresh, inputs["refund_minor"], above_parts=above)
    except CauceError as refusal:
        return {"accepted": False, "refused": refusal.code}
    return {"accepted": True, "refund_parts_minor": list(taken)}


def _opened(opening: dict[str, int] | None) -> HoldAccount:
    if opening is None:
        return HoldAccount()
    return HoldAccount(opening["credits_minor"], opening["debits_minor"], opening["held_minor"])


def _step(account: HoldAccount, step: dict[str, Any]) -> tuple[HoldAccount, Any]:
    op = step["op"]
    if op == "check":
        return account, {"held_minor": account.held_minor, "posted_minor": account.posted_minor}
    if op == "move_up_to":
        account, moved = account.move_up_to(step["amount_minor"])
        return account, {"moved_minor": moved}
    steps: dict[str, Callable[[], HoldAccount]] = {
        "move": lambda: account.move(step["amount_minor"]),
        "hold": lambda: account.hold(
            step["id"], step["amount_minor"], expires_after_seconds=step.get("expires_after_s")
        ),
        "post": lambda: account.post(step["id"], _amount(step["amount_minor"])),
        "void": lambda: account.void(step["id"]),
        "clock": lambda: account.advance(step["plus_s"]),
    }
    return steps[op](), "ok"


@kind("hold_program")
def _hold_program(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    account = _opened(inputs.get("opening"))
    results: list[Any] = []
    for step in inputs["steps"]:
        try:
            account, result = _step(account, step)
        except CauceError as refusal:
            result = refusal.code
        results.append(result)
    return {"results": results, "held_minor": account.held_minor, "posted_minor": account.posted_minor}


@kind("net_positions")
def _net_positions(inputs: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    net = net_positions(Transfer(row["from"], row["to"], row["amount_minor"]) for row in inputs["transfers"])
    return {"net_minor": net, "sum_minor": sum(net.values())}
