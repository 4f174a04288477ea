"""What WeChat Pay can do in each dialect, with its limits."""

from __future__ import annotations

from cauce.gateway.capabilities import Can, Capabilities, PayoutRoute, ProviderClass, SplitMoment
from cauce.gateway.provider import Channel
from cauce.providers.wechat import limits
from cauce.providers.wechat.contract import Dialect, dialect_of
from cauce.providers.wechat.mapping.texts import CURRENCY

_EVERYWHERE = frozenset(
    {
        Can.OPENS_ACCOUNTS,
        Can.COLLECTS,
        Can.SPLITS,
        Can.REVERSES_SPLITS,
        Can.FINISHES_ORDERS,
        Can.REFUNDS,
        Can.ANSWERS,
        Can.REPORTS,
        Can.REPORTS_PARKED,
        Can.NOTIFIES,
    }
)
_OF_PLATFORMS = frozenset({Can.PAYS_OUT, Can.REPORTS_BALANCES, Can.SUBSIDISES_ORDERS})
_WITH_MERCHANTS = frozenset({Can.COMBINES_PAYMENTS})
_STATEMENTS = frozenset({"trade", "fund_flow", "split"})


def _can(channel: Channel) -> frozenset[Can]:
    match dialect_of(channel):
        case Dialect.DIRECT:
            return _EVERYWHERE
        case Dialect.PARTNER:
            return _EVERYWHERE | _WITH_MERCHANTS
        case Dialect.ECOMMERCE:
            return _EVERYWHERE | _WITH_MERCHANTS | _OF_PLATFORMS


def capabilities(channel: Channel) -> Capabilities:
    """The capability record of a channel."""
    is_ecommerce = dialect_of(channel) is Dialect.ECOMMERCE
    own = channel.settings.get("mchid", "")
    return Capabilities(
        can=_can(channel),
        provider_class=ProviderClass.LICENSED_PSP,
        currencies=frozenset({CURRENCY}),
        split_moments=frozenset({SplitMoment.LATER}),
        payout_route=PayoutRoute.PROVIDER,
        per_party_subledger=is_ecommerce,
        collects_for_caller=dialect_of(channel) is Dialect.DIRECT,
        platform_refs=frozenset({own} if own else ()),
        receivers_per_call_max=limits.RECEIVERS_PER_REQUEST_MAX,
        requests_per_order_max=limits.REQUESTS_PER_ORDER_MAX,
        share_max=None,  # asked per merchant, never assumed
        share_cap_excludes_owner=True,
        freeze_days_max=limits.FREEZE_DAYS_ECOMMERCE if is_ecommerce else limits.FREEZE_DAYS_ORDINARY,
        auto_release_to_owner=True,
        split_delay_seconds_min=limits.SPLIT_DELAY_SECONDS_MIN,
        reversal_window_days=limits.RETURN_WINDOW_DAYS,
        reversals_per_receiver_max=limits.RETURNS_PER_RECEIVER_MAX,
        reversals_per_split_max=limits.RETURNS_PER_SPLIT_MAX,
        persons_return=False,
        refund_window_days=limits.REFUND_WINDOW_DAYS,
        orders_per_payment_max=limits.ORDERS_PER_PAYMENT_MAX,
        order_subsidy_minor_max=limits.SUBSIDY_MAX if is_ecommerce else None,
        refunds_per_payment_max=limits.REFUNDS_PER_ORDER_MAX,
        refund_returns_fee=True,
        amount_min_minor={CURRENCY: 1},
        requests_per_second_max=(
            limits.SPLITS_PER_SECOND_ECOMMERCE_MAX if is_ecommerce else limits.SPLITS_PER_SECOND_DIRECT_MAX
        ),
        notice_is_final=False,  # a notice names neither fee nor frozen money: ask
        statement_kinds=_STATEMENTS | ({"merchant_fund_flow"} if is_ecommerce else frozenset()),
        statement_offset_hours=limits.BILL_OFFSET_HOURS,
        id_max_len=limits.KEY_LENGTH_MAX,
    )
