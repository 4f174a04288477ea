"""Receivers, their relation to the payer's merchant, share caps and balances."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from cauce.gateway.accounts import Account, AccountRequest, SubBalance
from cauce.gateway.splitting import ReceiverKind
from cauce.providers.wechat import limits
from cauce.providers.wechat.contract import Contract, Dialect
from cauce.providers.wechat.mapping.splits import kind_of
from cauce.providers.wechat.mapping.texts import yuan

RELATION = "relation"
"""Detail of an account request: the vendor's relation type, where the ordinary one does not fit."""

_RELATIONS = {
    ReceiverKind.MERCHANT: {Dialect.ECOMMERCE: "SUPPLIER"},
    ReceiverKind.PLATFORM: {Dialect.ECOMMERCE: "PLATFORM"},
    ReceiverKind.PERSON: {Dialect.ECOMMERCE: "OTHERS", Dialect.DIRECT: "USER", Dialect.PARTNER: "USER"},
}


def receiver_body(contract: Contract, request: AccountRequest, sealed_name: str) -> dict[str, Any]:
    """The body that registers a receiver; `sealed_name` is his name encrypted for WeChat Pay, "" to send none.

    The ecommerce dialect takes a merchant's name in plain text and a person's encrypted; the others encrypt both.
    """
    is_ecommerce = contract.dialect is Dialect.ECOMMERCE
    relation = request.details.get(RELATION) or _RELATIONS[request.kind].get(contract.dialect, "SUPPLIER")
    if not is_ecommerce and request.kind is ReceiverKind.PLATFORM:
        relation = "SERVICE_PROVIDER"
    body: dict[str, Any] = {
        "appid": contract.appid,
        "type": kind_of(contract, request.kind),
        "account": request.existing_ref,
        "relation_type": relation,
    }
    if is_ecommerce and request.kind is not ReceiverKind.PERSON:
        body["name"] = request.name
    elif sealed_name:
        body["encrypted_name" if is_ecommerce else "name"] = sealed_name
    if contract.dialect is Dialect.PARTNER:
        body["sub_mchid"] = request.under_merchant_ref
        if contract.sub_appid:
            body["sub_appid"] = contract.sub_appid
    return body


def needs_sealed_name(contract: Contract, request: AccountRequest) -> bool:
    """Whether the receiver's name goes out encrypted. A person's name is checked only when it is sent."""
    if request.kind is ReceiverKind.PERSON:
        return bool(request.name)
    return contract.dialect is not Dialect.ECOMMERCE


def removal_body(contract: Contract, account: str, under: str) -> dict[str, Any]:
    """The body that removes a receiver; a number is a merchant, anything else a person."""
    kind = ReceiverKind.MERCHANT if account.isdigit() else ReceiverKind.PERSON
    body = {"appid": contract.appid, "type": kind_of(contract, kind), "account": account}
    return {**body, "sub_mchid": under} if contract.dialect is Dialect.PARTNER else body


def receiver_of(contract: Contract, account: str, *, can_receive: bool = True) -> Account:
    """A registered receiver. Only second-level merchants of a platform are paid out on our word."""
    can_pay_out = contract.dialect is Dialect.ECOMMERCE and account.isdigit() and can_receive
    return Account(ref=account, can_receive=can_receive, can_pay_out=can_pay_out)


def ratio_of(answer: Mapping[str, Any]) -> Fraction:
    """The share cap that WeChat Pay states."""
    return limits.share_max(int(answer["max_ratio"]))


def balances_of(account_ref: str, answer: Mapping[str, Any]) -> list[SubBalance]:
    """What an account can use, and what is still frozen or not settled."""
    return [
        SubBalance(account_ref, "available", yuan(answer.get("available_amount"))),
        SubBalance(account_ref, "pending", yuan(answer.get("pending_amount"))),
    ]
