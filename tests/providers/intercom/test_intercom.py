"""Intercom: contacts, events, messages and notifications against the stand-in, by the adapter that runs in production."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import httpx2
import pytest

from cauce.gateway.capabilities import Can
from cauce.gateway.errors import BadNotice, BadSignature, CapabilityMissing, ChannelSettingsError, StaleNotice
from cauce.gateway.outcome import Declined, Done, Refusal, Unknown
from cauce.gateway.provider import Channel, HttpAnswer, Kit
from cauce.gateway.reaching import Contact, Message, TrackedEvent
from cauce.gateway.reporting import Notice, NoticeKind
from cauce.kernel.clock import wall_now
from cauce.kernel.errors import InvalidRequest
from cauce.kernel.ids import new_id
from cauce.providers.intercom import PROVIDER, inbound, limits, mapping, messenger, naming, signing
from cauce.providers.intercom.simulator import intercom_face
from cauce.providers.kit.cache import MemoryCache
from cauce.providers.kit.channel import SandboxChannel
from cauce.providers.kit.control import SandboxControl
from cauce.providers.kit.transport import HttpTransport
from tests.providers.receiver import Receiver
from tests.providers.running import running_sandbox

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_numbers = itertools.count(1)


class Workspace:
    """A fresh workspace and a gateway to it."""

    def __init__(self, made: SandboxChannel, control: SandboxControl, http: httpx2.AsyncClient) -> None:
        self.made = made
        self.control = control
        self.http = http
        self.receiver: Receiver
        self.gateway = self.connected()

    def connected(self, **settings: str) -> Any:
        opened = self.made.opened("intercom", channel_id="ch_1", org_id=1)
        channel = Channel(
            "ch_1", 1, "intercom", False, opened.base_url, {**opened.settings, **settings}, opened.secrets
        )
        return PROVIDER.connect(channel, Kit(HttpTransport(channel, self.http), MemoryCache(), wall_now, new_id))

    async def look(self, what: str) -> Any:
        found = await self.control.verb("intercom", what, {})
        return found[what]

    async def act(self, verb: str, **body: str) -> dict[str, Any]:
        return await self.control.verb("intercom", verb, body)

    async def calls(self, operation: str) -> int:
        return sum(call["operation"] == operation for call in await self.control.calls("intercom"))

    async def ana(self, **changes: Any) -> str:
        fields = {"external_id": "cus_1", "email": "ana@example.com", "name": "Ana", **changes}
        done = await self.gateway.upsert_contact(Contact(**fields))
        assert isinstance(done, Done), done
        ref: str = done.value.ref
        return ref

    async def notices(self) -> list[Notice]:
        await self.control.quiet()
        read = [self.gateway.parse_notice(headers, body, wall_now()) for headers, body in self.receiver.received]
        return [notice for parsed in read for notice in parsed.notices]


@pytest.fixture(scope="module")
def sandbox_url() -> Iterator[str]:
    with running_sandbox({"intercom": intercom_face()}) as url:
        yield url


@pytest.fixture
async def workspace(sandbox_url: str, http: httpx2.AsyncClient, receiver: Receiver) -> Workspace:
    assert PROVIDER.sandbox_channel is not None
    control = SandboxControl(http, sandbox_url, f"shop{next(_numbers)}")
    made = PROVIDER.sandbox_channel(control.tenant, control.face_url("intercom"), receiver.url)
    await control.register("intercom", made.registration)
    await control.set_clock(START)
    opened = Workspace(made, control, http)
    opened.receiver = receiver
    return opened


def event(name: str = "subscription.trial_started", **metadata: str | int) -> TrackedEvent:
    return TrackedEvent(new_id("evt"), "cus_1", name, START, dict(metadata))


# -- contacts ----------------------------------------------------------------------------------------------------------


async def test_attributes_are_made_when_the_first_write_misses_them(workspace: Workspace) -> None:
    await workspace.ana(attributes={"cauce_status": "trialing", "cauce_trial_end_at": 1773000000, "own_flag": True})
    [kept] = await workspace.look("contacts")
    assert kept["custom_attributes"] == {
        "cauce_status": "trialing",
        "cauce_trial_end_at": 1773000000,
        "own_flag": True,
    }
    before = await workspace.calls("create_attribute")
    assert await workspace.gateway.ensure_attributes() == Done(len(naming.ATTRIBUTES["company"]))
    assert await workspace.calls("create_attribute") == before + len(naming.ATTRIBUTES["company"])
    assert await workspace.gateway.ensure_attributes() == Done(0)


async def test_a_contact_that_exists_is_updated_whether_live_or_archived(workspace: Workspace) -> None:
    ref = await workspace.ana()
    assert await workspace.ana(name="Ana Pérez") == ref
    await workspace.gateway.archive(ref)
    assert await workspace.ana(name="Ana P.") == ref
    [kept] = await workspace.look("contacts")
    assert kept["name"] == "Ana P." and kept["archived"] is False


async def test_a_stored_ref_that_is_gone_leads_to_the_contact_under_our_id(workspace: Workspace) -> None:
    ref = await workspace.ana()
    assert await workspace.ana(ref="0" * 24) == ref
    await workspace.gateway.erase(ref)
    assert await workspace.ana(ref=ref) not in ("", ref)
    assert len(await workspace.look("contacts")) == 1


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "garbled"])
async def test_a_lost_answer_makes_no_second_contact(workspace: Workspace, fault: str) -> None:
    await workspace.control.fault("intercom", fault, "create_contact", status=500)
    lost = await workspace.gateway.upsert_contact(Contact("cus_1", "ana@example.com", "Ana"))
    assert isinstance(lost, Unknown)
    await workspace.ana()
    assert len(await workspace.look("contacts")) == 1


async def test_two_customers_with_one_address_stay_two(workspace: Workspace) -> None:
    assert await workspace.ana() != await workspace.ana(external_id="cus_2")


async def test_consent_is_mirrored_and_tags_and_notes_arrive(workspace: Workspace) -> None:
    ref = await workspace.ana(unsubscribed=True)
    await workspace.gateway.tag(ref, "cauce:past_due", remove=False)
    await workspace.gateway.tag(ref, "cauce:active", remove=False)
    await workspace.gateway.tag(ref, "cauce:past_due", remove=True)
    await workspace.gateway.note(ref, "Pays by <transfer>")
    [kept] = await workspace.look("contacts")
    assert kept["unsubscribed_from_emails"] is True
    assert kept["tags"] == ["cauce:active"] and kept["notes"] == ["Pays by <transfer>"]
    assert await workspace.calls("find_tag") == 2, "a tag's id is remembered"


async def test_a_company_is_one_under_our_id_and_its_spend_is_capped(workspace: Workspace) -> None:
    first = await workspace.gateway.upsert_company("cus_9", "Shop", {"plan": "Pro", "monthly_spend": 2**40})
    again = await workspace.gateway.upsert_company("cus_9", "Shop & Co", {"cauce_seats": 3})
    assert isinstance(first, Done) and first == again
    [kept] = await workspace.look("companies")
    assert kept["name"] == "Shop & Co" and kept["plan"]["name"] == "Pro" and kept["monthly_spend"] == 2**31 - 1
    assert kept["custom_attributes"] == {"cauce_seats": 3}


async def test_erasure_deletes_and_nothing_is_left(workspace: Workspace) -> None:
    ref = await workspace.ana()
    assert isinstance(await workspace.gateway.erase(ref), Done)
    assert await workspace.look("contacts") == []
    gone = await workspace.gateway.note(ref, "late")
    assert isinstance(gone, Declined) and gone.refusal is Refusal.NOT_FOUND


# -- events ------------------------------------------------------------------------------------------------------------


async def test_an_event_sent_again_after_a_crash_is_one_event(workspace: Workspace) -> None:
    await workspace.ana()
    await workspace.control.fault("intercom", "drop_after", "track_event")
    sent = event(plan="pro")
    assert isinstance(await workspace.gateway.track(sent), Unknown)
    assert isinstance(await workspace.gateway.track(sent), Done)
    found = await workspace.control.verb("intercom", "events", {})
    assert len(found["events"]) == 1 and found["dropped"] == 1
    assert found["events"][0]["event_name"] == "trial-started"
    assert found["events"][0]["created_at"] == int(START.timestamp())


async def test_eleven_keys_become_ten_and_money_is_money(workspace: Workspace) -> None:
    await workspace.ana()
    numbered = {f"k{index}": index for index in range(12)}
    await workspace.gateway.track(event("invoice.paid", amount_minor=1999, currency="eur", **numbered))
    [kept] = await workspace.look("events")
    assert kept["event_name"] == "invoice-paid" and len(kept["metadata"]) == 10
    assert kept["metadata"]["amount"] == {"amount": 1999, "currency": "eur"} and "currency" not in kept["metadata"]


def test_money_of_nothing_is_left_out_and_a_number_without_currency_stays_a_number() -> None:
    assert mapping.metadata({"amount_minor": 0, "currency": "eur"}) == {}
    assert mapping.metadata({"amount_minor": 5}) == {"amount_minor": 5}
    assert naming.event_name("wallet.topped_up") == "wallet-topped-up"


# -- messages ----------------------------------------------------------------------------------------------------------


def message(to: str) -> Message:
    return Message(new_id("msg"), to, "Ana", "Hola", "Hola", "<p>Hola</p>")


async def test_a_contact_just_made_is_written_to_a_little_later(workspace: Workspace) -> None:
    ref = await workspace.ana()
    early = await workspace.gateway.send(message(ref))
    assert isinstance(early, Declined)
    assert (early.code, early.refusal) == ("contact_not_ready", Refusal.LIMIT_EXCEEDED)
    await workspace.control.set_clock(START + timedelta(seconds=10))
    assert isinstance(await workspace.gateway.send(message("cus_1")), Done), "our own id leads to the contact"
    assert len(await workspace.look("messages")) == 1


async def test_a_message_of_unknown_outcome_says_so_and_is_there_once(workspace: Workspace) -> None:
    ref = await workspace.ana()
    await workspace.control.set_clock(START + timedelta(minutes=1))
    await workspace.control.fault("intercom", "drop_after", "send_message")
    assert isinstance(await workspace.gateway.send(message(ref)), Unknown)
    assert len(await workspace.look("messages")) == 1


async def test_a_message_to_nobody_is_refused_and_one_that_cannot_be_looked_up_is_not_sent(
    workspace: Workspace,
) -> None:
    nobody = await workspace.gateway.send(message("f" * 24))
    assert isinstance(nobody, Declined) and nobody.refusal is Refusal.NOT_FOUND
    await workspace.control.fault("intercom", "error_before", "find_contact", status=503)
    unseen = await workspace.gateway.send(message("cus_1"))
    assert isinstance(unseen, Declined) and unseen.refusal is Refusal.LIMIT_EXCEEDED
    assert await workspace.look("messages") == []


async def test_messages_are_off_until_an_admin_is_named(workspace: Workspace) -> None:
    channel = Channel("ch_1", 1, "intercom", False, "", {}, {})
    assert Can.SENDS_MESSAGES not in PROVIDER.capabilities(channel).can
    with pytest.raises(CapabilityMissing):
        await workspace.connected(messages_from_admin="").send(message("cus_1"))
    with pytest.raises(ChannelSettingsError):
        workspace.connected(messages_from_admin="olga")


# -- limits and credentials --------------------------------------------------------------------------------------------


async def test_beyond_the_rate_limit_nothing_is_lost_and_the_pause_is_told(workspace: Workspace) -> None:
    await workspace.ana()
    await workspace.act("settings", requests_per_minute="6")
    outcomes = [await workspace.gateway.track(event(f"e{index}")) for index in range(4)]
    refused = [one for one in outcomes if isinstance(one, Unknown)]
    assert refused and all(1 <= one.ask_after_seconds <= 10 for one in refused)
    await workspace.act("settings", requests_per_minute="60000")
    for index in range(4):
        assert isinstance(await workspace.gateway.track(event(f"e{index}")), Done)
    assert len(await workspace.look("events")) == 4


async def test_a_revoked_token_is_refused_as_such(workspace: Workspace) -> None:
    await workspace.act("revoke")
    refused = await workspace.gateway.upsert_contact(Contact("cus_1", "ana@example.com", "Ana"))
    assert isinstance(refused, Declined) and refused.refusal is Refusal.AUTH


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "7"}, 7),
        ({"x-ratelimit-reset": "1030"}, 30),
        ({"x-ratelimit-reset": "900"}, 1),
        ({"retry-after": "soon"}, 10),
        ({"retry-after": "99999"}, 600),
        ({}, 10),
    ],
)
def test_the_pause_is_what_the_answer_says_within_reason(headers: dict[str, str], wait: int) -> None:
    assert mapping.wait_seconds(headers, 1000) == wait


class Recorded:
    """A transport that keeps what it was given and answers as told."""

    def __init__(self, answer: HttpAnswer) -> None:
        self.answer = answer
        self.sent: list[tuple[str, dict[str, str]]] = []

    async def send(self, operation: str, method: str, url: str, **more: Any) -> HttpAnswer:
        self.sent.append((url, more["headers"]))
        return self.answer


@pytest.mark.parametrize(
    ("region", "host"),
    [("", "https://api.intercom.io"), ("eu", "https://api.eu.intercom.io"), ("au", "https://api.au.intercom.io")],
)
async def test_each_region_has_its_address_and_the_version_is_pinned(region: str, host: str) -> None:
    channel = Channel("ch", 1, "intercom", True, "", {"region": region}, {"access_token": "t", "client_secret": "s"})
    transport = Recorded(HttpAnswer(202, {}, b""))
    assert isinstance(
        await PROVIDER.connect(channel, Kit(transport, MemoryCache(), wall_now, new_id)).track(event()), Done
    )
    [(url, headers)] = transport.sent
    assert url == f"{host}/events" and headers["intercom-version"] == "2.15" and headers["authorization"] == "Bearer t"


async def test_an_unknown_region_is_refused() -> None:
    channel = Channel("ch", 1, "intercom", True, "", {"region": "mars"}, {"access_token": "t", "client_secret": "s"})
    with pytest.raises(ChannelSettingsError):
        PROVIDER.connect(channel, Kit(Recorded(HttpAnswer(200, {}, b"")), MemoryCache(), wall_now, new_id))


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (400, "invalid_request"),
        (401, "auth"),
        (403, "forbidden"),
        (404, "not_found"),
        (409, "duplicate"),
        (418, "declined"),
    ],
)
def test_a_refusal_has_its_class_whatever_its_body(status: int, refusal: str) -> None:
    assert mapping.classify_error(status, {}).refusal == refusal
    assert mapping.classify_error(status, {"errors": "?"}).code == str(status)


# -- notifications -----------------------------------------------------------------------------------------------------


def parsed(
    body: bytes, *, secret: str = "s", signed_by: str = "s", livemode: bool = False, at: datetime = START
) -> Notice:
    channel = Channel("ch", 1, "intercom", livemode, "", {"app_id": "app_shop"}, {"client_secret": secret})
    headers = {signing.HEADER: signing.header(signed_by, body)}
    [notice] = inbound.parse(channel, headers, body, at).notices
    return notice


def fixture(name: str) -> bytes:
    return files("cauce.providers.intercom").joinpath(f"fixtures/{name}.json").read_bytes()


def test_the_published_vector_of_the_signature_holds() -> None:
    body = b'{"type":"notification_event","id":"notif_cauce_1","topic":"contact.unsubscribed"}'
    assert signing.header("cauce_client_secret", body) == "sha1=f426beb57b341daa7a79d6191f3fb295e2fc9500"


def test_a_recorded_unsubscription_is_read() -> None:
    notice = parsed(fixture("contact_unsubscribed"))
    assert (notice.kind, notice.event_id, notice.ref) == (
        NoticeKind.CONTACT,
        "notif_cauce_1",
        "5ba682d23d7cf92bef87bfd4",
    )
    assert notice.data == {"change": "unsubscribed", "external_id": "cus_01jd0000000000000000000000"}
    assert notice.occurred_at == START


def test_a_recorded_conversation_is_read_as_plain_text() -> None:
    notice = parsed(fixture("conversation_user_replied"), secret="new,s")
    assert notice.kind is NoticeKind.CONVERSATION and notice.ref == "123456789"
    assert notice.data["text"] == "Is my card safe?\nI ask & wait" and notice.data["side"] == "customer"
    assert notice.data["change"] == "replied" and notice.data["external_id"] == "cus_01jd0000000000000000000000"


def test_wrong_signatures_other_workspaces_and_nonsense_are_refused() -> None:
    body = fixture("contact_unsubscribed")
    with pytest.raises(BadSignature):
        parsed(body, signed_by="other")
    with pytest.raises(BadNotice):
        parsed(body.replace(b"app_shop", b"app_else"))
    for nonsense in (
        b"[]",
        b"{}",
        b'{"topic":1}',
        b"\xff",
        b'{"id":"a","topic":"conversation.user.replied","data":[]}',
    ):
        with pytest.raises(BadNotice):
            parsed(nonsense)


def test_an_old_notification_is_refused_where_time_is_real() -> None:
    late = START + timedelta(days=limits.NOTICE_AGE_DAYS.value + 1)
    with pytest.raises(StaleNotice):
        parsed(fixture("contact_unsubscribed"), livemode=True, at=late)
    assert parsed(fixture("contact_unsubscribed"), at=late).ref


def test_a_topic_that_nobody_wants_is_other() -> None:
    assert parsed(b'{"id":"notif_1","topic":"ping"}').kind is NoticeKind.OTHER


async def test_what_people_do_over_there_comes_back(workspace: Workspace) -> None:
    ref = await workspace.ana()
    await workspace.act(f"contacts/{ref}/unsubscribe")
    await workspace.act(f"contacts/{ref}/email", email="new@example.com")
    await workspace.gateway.tag(ref, "vip", remove=False)
    await workspace.act(f"contacts/{ref}/archive")
    seen = [(notice.data["change"], notice.ref, notice.data["external_id"]) for notice in await workspace.notices()]
    changes = ("created", "unsubscribed", "email_suggested", "tagged", "gone")
    assert seen == [(change, ref, "cus_1") for change in changes]
    assert (await workspace.notices())[2].data["email"] == "new@example.com"
    assert (await workspace.notices())[3].data["tag"] == "vip"


# -- the chat ----------------------------------------------------------------------------------------------------------


def claims_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return found


def test_a_token_names_the_person_for_an_hour_at_most() -> None:
    person = messenger.Person("cus_1", "ana@example.com", {"plan": "pro", "user_id": "cus_2", "exp": 9})
    claims = claims_of(messenger.token("secret", person, START))
    stamp = int(START.timestamp())
    assert claims == {"user_id": "cus_1", "email": "ana@example.com", "plan": "pro", "iat": stamp, "exp": stamp + 3600}
    with pytest.raises(InvalidRequest):
        messenger.token("secret", person, START, 3601)
    with pytest.raises(InvalidRequest):
        messenger.token("secret", messenger.Person(""), START)


def test_the_page_policy_names_the_hosts_of_the_region() -> None:
    assert "https://api-iam.intercom.io" in messenger.policy("us")["connect-src"]
    assert "wss://nexus-websocket-a.intercom.io" in messenger.policy("us")["connect-src"]
    assert "https://api-iam.eu.intercom.io" in messenger.policy("eu")["connect-src"]


async def test_chat_is_off_until_it_is_set_up_and_shows_a_visitor_no_token(workspace: Workspace) -> None:
    assert workspace.connected(app_id="").chat(None, wall_now()) is None
    visitor = workspace.gateway.chat(None, wall_now())
    assert "intercom_user_jwt" not in visitor["settings"] and visitor["settings"]["app_id"]
    script = await workspace.http.get(visitor["script_url"])
    assert script.status_code == 200 and "window.Intercom" in script.text


async def test_messages_go_both_ways_and_both_sides_come_back_as_notices(workspace: Workspace) -> None:
    await workspace.ana()
    chat = workspace.gateway.chat(messenger.Person("cus_1", "ana@example.com", {"plan": "pro"}), wall_now())
    token = chat["settings"]["intercom_user_jwt"]
    page = chat["script_url"].removesuffix("/script")
    booted = await workspace.http.get(page, params={"token": token})
    assert booted.status_code == 200 and "pro" in booted.text
    assert (await workspace.http.post(page, data={"token": token, "text": "Is <it> safe?"})).status_code == 200
    [conversation] = await workspace.look("conversations")
    await workspace.act("conversations/reply", conversation=conversation["id"], text="Yes")
    await workspace.http.post(page, data={"token": token, "text": "Thanks"})
    assert "Yes" in (await workspace.http.get(page, params={"token": token})).text
    await workspace.act("conversations/close", conversation=conversation["id"])
    told = [n for n in await workspace.notices() if n.kind is NoticeKind.CONVERSATION]
    assert [(n.data["change"], n.data["side"], n.data["text"]) for n in told] == [
        ("opened", "customer", "Is <it> safe?"),
        ("replied", "staff", "Yes"),
        ("replied", "customer", "Thanks"),
        ("closed", "staff", "Thanks"),
    ]
    assert {n.data["external_id"] for n in told} == {"cus_1"} and {n.ref for n in told} == {conversation["id"]}


async def test_a_visitor_may_write_without_being_anybody(workspace: Workspace) -> None:
    page = workspace.gateway.chat(None, wall_now())["script_url"].removesuffix("/script")
    assert (await workspace.http.post(page, data={"visitor": "v1", "text": "Hello"})).status_code == 200
    [notice] = await workspace.notices()
    assert notice.data["external_id"] == "" and notice.data["text"] == "Hello"


@pytest.mark.parametrize("flaw", ["expired", "nameless", "other_workspace", "unsigned", "no_algorithm"])
async def test_a_token_that_proves_nothing_is_refused(workspace: Workspace, flaw: str) -> None:
    secret = str(workspace.made.secrets["messenger_secret"])
    person = messenger.Person("cus_1")
    token = messenger.token(secret, person, wall_now())
    head, body, _ = token.split(".")
    nameless = base64.urlsafe_b64encode(json.dumps({"exp": 9999999999, "email": "ana@example.com"}).encode()).decode()
    bare = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    flawed = {
        "expired": messenger.token(secret, person, wall_now() - timedelta(hours=2)),
        "nameless": messenger.sign(secret, f"{head}.{nameless.rstrip('=')}"),
        "other_workspace": messenger.token("other", person, wall_now()),
        "unsigned": f"{head}.{body}.",
        "no_algorithm": messenger.sign(secret, f"{bare}.{body}"),
    }[flaw]
    page = workspace.gateway.chat(None, wall_now())["script_url"].removesuffix("/script")
    assert (await workspace.http.get(page, params={"token": flawed})).status_code == 403
    assert (await workspace.http.get(page, params={"token": token})).status_code == 200


async def test_the_viewer_shows_what_arrived(workspace: Workspace) -> None:
    await workspace.ana(name="<b>Ana</b>")
    page = await workspace.http.get(f"{workspace.made.base_url}/_sim/pages/{workspace.control.tenant}/")
    assert "&lt;b&gt;Ana" in page.text and "<b>Ana" not in page.text
