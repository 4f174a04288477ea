"""Webhooks of the simulator, judged by the official library's verifier."""

from __future__ import annotations

import asyncio
import json

import httpx2
import pytest
import stripe

from tests.providers.receiver import Receiver
from tests.providers.stripe.conftest import Platform

SECRET_FIELDS = {"webhook_secret": "whsec_account", "connect_webhook_secret": "whsec_connect"}


async def _registered(platform: Platform, receiver: Receiver) -> None:
    await asyncio.to_thread(
        platform.http.post,
        f"{platform.api}/_sim/tenants/{platform.tenant}",
        json={"webhook_url": receiver.url, **SECRET_FIELDS},
    )


async def _customer(platform: Platform) -> None:
    reply = await asyncio.to_thread(
        platform.post, "/v1/customers", {"email": "a@example.com"}, **{"idempotency-key": "k"}
    )
    assert reply.status_code == 200
    await asyncio.to_thread(platform.sim, "callbacks/flush")


async def test_an_event_is_signed_so_that_the_library_accepts_it(platform: Platform, receiver: Receiver) -> None:
    await _registered(platform, receiver)
    await _customer(platform)
    [(headers, body)] = receiver.received
    event = stripe.Webhook.construct_event(body, headers["stripe-signature"], SECRET_FIELDS["webhook_secret"])
    assert (event.type, event.livemode, event.pending_webhooks) == ("customer.created", False, 1)
    assert event.request is not None and event.request.idempotency_key == "k"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, headers["stripe-signature"], "whsec_connect")


async def test_while_a_secret_is_rotated_both_sign(platform: Platform, receiver: Receiver) -> None:
    await _registered(platform, receiver)
    await asyncio.to_thread(platform.sim, "rotate_secret", {"secret": "whsec_new"})
    await _customer(platform)
    [(headers, body)] = receiver.received
    for secret in ("whsec_new", "whsec_account"):
        assert stripe.Webhook.construct_event(body, headers["stripe-signature"], secret).id


@pytest.mark.parametrize("mode", ["bad_signature", "stale"])
async def test_a_bad_or_stale_signature_is_refused_by_the_library(
    platform: Platform, receiver: Receiver, mode: str
) -> None:
    await _registered(platform, receiver)
    await asyncio.to_thread(platform.sim, "callbacks/rules", {"mode": mode})
    await _customer(platform)
    headers, body = receiver.received[0]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, headers["stripe-signature"], SECRET_FIELDS["webhook_secret"])


async def test_events_of_connected_accounts_go_to_the_connect_endpoint(platform: Platform, receiver: Receiver) -> None:
    await _registered(platform, receiver)
    made = await asyncio.to_thread(platform.sim, "merchant", {"name": "Shop"})
    await asyncio.to_thread(platform.sim, "callbacks/flush")
    for headers, body in receiver.received:
        event = stripe.Webhook.construct_event(
            body, headers["stripe-signature"], SECRET_FIELDS["connect_webhook_secret"]
        )
        assert event.account == made["ref"]


async def test_a_delivery_is_tried_again_until_it_is_taken_and_then_no_more(
    platform: Platform, receiver: Receiver
) -> None:
    await _registered(platform, receiver)
    receiver.status = 500
    await _customer(platform)
    await asyncio.to_thread(platform.advance, "11m")
    receiver.status = 204
    await asyncio.to_thread(platform.advance, "10d")
    assert len(receiver.received) == 3
    assert len({json.loads(body)["id"] for _, body in receiver.received}) == 1


async def test_undelivered_events_can_be_listed_to_fill_the_gap(platform: Platform, receiver: Receiver) -> None:
    await _registered(platform, receiver)
    receiver.status = 500
    await _customer(platform)
    lost = await asyncio.to_thread(platform.get, "/v1/events", delivery_success="false")
    assert [e["type"] for e in lost["data"]] == ["customer.created"]
    receiver.status = 200
    await asyncio.to_thread(platform.advance, "1d")
    assert (await asyncio.to_thread(platform.get, "/v1/events", delivery_success="false"))["data"] == []


async def test_an_endpoint_made_by_the_library_gets_what_it_enabled(platform: Platform, receiver: Receiver) -> None:
    client = platform.client()
    endpoint = await asyncio.to_thread(
        client.v1.webhook_endpoints.create, {"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]}
    )
    assert endpoint.secret is not None and endpoint.secret.startswith("whsec_")
    await _customer(platform)
    assert receiver.received == []
    fields = {"amount": "500", "currency": "usd", "payment_method": "pm_card_visa", "confirm": "true"}
    await asyncio.to_thread(platform.post, "/v1/payment_intents", fields)
    await asyncio.to_thread(platform.sim, "callbacks/flush")
    [(headers, body)] = receiver.received
    assert stripe.Webhook.construct_event(body, headers["stripe-signature"], endpoint.secret).type == (
        "payment_intent.succeeded"
    )
    again = await asyncio.to_thread(client.v1.webhook_endpoints.retrieve, endpoint.id)
    assert getattr(again, "secret", None) is None, "the secret is told once"


async def test_a_page_script_uses_the_publishable_key_for_its_intent_alone(platform: Platform) -> None:
    made = (await asyncio.to_thread(platform.post, "/v1/payment_intents", {"amount": "500", "currency": "usd"})).json()
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        key = {"key": f"pk_test_{platform.tenant}"}
        url = f"{platform.api}/v1/payment_intents/{made['id']}"
        seen = await http.get(url, params={**key, "client_secret": made["client_secret"]})
        assert seen.json()["status"] == "requires_payment_method"
        assert (await http.get(url, params={**key, "client_secret": "wrong"})).status_code == 400
        assert (await http.get(f"{platform.api}/v1/customers", params=key)).status_code == 401


async def test_the_stand_in_of_stripes_script_confirms_on_the_element_page(platform: Platform) -> None:
    made = (await asyncio.to_thread(platform.post, "/v1/setup_intents", {"usage": "off_session"})).json()
    base = f"{platform.api}/_sim/pages/{platform.tenant}"
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as browser:
        script = await browser.get(f"{base}/element.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert all(name in script.text for name in ("window.Stripe", "confirmSetup", "confirmPayment"))
        form = f"{base}/element/{made['client_secret']}?return_url=https://shop.example/done"
        asked = await browser.post(form, data={"choice": "pm_card_authenticationRequiredOnSetup"})
        assert "/3ds/" in asked.headers["location"]
        back = await browser.post(asked.headers["location"], data={"choice": "approve"})
    assert back.headers["location"].startswith("https://shop.example/done?setup_intent=")
    assert "redirect_status=succeeded" in back.headers["location"]
