"""Receivers of splits, share caps, balances, and what is frozen of a payment."""

from __future__ import annotations

from fractions import Fraction

from cauce.gateway.accounts import Account, AccountRequest, SubBalance
from cauce.gateway.errors import ChannelSettingsError
from cauce.gateway.outcome import Declined, Done, Outcome, Refusal, Unknown
from cauce.gateway.splitting import ReceiverKind, SplitRequest
from cauce.kernel.errors import Unavailable
from cauce.providers.wechat import limits, signing
from cauce.providers.wechat.contract import Dialect
from cauce.providers.wechat.desk import Desk
from cauce.providers.wechat.mapping import addresses, parties, payments
from cauce.providers.wechat.mapping.splits import account_of

_REGISTERED = "receiver/"
"""Cache names of receivers that WeChat Pay knows, by the merchant whom they are registered under."""


async def open_account(desk: Desk, request: AccountRequest) -> Outcome[Account]:
    """Register a merchant or person as a receiver; again is no harm. His number or open id must be there already."""
    if not request.existing_ref:
        message = "WeChat Pay registers merchants that it has verified: give the merchant's own number or open id"
        return Declined("NO_ACCOUNT", Refusal.IDENTITY_MISMATCH, message)
    if desk.contract.dialect is Dialect.PARTNER and not request.under_merchant_ref:
        message = "a service provider registers receivers under one sub-merchant: say which"
        return Declined("NO_SUB_MERCHANT", Refusal.INVALID_REQUEST, message)
    if desk.contract.is_platform(request.existing_ref) and desk.contract.dialect is Dialect.ECOMMERCE:
        return Done(parties.receiver_of(desk.contract, request.existing_ref))  # a receiver by default
    serial, sealed = "", ""
    if parties.needs_sealed_name(desk.contract, request):
        serial, key = await desk.wire.encryption_key()
        sealed = signing.encrypt_text(key, request.name)
    body = parties.receiver_body(desk.contract, request, sealed)
    target = addresses.receiver(desk.contract, "add")
    reply = await desk.wire.tell("open_account", target, body, request.key, serial)
    return desk.told("open_account", reply, lambda _: Done(parties.receiver_of(desk.contract, request.existing_ref)))


async def register_receivers(desk: Desk, request: SplitRequest) -> Declined | Unknown | None:
    """Register the receivers of a split that are not known to be, each once; None when all are.

    Nobody shares with a receiver whom WeChat Pay does not know: under the order's own merchant for a service provider,
    else under the caller. A receiver without a name, as persons are, is registered without one or was by hand. What is
    refused here may be registered all the same: the split itself shows it.
    """
    contract, refusal = desk.contract, None
    for part in request.parts:
        account = account_of(contract, part)
        under = request.merchant_ref if contract.dialect is Dialect.PARTNER else ""
        is_default = contract.is_platform(account) and contract.dialect is Dialect.ECOMMERCE
        name = part.receiver_name or (contract.merchant_name if contract.is_platform(account) else "")
        nameless = part.receiver_kind is not ReceiverKind.PERSON and not name
        place = f"{_REGISTERED}{under}/{account}"
        if is_default or nameless or account == desk.merchant(request.merchant_ref) or place in desk.registered:
            continue
        if await desk.kit.cache.get(place) is None:
            kind = ReceiverKind.PLATFORM if contract.is_platform(account) else part.receiver_kind
            receiver = AccountRequest(request.key, "", name, kind, "", "", "CN", "", account, under)
            answer = await open_account(desk, receiver)
            if isinstance(answer, Unknown):
                return answer
            if isinstance(answer, Declined):
                refusal = answer
                continue
            await desk.kit.cache.put(place, request.key)
        desk.registered.add(place)
    return refusal


async def forget_receivers(desk: Desk, request: SplitRequest) -> None:
    """WeChat Pay does not know a receiver of this split, whatever we remember: the next one registers them again."""
    under = request.merchant_ref if desk.contract.dialect is Dialect.PARTNER else ""
    for part in request.parts:
        place = f"{_REGISTERED}{under}/{account_of(desk.contract, part)}"
        desk.registered.discard(place)
        await desk.kit.cache.put(place, "", desk.kit.now())


async def close_account(desk: Desk, ref: str) -> Outcome[Account]:
    """Remove a receiver. In the partner dialect `ref` is `<sub-merchant>/<receiver>`."""
    under, _, account = ref.rpartition("/")
    body = parties.removal_body(desk.contract, account, under)
    reply = await desk.wire.tell("close_account", addresses.receiver(desk.contract, "delete"), body)
    return desk.told(
        "close_account", reply, lambda _: Done(parties.receiver_of(desk.contract, account, can_receive=False))
    )


async def share_cap(desk: Desk, merchant_ref: str) -> Fraction:
    """The largest part that may go to others: asked where there is an interface, else as the contract says.

    Raises `Unavailable` when WeChat Pay does not tell, `ChannelSettingsError` when the contract's value is missing.
    """
    if desk.contract.dialect is not Dialect.PARTNER:
        return _agreed_cap(desk.contract.share_max_ratio)
    reply = await desk.wire.ask("share_cap", addresses.share_ratio(desk.contract, merchant_ref))
    if isinstance(reply, Unknown):
        raise Unavailable(f"WeChat Pay does not tell the share cap: {reply.reason}")
    if not reply.is_good:
        raise Unavailable(f"WeChat Pay does not tell the share cap of {merchant_ref}: {reply.body.get('message')}")
    return parties.ratio_of(reply.body)


def _agreed_cap(text: str) -> Fraction:
    if not text.isdigit() or int(text) > limits.RATIO_DENOMINATOR:
        message = "say the agreed share cap in ten-thousandths: this dialect has no interface that tells it"
        raise ChannelSettingsError(message, param="share_max_ratio")
    return limits.share_max(int(text))


async def balances(desk: Desk, account_refs: tuple[str, ...]) -> list[SubBalance]:
    """What the accounts hold now; `Unavailable` when WeChat Pay does not tell."""
    found: list[SubBalance] = []
    for ref in account_refs:
        reply = await desk.wire.ask("balances", addresses.balance(desk.contract, ref))
        if isinstance(reply, Unknown) or not reply.is_good:
            raise Unavailable(f"WeChat Pay does not tell the balance of {ref or desk.contract.mchid}")
        found += parties.balances_of(ref, reply.body)
    return found


async def parked(desk: Desk, refs: tuple[str, ...]) -> dict[str, int]:
    """The unsplit amount of each of these transactions; those that never could be split, or of which nothing is told, are left out."""
    found = {}
    for ref in refs:
        reply = await desk.wire.ask("collect.amounts", addresses.amounts(desk.contract, ref), ref)
        if not isinstance(reply, Unknown) and reply.is_good:
            found[ref] = payments.unsplit_of(reply.body)
    return found
