"""Signatures, amounts, classes of refusals, events: the parts of the Stripe adapter that touch nothing."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

import cauce.providers.stripe as package
from cauce.gateway.collecting import Operation
from cauce.gateway.errors import BadNotice, BadSignature, StaleNotice
from cauce.gateway.outcome import Declined, Done, Pending, Refusal, Unknown
from cauce.gateway.provider import Channel
from cauce.gateway.reporting import LineKind, Notice, NoticeKind
from cauce.kernel.currencies import EXPONENTS
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.ids import TimeOrderedIds
from cauce.kernel.money import Money
from cauce.providers.stripe import assumptions, inbound, mapping, signing
from cauce.providers.stripe.cards import saved_method
from cauce.providers.stripe.simulator.forms import parse_form

SIGNED_AT = datetime.fromtimestamp(1_800_000_000, UTC)
SECRET = "whsec_cauce_vector"
VECTORS = [
    (
        b'{"id":"evt_cauce_1","object":"event","type":"payment_intent.succeeded"}',
        "c8c142bbae7da6431db44a90957b99281ad3f15bf17d4855d27d8786c558b85f",
    ),
    (
        '{"id":"evt_cauce_2","name":"cauce ñ"}'.encode(),
        "802142eeb97205b619e634ceeade399da97eb0cdcdb1f7980296672159b2b5c5",
    ),
]


@pytest.mark.parametrize(("body", "digest"), VECTORS)
def test_the_signature_is_that_of_the_vectors(body: bytes, digest: str) -> None:
    assert signing.signature(SECRET, 1_800_000_000, body) == digest
    signing.verify(f"t=1800000000,v1={digest}", body, ["whsec_other", SECRET], SIGNED_AT)
    signing.verify(f"t=1800000000,v0=x,v1={'0' * 64},v1={digest}", body, [SECRET], SIGNED_AT)


@given(st.binary(max_size=200), st.text(min_size=1, max_size=30), st.integers(min_value=0, max_value=2**33))
def test_our_signature_is_the_librarys(body: bytes, secret: str, stamp: int) -> None:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return
    theirs = stripe.WebhookSignature._compute_signature(f"{stamp}.{text}", secret)
    assert signing.signature(secret, stamp, body) == theirs


@pytest.mark.parametrize(
    "header", ["", "t=1800000000", "v1=abc", "t=x,v1=abc", "t=1800000000,v1=" + "0" * 64, "t=1800000000,v1=é"]
)
def test_a_header_without_a_right_signature_is_refused(header: str) -> None:
    with pytest.raises(BadSignature):
        signing.verify(header, VECTORS[0][0], [SECRET], SIGNED_AT)


@pytest.mark.parametrize("seconds", [-301, 301, 10**8])
def test_a_signature_from_another_time_is_stale_also_from_the_future(seconds: int) -> None:
    body = VECTORS[0][0]
    with pytest.raises(StaleNotice):
        signing.verify(signing.header(SECRET, 1_800_000_000 + seconds, body), body, [SECRET], SIGNED_AT)
    signing.verify(signing.header(SECRET, 1_800_000_000 + 300, body), body, [SECRET], SIGNED_AT)


def test_without_a_secret_nothing_is_accepted() -> None:
    body = b"{}"
    with pytest.raises(BadSignature):
        signing.verify(signing.header("", 1_800_000_000, body), body, [""], SIGNED_AT)


@pytest.mark.parametrize(
    ("money", "wire"),
    [
        (Money(1050, "eur"), 1050),
        (Money(500, "jpy"), 500),
        (Money(500, "isk"), 50_000),
        (Money(500, "ugx"), 50_000),
        (Money(12_300, "mga"), 123),
        (Money(1230, "kwd"), 1230),
        (Money(99, "twd"), 99),
    ],
)
def test_an_amount_is_said_as_stripe_counts_it(money: Money, wire: int) -> None:
    assert mapping.wire_amount(money) == wire
    assert mapping.money_of(wire, money.currency.upper()) == money


@pytest.mark.parametrize("money", [Money(1234, "kwd"), Money(150, "mga")])
def test_an_amount_that_stripe_cannot_say_is_refused_not_rounded(money: Money) -> None:
    with pytest.raises(InvalidRequest):
        mapping.wire_amount(money)


@given(st.sampled_from(sorted(EXPONENTS)), st.integers(min_value=0, max_value=99_999))
def test_whole_units_come_back_unchanged_in_every_currency(currency: str, units: int) -> None:
    money = Money(units * 10 ** EXPONENTS[currency], currency)
    assert mapping.money_of(mapping.wire_amount(money), currency) == money


_NAMES = st.text("abcdefgh_", min_size=1, max_size=8)
_VALUES = st.recursive(
    st.integers().map(str) | st.text(max_size=12),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(_NAMES, inner, min_size=1, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(_NAMES, _VALUES, max_size=4))
def test_what_we_nest_is_what_the_other_side_reads(params: dict[str, Any]) -> None:
    from urllib.parse import urlencode

    assert parse_form(urlencode(mapping.form(params))) == params


@pytest.mark.parametrize(
    ("status", "error", "refusal"),
    [
        (
            402,
            {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"},
            "insufficient_funds",
        ),
        (402, {"type": "card_error", "code": "card_declined", "decline_code": "generic_decline"}, "declined"),
        (402, {"type": "card_error", "code": "card_declined", "decline_code": "never_heard_of"}, "declined"),
        (402, {"type": "card_error", "code": "card_declined", "decline_code": "stolen_card"}, "hard"),
        (402, {"type": "card_error", "code": "expired_card"}, "method_invalid"),
        (402, {"type": "card_error", "code": "authentication_required"}, "action_required"),
        (402, {"type": "card_error", "decline_code": "do_not_honor", "advice_code": "do_not_try_again"}, "hard"),
        (
            402,
            {"type": "card_error", "decline_code": "generic_decline", "advice_code": "confirm_card_data"},
            "method_invalid",
        ),
        (402, {"type": "card_error", "decline_code": "testmode_decline"}, "config"),
        (400, {"type": "idempotency_error"}, "duplicate"),
        (400, {"code": "parameter_unknown"}, "invalid_request"),
        (400, {"code": "balance_insufficient"}, "insufficient_funds"),
        (400, {"code": "charge_already_refunded"}, "lifecycle"),
        (404, {"code": "resource_missing"}, "not_found"),
        (401, {}, "auth"),
        (403, {}, "auth"),  # the key lacks a permission: nothing was decided, and what was asked waits
    ],
)
def test_every_refusal_has_its_class(status: int, error: dict[str, str], refusal: str) -> None:
    answer = mapping.classify_error(status, error)
    assert isinstance(answer, Declined) and answer.refusal is Refusal(refusal)


@pytest.mark.parametrize("status", [409, 424, 429, 500, 502, 503, 504])
def test_busy_and_broken_answers_leave_the_outcome_unknown(status: int) -> None:
    assert isinstance(mapping.classify_error(status, {"code": "rate_limit"}), Unknown)


def test_a_lock_timeout_is_unknown_whatever_its_status() -> None:
    assert isinstance(mapping.classify_error(400, {"code": "lock_timeout"}), Unknown)


def test_a_keys_age_is_that_of_its_oldest_id() -> None:
    made = int(datetime(2026, 3, 2, 9, 30, tzinfo=UTC).timestamp() * 1000)
    ids = TimeOrderedIds(iter([made + 60_000, made]).__next__, lambda _: 0)
    later, earlier = ids("att"), TimeOrderedIds(lambda: made, lambda _: 0)("in")
    assert assumptions.key_made_at(f"cauce:pi:{earlier}:{later}") == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    assert assumptions.key_made_at("cauce:pi:1") is None


@pytest.mark.parametrize(("year", "month", "expires_on"), [(2028, 12, date(2029, 1, 1)), (2028, 1, date(2028, 2, 1))])
def test_a_card_is_valid_through_its_month(year: int, month: int, expires_on: date) -> None:
    method = {
        "id": "pm_1",
        "type": "card",
        "card": {"brand": "visa", "last4": "4242", "exp_year": year, "exp_month": month},
    }
    assert saved_method(method).expires_on == expires_on


@pytest.mark.parametrize(
    ("type", "category", "kind"),
    [
        ("charge", "charge", LineKind.COLLECTION),
        ("adjustment", "dispute", LineKind.DISPUTE),
        ("transfer_refund", "transfer_reversal", LineKind.SPLIT_REVERSAL),
        ("payout_failure", "payout_reversal", LineKind.PAYOUT_RETURN),
        ("reserve_transaction", "risk", LineKind.OTHER),
        ("anticipation_repayment", "x", LineKind.OTHER),
    ],
)
def test_rows_of_the_balance_are_named_and_unknown_ones_not_guessed(type: str, category: str, kind: LineKind) -> None:
    assert assumptions.line_kind({"type": type, "reporting_category": category}, "acct_1") is kind


@pytest.mark.parametrize("type", ["payout", "payout_failure", "payout_cancel"])
def test_payouts_of_the_platform_are_its_own(type: str) -> None:
    assert assumptions.line_kind({"type": type, "reporting_category": "payout"}, "") is LineKind.OWN_PAYOUT


# -- events ----------------------------------------------------------------------------------------------------------

CHANNEL = Channel("ch", 1, "stripe", False, "", {}, {"webhook_secret": f"whsec_old, {SECRET}"})
FIXTURES = Path(package.__file__).parent / "fixtures"


def _parse(event: object, channel: Channel = CHANNEL) -> Notice:
    body = msgspec.json.encode(event)
    headers = {signing.HEADER: signing.header(SECRET, 1_800_000_000, body)}
    [notice] = inbound.parse(channel, headers, body, SIGNED_AT).notices
    return notice


def _fixture(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    return loaded


def test_a_payment_that_succeeded_leads_to_its_attempt_with_its_outcome() -> None:
    notice = _parse(_fixture("payment_intent_succeeded"))
    assert (notice.kind, notice.operation, notice.key) == (NoticeKind.CHARGE, Operation.CHARGE, "att_fixture")
    assert isinstance(notice.outcome, Done) and notice.outcome.value.amount == Money(1999, "eur")
    assert notice.event_id == "evt_fixture_1" and notice.ref == "pi_fixture_1"


def test_a_dispute_says_when_money_moved_and_what_it_cost() -> None:
    notice = _parse(_fixture("charge_dispute_funds_withdrawn"))
    assert notice.kind is NoticeKind.DISPUTE
    assert notice.data["money_moved"] == -1 and notice.data["fee_minor"] == 1500
    created = _fixture("charge_dispute_funds_withdrawn") | {"type": "charge.dispute.created"}
    assert _parse(created).data["money_moved"] == 0


def test_a_connected_account_leads_to_its_merchant() -> None:
    notice = _parse(_fixture("account_updated"))
    assert (notice.kind, notice.merchant_ref) == (NoticeKind.ACCOUNT, "acct_fixture_1")
    assert isinstance(notice.outcome, Done) and notice.outcome.value.can_receive


def test_a_payment_that_failed_with_the_payer_absent_is_final_and_with_him_present_not() -> None:
    event = _fixture("payment_intent_succeeded")
    error = {"type": "card_error", "code": "card_declined", "decline_code": "lost_card"}
    event["data"]["object"] |= {"status": "requires_payment_method", "last_payment_error": error}
    assert isinstance(_parse(event).outcome, Declined)
    del event["data"]["object"]["metadata"]["cauce_op"]
    assert isinstance(_parse(event).outcome, Pending)


def test_an_unknown_type_is_kept_as_other_and_an_event_of_the_other_mode_refused() -> None:
    event = _fixture("payment_intent_succeeded") | {"type": "tax.settings.updated"}
    assert _parse(event).kind is NoticeKind.OTHER
    with pytest.raises(BadNotice):
        _parse(event | {"livemode": True})
    with pytest.raises(BadNotice):
        _parse(event | {"object": "v2.core.event"})
    with pytest.raises(BadNotice):
        _parse(["no event"])
