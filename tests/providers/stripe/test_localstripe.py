"""A third party's server answers our adapter: localstripe (GPL-3.0-or-later), in a process and an environment of its own.

Nothing of it is imported, here or in the product. It is older than the API version that we speak: it refuses parameters
that have come since (`automatic_payment_methods`, `allowed_payment_method_types`), has no pages, and ignores idempotency
keys. What it does answer, our client must read: that is tested, and what it refuses is told as a refusal.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cauce.gateway.charging import ChargeRequest, CustomerRecord, CustomerRequest, SetupRequest
from cauce.gateway.collecting import FetchRequest, Operation, RefundRequest
from cauce.gateway.errors import BadStatement
from cauce.gateway.outcome import Declined, Done, Refusal, Unknown
from cauce.gateway.provider import Channel, Kit
from cauce.kernel.clock import wall_now
from cauce.kernel.ids import new_id
from cauce.kernel.money import Money
from cauce.providers.kit.cache import MemoryCache
from cauce.providers.kit.transport import HttpTransport
from cauce.providers.stripe import PROVIDER
from tests.support.embedded import REPOSITORY

RELEASE = "localstripe==1.15.10"
HOME = REPOSITORY / "build" / "oracles" / RELEASE
INSTALL_SECONDS, START_SECONDS = 180, 30
KEY = "sk_test_12345"
_KEEPS_NO_FILE = """
from localstripe import resources, server
resources.store.dump_to_disk = lambda: None  # into one file for all users of the machine, which another may own
server.start()
"""
EUROS = Money(1_999, "eur")


def _program() -> Path:
    """Its program, installed on first use; the test is skipped where that cannot be done."""
    program = HOME / "bin" / "localstripe"
    if program.exists():
        return program
    try:
        subprocess.run([sys.executable, "-m", "venv", HOME], check=True, capture_output=True, timeout=INSTALL_SECONDS)
        wanted = [HOME / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", RELEASE]
        subprocess.run(wanted, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except (OSError, subprocess.SubprocessError) as failed:
        pytest.skip(f"{RELEASE} cannot be installed from the package registry: {failed}")
    return program


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Where it listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [_program().parent / "python", "-c", _KEEPS_NO_FILE, "--port", str(port), "--from-scratch"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        ends = time.monotonic() + START_SECONDS
        with httpx2.Client(trust_env=False) as http:
            while True:
                try:
                    http.get(f"{url}/v1/customers", headers={"authorization": f"Bearer {KEY}"})
                    break
                except httpx2.TransportError:
                    assert process.poll() is None and time.monotonic() < ends, "it did not start"
                    time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


@dataclass
class Oracle:
    """Our gateway connected to it, and the plain API for what only a page or a browser does."""

    gateway: Any
    http: httpx2.AsyncClient
    url: str

    async def post(self, path: str, fields: dict[str, str]) -> dict[str, Any]:
        answer = await self.http.post(f"{self.url}/v1/{path}", data=fields, headers={"authorization": f"Bearer {KEY}"})
        found: dict[str, Any] = answer.json()
        return found

    async def customer(self) -> tuple[str, str]:
        """(our key, his id there)."""
        request = CustomerRequest(new_id("pcus"), new_id("cus"), "ana@example.com", "Ana")
        made = await self.gateway.ensure_customer(request)
        assert isinstance(made, Done)
        return request.key, made.value.ref

    async def card(self, customer: str, number: str = "4242424242424242") -> str:
        fields = {"type": "card", "card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2031", "card[cvc]": "123"}  # fmt: skip
        method = str((await self.post("payment_methods", fields))["id"])
        await self.post(f"payment_methods/{method}/attach", {"customer": customer})
        return method

    async def paid(self, key: str) -> str:
        """A payment intent that carries our key, confirmed; its id."""
        _, customer = await self.customer()
        fields = {
            "amount": "1999", "currency": "eur", "customer": customer, "payment_method": await self.card(customer),
            "confirm": "true", "off_session": "true", "metadata[cauce_key]": key, "metadata[cauce_op]": "charge",
        }  # fmt: skip
        return str((await self.post("payment_intents", fields))["id"])


@pytest.fixture
async def oracle(server: str) -> AsyncIterator[Oracle]:
    secrets = {"api_key": KEY, "webhook_secret": "whsec_x"}
    channel = Channel("ch_oracle", 1, "stripe", False, server, {"publishable_key": "pk_test_x"}, secrets)
    async with httpx2.AsyncClient(trust_env=False, timeout=20) as http:
        kit = Kit(HttpTransport(channel, http), MemoryCache(), wall_now, new_id)
        yield Oracle(PROVIDER.connect(channel, kit), http, server)


async def test_customers_are_made_found_by_our_key_changed_and_deleted(oracle: Oracle) -> None:
    others = [await oracle.customer() for _ in range(3)]
    key, ref = others[1]
    ask = FetchRequest(Operation.ENSURE_CUSTOMER, key)
    assert await oracle.gateway.fetch(ask) == Done(CustomerRecord(ref))
    changed = CustomerRequest(key, "cus_1", "bea@example.com", "Bea", ref=ref, metadata={"cauce_status": "active"})
    assert await oracle.gateway.update_customer(changed) == Done(CustomerRecord(ref))
    assert await oracle.gateway.ensure_customer(changed) == Done(CustomerRecord(ref)), "who is there is not made again"
    assert await oracle.gateway.fetch(ask) == Done(CustomerRecord(ref)), "our key stays on him"
    assert isinstance(await oracle.gateway.forget_customer(ref), Done)
    missing = await oracle.gateway.fetch(FetchRequest(Operation.ENSURE_CUSTOMER, new_id("pcus")))
    assert isinstance(missing, Declined) and missing.refusal is Refusal.NOT_FOUND


async def test_a_payment_is_found_by_key_and_by_id_with_what_was_settled(oracle: Oracle) -> None:
    key = new_id("pat")
    ref = await oracle.paid(key)
    for ask in (FetchRequest(Operation.CHARGE, key), FetchRequest(Operation.CHARGE, key, ref)):
        done = await oracle.gateway.fetch(ask)
        assert isinstance(done, Done)
        assert (done.value.ref, done.value.amount, done.value.settled, done.value.fee_minor) == (ref, EUROS, EUROS, 0)
        assert abs((done.value.paid_at - datetime.now(UTC)).total_seconds()) < 60


async def test_a_refund_is_made_and_found(oracle: Oracle) -> None:
    paid_key, key = new_id("pat"), new_id("re")
    ref = await oracle.paid(paid_key)
    request = RefundRequest(key, paid_key, ref, Money(500, "eur"), EUROS, "")
    made = await oracle.gateway.refund(request)
    assert isinstance(made, Done), made
    assert (made.value.amount, made.value.ref.startswith("re_")) == (Money(500, "eur"), True)
    found = await oracle.gateway.fetch(FetchRequest(Operation.REFUND, key, parent_ref=ref))
    assert isinstance(found, Done) and found.value.ref == made.value.ref


async def test_a_saved_card_is_read_and_detached(oracle: Oracle) -> None:
    _, customer = await oracle.customer()
    method = await oracle.card(customer)
    done = await oracle.gateway.detach_method(customer, method)
    assert isinstance(done, Done)
    assert (done.value.last4, done.value.brand, str(done.value.expires_on)) == ("4242", "visa", "2032-01-01")


async def test_what_it_does_not_know_is_a_refusal_or_unknown_and_never_a_payment(oracle: Oracle) -> None:
    _, customer = await oracle.customer()
    method = await oracle.card(customer)
    setup = await oracle.gateway.begin_setup(SetupRequest(new_id("set"), customer, "https://shop.example/"))
    assert isinstance(setup, Declined) and "automatic_payment_methods" in setup.message
    key = new_id("pat")
    charge = await oracle.gateway.charge_saved(ChargeRequest(key, customer, method, EUROS, "Invoice 1"))
    assert isinstance(charge, Declined) and "allowed_payment_method_types" in charge.message
    nothing = await oracle.gateway.fetch(FetchRequest(Operation.CHARGE, key))
    assert isinstance(nothing, Declined) and nothing.refusal is Refusal.NOT_FOUND
    assert isinstance(await oracle.gateway.list_methods(customer), Unknown), "a page that it has not"
    assert [one async for one in oracle.gateway.foreign_subscriptions()] == []
    with pytest.raises(BadStatement, match="created"):
        [line async for line in oracle.gateway.statement(datetime.now(UTC).date(), "balance")]
