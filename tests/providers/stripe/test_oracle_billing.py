"""The official library drives the simulator: its own reading of the wire is the judge (billing half)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from tests.providers.stripe.conftest import Platform


def _customer_with_card(platform: Platform, magic: str = "pm_card_visa") -> tuple[str, str]:
    client = platform.client()
    customer = client.v1.customers.create({"email": "ana@example.com"})
    intent = client.v1.setup_intents.create(
        {"customer": customer.id, "payment_method": magic, "confirm": True, "usage": "off_session"}
    )
    if intent.status == "requires_action":
        platform.sim("payer", {"ref": intent.id, "act": "approve"})
        intent = client.v1.setup_intents.retrieve(intent.id)
    assert intent.status == "succeeded"
    return customer.id, str(intent.payment_method)


def _pay(
    client: stripe.StripeClient, customer: str, method: str, amount: int = 1999, key: str = ""
) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {
            "amount": amount,
            "currency": "eur",
            "customer": customer,
            "payment_method": method,
            "confirm": True,
            "off_session": True,
            "allowed_payment_method_types": ["card"],
            "metadata": {"cauce_key": "k"},
            "expand": ["latest_charge.balance_transaction"],
        },
        {"idempotency_key": key} if key else {},
    )


def test_a_card_is_saved_and_charged_off_session_with_fee_and_net(platform: Platform) -> None:
    client = platform.client()
    customer, method = _customer_with_card(platform)
    intent = _pay(client, customer, method)
    assert intent.status == "succeeded" and intent.amount_received == 1999
    row = intent.latest_charge.balance_transaction  # type: ignore[union-attr]
    assert (row.amount, row.fee, row.net, row.status) == (1999, 88, 1911, "pending")  # type: ignore[union-attr]
    balance = client.v1.balance.retrieve()
    assert [(b.amount, b.currency) for b in balance.pending] == [(1911, "eur")]
    platform.advance("3d")
    assert [(b.amount, b.currency) for b in client.v1.balance.retrieve().available] == [(1911, "eur")]
    assert platform.events() == [
        "customer.created", "setup_intent.created", "payment_method.attached", "setup_intent.succeeded",
        "payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "balance.available",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("magic", "code", "decline_code"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
    ],
)
def test_a_declined_card_is_a_card_error_that_carries_the_intent(
    platform: Platform, magic: str, code: str, decline_code: str
) -> None:
    with pytest.raises(stripe.CardError) as refused:
        platform.client().v1.payment_intents.create(
            {"amount": 500, "currency": "usd", "payment_method": magic, "confirm": True}
        )
    error = refused.value.error
    assert error is not None and error.payment_intent is not None
    assert (refused.value.code, error.decline_code) == (code, decline_code)
    assert error.payment_intent.status == "requires_payment_method"
    assert platform.get("/v1/balance_transactions")["data"] == []


def test_the_same_key_twice_makes_one_object_and_replays_its_answer(platform: Platform) -> None:
    client = platform.client()
    customer, method = _customer_with_card(platform)
    first = _pay(client, customer, method, key="k1")
    second = _pay(client, customer, method, key="k1")
    assert first.id == second.id
    assert second.last_response is not None and second.last_response.headers["idempotent-replayed"] == "true"
    assert len(client.v1.payment_intents.list({"customer": customer}).data) == 1


def test_the_same_key_with_another_body_is_an_idempotency_error(platform: Platform) -> None:
    client = platform.client()
    client.v1.customers.create({"email": "a@example.com"}, {"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({"email": "b@example.com"}, {"idempotency_key": "k"})


def test_a_stored_decline_is_replayed_for_ever_and_a_new_key_tries_again(platform: Platform) -> None:
    client = platform.client()
    customer, method = _customer_with_card(platform)
    platform.sim(f"payment_methods/{method}/behave", {"as": "insufficient_funds"})
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            _pay(client, customer, method, key="try-1")
    platform.sim(f"payment_methods/{method}/behave", {"as": "good"})
    with pytest.raises(stripe.CardError):
        _pay(client, customer, method, key="try-1")
    assert _pay(client, customer, method, key="try-2").status == "succeeded"


def test_a_stored_error_of_the_server_is_replayed_too(platform: Platform) -> None:
    platform.sim("faults", {"kind": "stored_error", "operation": "customers.create", "status": 500})
    for _ in range(2):
        reply = platform.post("/v1/customers", {"email": "x@example.com"}, **{"idempotency-key": "k500"})
        assert reply.status_code == 500
    assert platform.get("/v1/customers")["data"] == []


def test_a_key_in_use_answers_409_and_the_library_tries_the_same_key_again(platform: Platform) -> None:
    platform.sim("faults", {"kind": "conflict", "operation": "customers.create"})
    made = platform.client(max_network_retries=2).v1.customers.create({"email": "c@example.com"})
    assert made.email == "c@example.com"
    calls = [c for c in platform.sim("calls", method="GET")["calls"] if c["operation"] == "customers.create"]
    assert [c["status"] for c in calls] == [409, 200] and len({c["key"] for c in calls}) == 1


def test_a_lost_answer_is_recovered_by_the_same_key(platform: Platform) -> None:
    customer, method = _customer_with_card(platform)
    platform.sim("faults", {"kind": "drop_after", "operation": "payment_intents.create"})
    intent = _pay(platform.client(max_network_retries=2), customer, method)
    assert intent.status == "succeeded"
    rows = platform.get("/v1/balance_transactions")["data"]
    assert len(rows) == 1, "the money moved once"


def test_three_d_secure_asks_on_session_and_the_payer_comes_back(platform: Platform) -> None:
    client = platform.client()
    intent = client.v1.payment_intents.create(
        {
            "amount": 700,
            "currency": "usd",
            "payment_method": "pm_card_threeDSecure2Required",
            "confirm": True,
            "return_url": "https://shop.example/back",
        }
    )
    assert intent.status == "requires_action" and intent.next_action is not None
    url = intent.next_action.redirect_to_url.url  # type: ignore[union-attr]
    assert "Your bank asks" in platform.http.get(str(url)).text
    back = platform.http.post(str(url), data={"choice": "approve"})
    assert back.status_code == 303 and "redirect_status=succeeded" in back.headers["location"]
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_off_session_authentication_is_refused_and_the_same_intent_succeeds_on_session(platform: Platform) -> None:
    client = platform.client()
    customer, method = _customer_with_card(platform, "pm_card_authenticationRequired")
    with pytest.raises(stripe.CardError) as refused:
        _pay(client, customer, method)
    assert refused.value.code == "authentication_required"
    assert refused.value.error is not None and refused.value.error.payment_intent is not None
    intent = refused.value.error.payment_intent
    again = client.v1.payment_intents.confirm(
        intent.id, {"payment_method": method, "return_url": "https://shop.example/"}
    )
    assert again.status == "requires_action"
    platform.sim("payer", {"ref": intent.id, "act": "approve"})
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_a_card_set_up_with_authentication_is_charged_off_session_afterwards(platform: Platform) -> None:
    customer, method = _customer_with_card(platform, "pm_card_authenticationRequiredOnSetup")
    assert _pay(platform.client(), customer, method).status == "succeeded"


def test_after_a_decline_the_same_intent_is_confirmed_with_another_card(platform: Platform) -> None:
    client = platform.client()
    customer, bad = _customer_with_card(platform, "pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError) as refused:
        _pay(client, customer, bad)
    assert refused.value.error is not None and refused.value.error.payment_intent is not None
    intent = refused.value.error.payment_intent
    done = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", "off_session": True})
    assert (done.id, done.status) == (intent.id, "succeeded")


def test_a_succeeded_intent_cannot_be_cancelled(platform: Platform) -> None:
    client = platform.client()
    customer, method = _customer_with_card(platform)
    intent = _pay(client, customer, method)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.cancel(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"


def test_an_authorization_is_captured_in_part_or_expires_after_seven_days(platform: Platform) -> None:
    client = platform.client()
    fields = {"amount": 1000, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True}
    taken = client.v1.payment_intents.create({**fields, "capture_method": "manual"})  # type: ignore[typeddict-item]
    assert (taken.status, taken.amount_capturable) == ("requires_capture", 1000)
    done = client.v1.payment_intents.capture(taken.id, {"amount_to_capture": 400})
    assert (done.status, done.amount_received) == ("succeeded", 400)
    left = client.v1.payment_intents.create({**fields, "capture_method": "manual"})  # type: ignore[typeddict-item]
    platform.advance("8d")
    gone = client.v1.payment_intents.retrieve(left.id)
    assert (gone.status, gone.cancellation_reason) == ("canceled", "automatic")
    assert "charge.expired" in platform.events()


def test_a_detached_card_can_never_be_charged_again(platform: Platform) -> None:
    client = platform.client()
    customer, method = _customer_with_card(platform)
    client.v1.payment_methods.detach(method)
    with pytest.raises(stripe.InvalidRequestError):
        _pay(client, customer, method)
    assert client.v1.customers.payment_methods.list(customer).data == []


def test_a_refund_over_the_rest_is_refused_and_parts_add_up(platform: Platform) -> None:
    client = platform.client()
    customer, method = _customer_with_card(platform)
    intent = _pay(client, customer, method)
    assert client.v1.refunds.create({"payment_intent": intent.id, "amount": 999}).status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 1001})
    client.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError) as over:
        client.v1.refunds.create({"payment_intent": intent.id})
    assert over.value.code == "charge_already_refunded"


def test_a_refund_that_looked_well_fails_later_and_the_money_returns(platform: Platform) -> None:
    client = platform.client()
    customer, method = _customer_with_card(platform, "pm_card_refundFail")
    intent = _pay(client, customer, method)
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"
    platform.advance("3d")
    failed = client.v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert failed.failure_balance_transaction is not None
    assert "refund.failed" in platform.events()


@pytest.mark.parametrize(
    ("evidence", "status", "net_minor"),
    [
        ("winning_evidence", "won", 5000 - 175 - 1500),
        ("losing_evidence", "lost", -175 - 1500),
        ("", "lost", -175 - 1500),
    ],
)
def test_a_dispute_moves_money_only_when_funds_move(
    platform: Platform, evidence: str, status: str, net_minor: int
) -> None:
    client = platform.client()
    customer, method = _customer_with_card(platform, "pm_card_createDispute")
    _pay(client, customer, method, 5000)
    platform.advance("2m")
    [dispute] = client.v1.disputes.list().data
    assert dispute.status == "needs_response"
    if evidence:
        client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": evidence}})
    platform.advance("20d")
    assert client.v1.disputes.retrieve(dispute.id).status == status
    assert sum(r["net"] for r in platform.get("/v1/balance_transactions")["data"]) == net_minor
    assert ("charge.dispute.funds_reinstated" in platform.events()) == (status == "won")


def test_an_inquiry_takes_no_money(platform: Platform) -> None:
    customer, method = _customer_with_card(platform, "pm_card_createDisputeInquiry")
    _pay(platform.client(), customer, method, 5000)
    platform.advance("20d")
    assert platform.client().v1.disputes.list().data[0].status == "warning_closed"
    assert len(platform.get("/v1/balance_transactions")["data"]) == 1


def test_a_checkout_session_in_setup_mode_saves_the_card_on_its_page(platform: Platform) -> None:
    client = platform.client()
    customer = client.v1.customers.create({})
    session = client.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "currency": "eur",
            "customer": customer.id,
            "success_url": "https://shop.example/done?s={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://shop.example/no",
        }
    )
    assert session.url is not None and "Checkout" in platform.http.get(session.url).text
    refused = platform.http.post(session.url, data={"choice": "pm_card_visa_chargeDeclined"})
    assert 'role="alert"' in refused.text
    done = platform.http.post(session.url, data={"choice": "pm_card_visa"})
    assert done.headers["location"] == f"https://shop.example/done?s={session.id}"
    after = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]})
    assert after.status == "complete" and after.setup_intent.status == "succeeded"  # type: ignore[union-attr]
    assert len(client.v1.customers.payment_methods.list(customer.id).data) == 1


def test_a_checkout_session_in_payment_mode_is_paid_or_expires(platform: Platform) -> None:
    client = platform.client()
    item = {
        "quantity": 2,
        "price_data": {"currency": "usd", "unit_amount": 1500, "product_data": {"name": "Invoice"}},
    }
    fields = {"mode": "payment", "line_items": [item], "success_url": "https://shop.example/"}
    paid = client.v1.checkout.sessions.create(fields)  # type: ignore[arg-type]
    assert (paid.amount_total, paid.payment_status) == (3000, "unpaid")
    platform.sim("payer", {"ref": paid.id, "act": "approve"})
    assert client.v1.checkout.sessions.retrieve(paid.id).payment_status == "paid"
    left = client.v1.checkout.sessions.create(fields)  # type: ignore[arg-type]
    platform.advance("25h")
    assert client.v1.checkout.sessions.retrieve(left.id).status == "expired"


def test_the_library_pages_through_more_than_a_hundred_objects(platform: Platform) -> None:
    client = platform.client()
    made = [client.v1.customers.create({"email": f"c{n}@example.com"}).id for n in range(105)]
    seen = [c.id for c in client.v1.customers.list({"limit": 50}).auto_paging_iter()]
    assert seen == list(reversed(made))


def test_metadata_merges_unsets_and_clears(platform: Platform) -> None:
    client = platform.client()
    customer = client.v1.customers.create({"metadata": {"a": "1", "b": "2"}})
    changed = client.v1.customers.update(customer.id, {"metadata": {"b": "", "c": "3"}})
    assert changed.metadata is not None and dict(changed.metadata.to_dict()) == {"a": "1", "c": "3"}
    cleared = client.v1.customers.update(customer.id, {"metadata": ""})
    assert cleared.metadata is not None and cleared.metadata.to_dict() == {}


def test_parameters_are_checked_as_stripe_checks_them(platform: Platform) -> None:
    cases = {
        "payment_method_types_no_longer_supported": {
            "amount": "500",
            "currency": "usd",
            "payment_method_types[0]": "card",
        },
        "parameter_missing": {"currency": "usd"},
        "parameter_unknown": {"amount": "500", "currency": "usd", "colour": "red"},
        "parameter_invalid_integer": {"amount": "5.00", "currency": "usd"},
        "amount_too_small": {"amount": "49", "currency": "usd"},
        "amount_too_large": {"amount": "100000000", "currency": "usd"},
    }
    for code, data in cases.items():
        reply = platform.post("/v1/payment_intents", data)
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, code)
    assert platform.get("/v1/payment_intents")["data"] == []


def test_objects_of_one_platform_do_not_exist_for_another(platform: Platform) -> None:
    customer = platform.client().v1.customers.create({})
    with pytest.raises(stripe.InvalidRequestError) as missing:
        platform.client("sk_test_somebody_else").v1.customers.retrieve(customer.id)
    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    with pytest.raises(stripe.AuthenticationError):
        platform.client("sk_nothing").v1.customers.list()


def test_too_many_requests_are_not_repeated_by_the_library(platform: Platform) -> None:
    platform.sim("faults", {"kind": "rate_limited", "operation": "customers.create"})
    with pytest.raises(stripe.RateLimitError):
        platform.client(max_network_retries=2).v1.customers.create({})
    assert len([c for c in platform.sim("calls", method="GET")["calls"] if c["operation"] == "customers.create"]) == 1


def test_a_told_rate_limit_holds_within_a_second(platform: Platform) -> None:
    platform.sim("settings", {"rate_limit": 5})
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: platform.post("/v1/customers", {}).status_code, range(30)))
    assert 200 in statuses and 429 in statuses


def test_events_are_listed_by_type_and_for_thirty_days(platform: Platform) -> None:
    client = platform.client()
    client.v1.customers.create({})
    assert [e.type for e in client.v1.events.list({"type": "customer.*"}).data] == ["customer.created"]
    assert client.v1.events.list({"types": ["charge.succeeded"]}).data == []
    platform.advance("31d")
    assert client.v1.events.list().data == []


def test_subscriptions_of_stripes_own_engine_renew_or_end_as_the_library_reads_them(platform: Platform) -> None:
    client = platform.client()
    customer, method = _customer_with_card(platform)
    client.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method}})
    product = client.v1.products.create({"name": "App"})
    price = client.v1.prices.create(
        {"product": product.id, "currency": "eur", "unit_amount": 2900, "recurring": {"interval": "month"}}
    )
    one = client.v1.subscriptions.create({"customer": customer, "items": [{"price": price.id, "quantity": 2}]})
    trial = client.v1.subscriptions.create(
        {"customer": customer, "items": [{"price": price.id}], "trial_period_days": 10}
    )
    assert (one.status, trial.status, one["items"].data[0].price.unit_amount) == ("active", "trialing", 2900)
    ended = client.v1.subscriptions.update(one.id, {"cancel_at_period_end": True, "metadata": {"k": "v"}})
    assert ended.cancel_at_period_end and ended.cancel_at == ended["items"].data[0].current_period_end
    found = client.v1.subscriptions.list(
        {
            "status": "all",
            "expand": [
                "data.customer",
                "data.customer.invoice_settings.default_payment_method",
                "data.default_payment_method",
            ],
        }
    )
    assert [each.id for each in found.data] == [trial.id, one.id]
    card = found.data[0].customer.invoice_settings.default_payment_method  # type: ignore[union-attr]
    assert card.card.last4 == "4242"  # type: ignore[union-attr]
    platform.advance("40d")
    assert client.v1.subscriptions.retrieve(one.id).status == "canceled"
    assert client.v1.subscriptions.retrieve(trial.id).status == "active"
    assert [each.id for each in client.v1.subscriptions.list().data] == [trial.id]
    reasons = [each.billing_reason for each in client.v1.invoices.list().data]
    assert reasons == ["subscription_cycle", "subscription_create"]
