"""Messages, contacts and instances: the part of the contract by which customers are reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from cauce.gateway.capabilities import Can
from cauce.gateway.outcome import Declined, Done, Outcome, Unknown
from cauce.gateway.reaching import Contact, InstanceAnswer, InstanceRequest, InstanceVerb, Message, TrackedEvent
from cauce.kernel.ids import new_id
from tests.providers.conformance.rig import START, Rig
from tests.providers.conformance.vendors import needs


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What providers keep on this machine goes into the test's own folder."""
    monkeypatch.setenv("CAUCE_HOME", str(tmp_path))


async def _run(rig: Rig, verb: InstanceVerb, instance_id: str, key: str = "") -> Outcome[InstanceAnswer]:
    payload: dict[str, object] = {
        "customer": {"name": "Ana Pérez", "email": "ana@example.com", "locale": "es"},
        "plan": {"name": "Pro"},
        "status": "trialing",
    }
    request = InstanceRequest(key or new_id("op"), verb, "post", instance_id, payload, 20)
    outcome: Outcome[InstanceAnswer] = await rig.gateway.run(request)
    return outcome


@needs(Can.RUNS_INSTANCES)
async def test_an_instance_is_provisioned_once_under_its_key_and_lives_through_every_verb(rig: Rig) -> None:
    instance_id, key = new_id("ins"), new_id("op")
    before = await rig.gateway.run(InstanceRequest(new_id("op"), InstanceVerb.PROVISION, "pre", instance_id, {}, 20))
    assert isinstance(before, Done) and before.value.veto == ""
    first = await _run(rig, InstanceVerb.PROVISION, instance_id, key)
    assert isinstance(first, Done), first
    assert first.value.redirect_url.startswith("http") and first.value.instance_ref
    assert await _run(rig, InstanceVerb.PROVISION, instance_id, key) == first
    for verb in (InstanceVerb.CHANGE, InstanceVerb.SUSPEND, InstanceVerb.RESTORE, InstanceVerb.DEPROVISION):
        assert isinstance(await _run(rig, verb, instance_id), Done), verb
    back = await _run(rig, InstanceVerb.REACTIVATE, instance_id)
    assert isinstance(back, Done), back
    assert isinstance(await _run(rig, InstanceVerb.DEPROVISION, instance_id), Done)


@needs(Can.SENDS_MESSAGES)
async def test_a_message_is_taken_and_has_a_ref(rig: Rig) -> None:
    address = "ana@example.com"
    if rig.can(Can.TRACKS_CONTACTS):  # a help desk writes to its contacts, not to addresses
        made = await rig.gateway.upsert_contact(Contact("cus_1", address, "Ana"))
        assert isinstance(made, Done)
        address = made.value.ref
        await rig.advance(minutes=1)
    sent = await rig.gateway.send(Message(new_id("msg"), address, "Ana Pérez", "Tu prueba", "Hola", "<p>Hola</p>"))
    assert isinstance(sent, Done) and sent.value.ref


@needs(Can.TRACKS_CONTACTS)
async def test_a_contact_lives_from_first_sight_to_erasure(rig: Rig) -> None:
    ana = Contact(new_id("cus"), "ana@example.com", "Ana", {"cauce_status": "trialing"})
    first, second = await rig.gateway.upsert_contact(ana), await rig.gateway.upsert_contact(ana)
    assert isinstance(first, Done) and first == second, "the same person is one contact"
    ref = first.value.ref
    team = await rig.gateway.upsert_company(new_id("cus"), "Ana's shop", {"cauce_seats": 3})
    assert isinstance(team, Done), team
    event = TrackedEvent(new_id("evt"), ana.external_id, "trial-started", START, {"plan": "pro"})
    for done in (
        await rig.gateway.join(ref, team.value.ref),
        await rig.gateway.join(ref, team.value.ref),
        await rig.gateway.track(event),
        await rig.gateway.track(event),
        await rig.gateway.tag(ref, "cauce:trialing", remove=False),
        await rig.gateway.tag(ref, "cauce:trialing", remove=True),
        await rig.gateway.tag(ref, "cauce:trialing", remove=True),
        await rig.gateway.note(ref, "Asked for an invoice by post"),
        await rig.gateway.leave(ref, team.value.ref),
        await rig.gateway.leave(ref, team.value.ref),
        await rig.gateway.archive(ref),
        await rig.gateway.erase(ref),
        await rig.gateway.erase(ref),
    ):
        assert isinstance(done, Done), done


@needs(Can.TRACKS_CONTACTS)
@pytest.mark.parametrize(
    "fault", ["drop_before", "drop_after", "error_before", "error_after", "rate_limited", "garbled"]
)
async def test_a_contact_survives(rig: Rig, fault: str) -> None:
    ana = Contact(new_id("cus"), "ana@example.com", "Ana")
    await rig.control.fault(rig.name, fault, contains=ana.external_id, status=502)
    assert isinstance(await rig.gateway.upsert_contact(ana), Unknown)
    again = await rig.gateway.upsert_contact(ana)
    assert isinstance(again, Done)
    assert await rig.gateway.upsert_contact(ana) == again


@needs(Can.TRACKS_CONTACTS)
async def test_an_event_of_somebody_unknown_is_refused(rig: Rig) -> None:
    event = TrackedEvent(new_id("evt"), new_id("cus"), "trial-started", START)
    assert isinstance(await rig.gateway.track(event), Declined)
