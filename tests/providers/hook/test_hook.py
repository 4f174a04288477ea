"""The signed webhook: what is sent, how answers are read, where it must not go."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cauce.gateway.errors import ChannelSettingsError
from cauce.gateway.outcome import Declined, Done, Refusal, Unknown
from cauce.gateway.provider import Channel, HttpAnswer, Kit
from cauce.gateway.reaching import InstanceAnswer, InstanceRequest, InstanceVerb
from cauce.kernel.clock import wall_now
from cauce.kernel.ids import new_id
from cauce.providers.hook import PROVIDER, guard, mapping
from cauce.providers.kit.cache import MemoryCache
from cauce.providers.kit.instances import BadAnswer, read_answer, request_body, wanted_hooks
from cauce.providers.kit.serving import serving
from cauce.providers.kit.transport import HttpTransport

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD_SECRET = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()


@dataclass
class Runner:
    """An instance runner that answers what the test says."""

    url: str = ""
    answer: Callable[[], Response] = lambda: Response(b"")
    pause_seconds: int = 0
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@asynccontextmanager
async def running() -> AsyncIterator[Runner]:
    runner = Runner()

    async def take(request: Request) -> Response:
        runner.received.append((dict(request.headers), await request.body()))
        await asyncio.sleep(runner.pause_seconds)
        return runner.answer()

    async with serving(Starlette(routes=[Route("/hooks", take, methods=["POST"])])) as url:
        runner.url = f"{url}/hooks"
        yield runner


@pytest.fixture
async def runner() -> AsyncIterator[Runner]:
    async with running() as made:
        yield made


def gateway(http: httpx2.AsyncClient, url: str, *, livemode: bool = False, secret: str = SECRET, hooks: str = ""):  # type: ignore[no-untyped-def]
    channel = Channel("ch_1", 1, "hook", livemode, "", {"url": url, "hooks": hooks}, {"secret": secret})
    return PROVIDER.connect(channel, Kit(HttpTransport(channel, http), MemoryCache(), wall_now, new_id))


def asked(stage: str = "post", verb: InstanceVerb = InstanceVerb.PROVISION, seconds: int = 5) -> InstanceRequest:
    payload: dict[str, object] = {"customer": {"name": "Ana Pérez", "locale": "es"}, "plan": {"name": "专业版"}}
    return InstanceRequest("op_1", verb, stage, "ins_1", payload, seconds)


async def test_the_message_verifies_with_the_standard_library_of_the_scheme(
    runner: Runner, http: httpx2.AsyncClient
) -> None:
    await gateway(http, runner.url, secret=f"{SECRET},{OLD_SECRET}").run(asked())
    [(headers, body)] = runner.received
    for secret in (SECRET, OLD_SECRET):
        read = Webhook(secret).verify(body, headers)
        assert read["type"] == "post_provision" and read["id"] == "op_1" and read["instance_id"] == "ins_1"
        assert read["data"] == asked().payload


async def test_a_repeat_has_the_same_id_and_the_same_bytes(runner: Runner, http: httpx2.AsyncClient) -> None:
    sender = gateway(http, runner.url)
    await sender.run(asked())
    await sender.run(asked())
    (first, body), (second, again) = runner.received
    assert first["webhook-id"] == second["webhook-id"] and body == again
    await sender.run(asked("pre"))
    assert runner.received[2][0]["webhook-id"] != first["webhook-id"]


async def test_the_answer_is_merged(runner: Runner, http: httpx2.AsyncClient) -> None:
    told = {
        "redirect_url": "https://ana.example.com/",
        "instance_id": "vm-17",
        "fields": {"user": "ana", "seats": 3},
        "veto": "no",
    }
    runner.answer = lambda: Response(json.dumps(told))
    wanted = InstanceAnswer("https://ana.example.com/", "vm-17", {"user": "ana", "seats": "3"})
    assert await gateway(http, runner.url).run(asked()) == Done(wanted), "a veto after the fact is no veto"
    vetoed = await gateway(http, runner.url).run(asked("pre"))
    assert isinstance(vetoed, Done) and vetoed.value.veto == "no"


async def test_a_slow_runner_leaves_the_outcome_unknown(runner: Runner, http: httpx2.AsyncClient) -> None:
    runner.pause_seconds = 2
    outcome = await gateway(http, runner.url).run(asked("pre", seconds=1))
    assert isinstance(outcome, Unknown) and "1 seconds" in outcome.reason


async def test_hooks_that_nobody_wants_are_not_sent(runner: Runner, http: httpx2.AsyncClient) -> None:
    sender = gateway(http, runner.url, hooks="pre_provision, post_decommission")
    assert await sender.run(asked()) == Done(InstanceAnswer())
    assert runner.received == []
    await sender.run(asked("post", InstanceVerb.DEPROVISION))
    assert len(runner.received) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"redirect_url": 7}', b'{"fields": []}', b"\xff", b'{"fields": '])
@pytest.mark.parametrize("stage", ["pre", "post"])
def test_an_answer_that_lies_about_json_is_unknown(body: bytes, stage: str) -> None:
    assert isinstance(mapping.outcome_of(HttpAnswer(200, {}, body), stage), Unknown)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "https://u:p@example.com/",
        "https://",
        "//example.com",
        "https://e.com/\r\nx",
        "https://[",
    ],
)
def test_an_address_that_could_harm_the_customer_is_no_answer(url: str) -> None:
    with pytest.raises(BadAnswer):
        read_answer(json.dumps({"redirect_url": url}).encode(), "post")


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: (
            st.lists(x) | st.dictionaries(st.sampled_from(["veto", "redirect_url", "instance_id", "fields", "x"]), x)
        ),
    ).map(lambda v: json.dumps(v).encode())
)
def test_whatever_a_runner_says_is_an_answer_or_a_bad_one(raw: bytes) -> None:
    try:
        found = read_answer(raw, "pre")
    except BadAnswer:
        return
    assert all(isinstance(text, str) for text in (found.veto, found.redirect_url, *found.fields.values()))


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (401, Refusal.SIGNATURE),
        (404, Refusal.CONFIG),
        (422, Refusal.INVALID_REQUEST),
        (400, Refusal.DECLINED),
        (302, Refusal.CONFIG),
    ],
)
def test_a_refusal_is_final(status: int, refusal: Refusal) -> None:
    outcome = mapping.outcome_of(HttpAnswer(status, {}, b"not this one"), "pre")
    assert isinstance(outcome, Declined) and outcome.refusal is refusal


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503])
def test_what_may_pass_is_unknown_and_says_when_to_ask(status: int) -> None:
    outcome = mapping.outcome_of(HttpAnswer(status, {"retry-after": "7"}, b""), "post")
    assert isinstance(outcome, Unknown) and outcome.ask_after_seconds == 7


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::",
        "fe80::1",
        "fc00::1",
        "::ffff:10.0.0.1",
        "2002:0a00:0001::",
        "255.255.255.255",
    ],
)
@pytest.mark.parametrize("loopback_allowed", [True, False])
def test_addresses_inside_the_network_are_refused(address: str, loopback_allowed: bool) -> None:
    with pytest.raises(guard.Inside):
        guard.check_addresses(["93.184.216.34", address], loopback_allowed=loopback_allowed)


async def test_the_own_machine_is_for_sandbox_channels_alone(runner: Runner, http: httpx2.AsyncClient) -> None:
    port = httpx2.URL(runner.url).port
    live = await gateway(http, f"https://localhost:{port}/hooks", livemode=True).run(asked())
    assert isinstance(live, Declined) and live.code == "forbidden_address"
    assert isinstance(await gateway(http, f"http://localhost:{port}/hooks").run(asked()), Done)
    assert runner.received[0][0]["host"] == f"localhost:{port}"


@pytest.mark.parametrize(
    ("url", "livemode"),
    [
        ("http://example.com", True),
        ("ftp://example.com", False),
        ("https://u:p@example.com", True),
        ("https://", True),
        ("https://e.com:99999", True),
    ],
)
async def test_a_channel_with_such_an_address_is_refused(url: str, livemode: bool, http: httpx2.AsyncClient) -> None:
    with pytest.raises(ChannelSettingsError):
        gateway(http, url, livemode=livemode)


@pytest.mark.parametrize("secret", ["whsec_%%%", "whsec_" + base64.b64encode(b"short").decode(), "secret", ","])
async def test_a_weak_or_malformed_secret_is_refused(secret: str, http: httpx2.AsyncClient) -> None:
    with pytest.raises(ChannelSettingsError):
        gateway(http, "https://example.com", secret=secret)


def test_older_hook_names_are_understood_and_unknown_ones_refused() -> None:
    assert wanted_hooks("pre_decommission,post_property_change") == frozenset({"pre_deprovision", "post_change"})
    assert wanted_hooks(" ") is None
    with pytest.raises(ChannelSettingsError):
        wanted_hooks("during_provision")


def test_the_recorded_message_is_what_is_sent() -> None:
    from importlib.resources import files

    recorded = files("cauce.providers.hook").joinpath("fixtures/post_provision.json").read_bytes().strip()
    told = json.loads(recorded)
    again = request_body(InstanceRequest(told["id"], InstanceVerb.PROVISION, "post", told["instance_id"], told["data"]))
    assert again == recorded
