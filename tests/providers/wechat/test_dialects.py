"""The partner and direct dialects, by certificates and by public key, through the same adapter."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from cauce.gateway.accounts import AccountRequest
from cauce.gateway.capabilities import Can
from cauce.gateway.collecting import ActionKind, CollectRequest, Operation
from cauce.gateway.errors import ChannelSettingsError
from cauce.gateway.outcome import Declined, Done, Outcome, Pending, Refusal
from cauce.gateway.provider import Channel
from cauce.gateway.splitting import PartState, ReceiverKind, SplitRequest
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.ids import new_id
from cauce.providers.wechat import PROVIDER, signing
from cauce.providers.wechat.contract import contract_of
from tests.providers.wechat.conftest import MakeShop
from tests.providers.wechat.shop import Shop, cny, done


def receiver(ref: str, name: str, *, under: str = "", kind: ReceiverKind = ReceiverKind.MERCHANT) -> AccountRequest:
    return AccountRequest(
        new_id("acc"), "mer_1", name, kind, "enterprise", "online", "CN", existing_ref=ref, under_merchant_ref=under
    )


async def own_merchant(shop: Shop, dialect: str) -> str:
    return shop.platform if dialect == "direct" else await shop.seller("分店")


@pytest.mark.parametrize("by_public_key", [True, False])
@pytest.mark.parametrize("dialect", ["partner", "direct"])
async def test_an_order_is_paid_split_returned_finished_and_refunded(
    make_shop: MakeShop, dialect: str, by_public_key: bool
) -> None:
    shop = await make_shop(dialect=dialect, by_public_key=by_public_key)
    own = await own_merchant(shop, dialect)
    other = await shop.seller("供货商", related=False)
    order = await shop.paid(own)
    assert isinstance(await shop.gateway.split(shop.split_request(order, {other: 1_000})), Declined)
    assert isinstance(await shop.gateway.open_account(receiver(other, "供货商", under=own)), Done)
    split, result = await shop.split(order, {other: 1_000})
    assert [part.state for part in result.parts] == [PartState.APPLIED]
    assert done(await shop.gateway.reverse_split(shop.return_request(split, other, 250))).amount == cny(250)
    refund = await shop.refund(order, 2_000)
    assert refund.fee_returned_minor == 12
    finished = await shop.finish(order)
    assert finished.released == cny(10_000 - 60 - 1_000 - 1_988)
    assert await shop.available(own) == finished.released.amount_minor + 250


@pytest.mark.parametrize("dialect", ["partner", "direct"])
async def test_a_split_that_finishes_may_name_any_receiver_but_the_orders_own_merchant(
    make_shop: MakeShop, dialect: str
) -> None:
    shop = await make_shop(dialect=dialect)
    own = await own_merchant(shop, dialect)
    other = await shop.seller("供货商")
    order = await shop.paid(own)
    with pytest.raises(InvalidRequest):
        await shop.gateway.split(shop.split_request(order, {own: 10}, finish=True))
    _, result = await shop.split(order, {other: 700}, finish=True)
    assert [(p.receiver_ref, p.amount_minor) for p in result.parts] == [(other, 700)]
    assert result.unsplit_minor == 0 and await shop.available(own) == 9_240


def named(request: SplitRequest, name: str) -> SplitRequest:
    return replace(request, parts=tuple(replace(part, receiver_name=name) for part in request.parts))


@pytest.mark.parametrize("dialect", ["partner", "direct", "ecommerce"])
async def test_receivers_are_registered_before_they_are_shared_with_each_once(
    make_shop: MakeShop, dialect: str
) -> None:
    shop = await make_shop(dialect=dialect)
    own = await own_merchant(shop, dialect)
    other = await shop.seller("供货商", related=False)
    order = await shop.paid(own)
    for amount in (700, 300):
        asked = named(shop.split_request(order, {other: amount}), "供货商")
        assert isinstance(await shop.gateway.split(asked), Pending)
        await shop.advance(seconds=2)
        assert done(await shop.fetch(Operation.SPLIT, asked.key, parent=order.key, merchant=own)).parts
    calls = [call["operation"] for call in await shop.control.calls("wechat")]
    assert calls.count("open_account") == 1


async def test_a_service_provider_receives_its_commission_under_its_own_name(make_shop: MakeShop) -> None:
    shop = await make_shop(dialect="partner")
    order = await shop.paid(await shop.seller())
    _, result = await shop.split(order, {shop.platform: 500}, finish=True)
    assert [part.state for part in result.parts] == [PartState.APPLIED]


async def test_a_receiver_whose_name_is_wrong_is_told_as_such_and_tried_again(make_shop: MakeShop) -> None:
    shop = await make_shop(dialect="partner")
    order = await shop.paid(await shop.seller())
    other = await shop.seller("供货商", related=False)
    refused = await shop.gateway.split(named(shop.split_request(order, {other: 500}), "别人"))
    assert isinstance(refused, Declined) and refused.refusal is Refusal.IDENTITY_MISMATCH
    await shop.advance(seconds=2)
    asked = named(shop.split_request(order, {other: 500}), "供货商")
    assert isinstance(await shop.gateway.split(asked), Pending)


async def test_an_account_of_the_platforms_own_collects_for_nobody_else(make_shop: MakeShop) -> None:
    for dialect, collects in (("direct", True), ("partner", False), ("ecommerce", False)):
        shop = await make_shop(dialect=dialect)
        can = PROVIDER.capabilities(shop.channel)
        assert (can.collects_for_caller, can.platform_refs) == (collects, {shop.platform})


async def test_a_wrong_legal_name_is_refused_whoever_encrypts_it(make_shop: MakeShop) -> None:
    for by_public_key in (True, False):
        shop = await make_shop(dialect="partner", by_public_key=by_public_key)
        own, other = await shop.seller("分店"), await shop.seller("供货商", related=False)
        outcome = await shop.gateway.open_account(receiver(other, "别的公司", under=own))
        assert isinstance(outcome, Declined) and outcome.refusal is Refusal.IDENTITY_MISMATCH
        assert isinstance(await shop.gateway.open_account(receiver(other, "供货商", under=own)), Done)


async def test_a_person_receives_by_open_id_and_cannot_give_back(make_shop: MakeShop) -> None:
    shop = await make_shop(dialect="partner")
    own = await shop.seller("分店")
    await shop.control.verb("wechat", "person", {"openid": "oPerson", "name": "王五"})
    wrong = await shop.gateway.open_account(receiver("oPerson", "李四", under=own, kind=ReceiverKind.PERSON))
    assert isinstance(wrong, Declined) and wrong.refusal is Refusal.IDENTITY_MISMATCH
    assert isinstance(
        await shop.gateway.open_account(receiver("oPerson", "王五", under=own, kind=ReceiverKind.PERSON)), Done
    )
    order = await shop.paid(own)
    split, result = await shop.split(order, {"oPerson": 300})
    assert result.parts[0].state is PartState.APPLIED
    assert await shop.balance("person/oPerson") == 300
    assert isinstance(await shop.gateway.reverse_split(shop.return_request(split, "oPerson", 300)), Declined)


async def test_a_receiver_without_consent_gives_nothing_back(make_shop: MakeShop) -> None:
    shop = await make_shop(dialect="partner")
    own, other = await shop.seller("分店"), await shop.seller("供货商", return_consent=False)
    split, _ = await shop.split(await shop.paid(own), {other: 300})
    refused = await shop.gateway.reverse_split(shop.return_request(split, other, 300))
    assert isinstance(refused, Declined) and refused.refusal is Refusal.FORBIDDEN


async def test_the_share_cap_is_read_from_the_vendor_or_from_the_contract_and_never_assumed(
    make_shop: MakeShop,
) -> None:
    partner = await make_shop(dialect="partner")
    assert str(await partner.gateway.share_cap(await partner.seller(max_ratio=1_234))) == "617/5000"
    direct = await make_shop(dialect="direct")
    silent = {k: v for k, v in direct.channel.settings.items() if k != "share_max_ratio"}
    channel = Channel("ch_x", 1, "wechat", False, direct.channel.base_url, silent, direct.channel.secrets)
    with pytest.raises(ChannelSettingsError):
        await PROVIDER.connect(channel, direct.gateway._desk.kit).share_cap("")


async def test_a_known_payer_gets_an_invocation_that_our_key_signed(make_shop: MakeShop) -> None:
    shop = await make_shop(dialect="direct")
    request = CollectRequest(new_id("col"), "o1", cny(500), "lamp", "", payer_ref="oPayer")
    outcome: Outcome[object] = await shop.gateway.collect(request)
    assert isinstance(outcome, Pending)
    action = outcome.value.next_action  # type: ignore[attr-defined]
    assert action.kind is ActionKind.PAGE_ELEMENT
    told = msgspec.json.decode(action.value, type=dict[str, str])
    lines = [told["appId"], told["timeStamp"], told["nonceStr"], told["package"]]
    message = "".join(f"{line}\n" for line in lines).encode()
    assert signing.is_signed_by(shop.registration["merchant_certificate"], message, told["paySign"])


async def test_a_browser_that_says_its_address_gets_a_page(shop: Shop) -> None:
    request = CollectRequest(
        new_id("col"), "o1", cny(500), "lamp", await shop.seller(), metadata={"payer_client_ip": "203.0.113.9"}
    )
    outcome = await shop.gateway.collect(request)
    assert isinstance(outcome, Pending) and outcome.value.next_action is not None
    assert outcome.value.next_action.kind is ActionKind.REDIRECT


async def test_only_a_platform_pays_out_and_shows_balances(make_shop: MakeShop) -> None:
    for dialect, expected in (("ecommerce", True), ("partner", False), ("direct", False)):
        shop = await make_shop(dialect=dialect)
        can = PROVIDER.capabilities(shop.channel).can
        assert ({Can.PAYS_OUT, Can.REPORTS_BALANCES} <= can) is expected
        assert PROVIDER.capabilities(shop.channel).share_max is None


async def test_an_ordinary_payment_is_not_frozen_and_cannot_be_split(shop: Shop) -> None:
    seller = await shop.seller()
    request = await shop.order(seller, splits_later=False)
    await shop.control.payer("wechat", "approve", key=request.key)
    await shop.advance(minutes=2)
    value = done(await shop.fetch(Operation.COLLECT, request.key, merchant=seller))
    assert (value.fee_minor, value.unsplit_minor) == (None, None)
    assert await shop.available(seller) == 9_940


@pytest.mark.parametrize(
    ("name", "value"), [("api_v3_key", "short"), ("dialect", "brand"), ("verify_keys", "[1]"), ("mchid", "")]
)
async def test_a_contract_with_a_wrong_setting_is_refused_when_it_is_opened(shop: Shop, name: str, value: str) -> None:
    settings, secrets = dict(shop.channel.settings), dict(shop.channel.secrets)
    (secrets if name in secrets else settings)[name] = value
    with pytest.raises(ChannelSettingsError) as refused:
        contract_of(Channel("ch_x", 1, "wechat", False, "", settings, secrets))
    assert refused.value.param == name
