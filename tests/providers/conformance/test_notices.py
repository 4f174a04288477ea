"""Notices: verified on their raw bytes, normalized, acknowledged; damaged or old ones refused."""

from __future__ import annotations

import pytest

from cauce.gateway.capabilities import Can
from cauce.gateway.errors import BadSignature
from cauce.gateway.reaching import Contact
from cauce.gateway.reporting import Notice, NoticeKind
from cauce.kernel.clock import wall_now
from cauce.kernel.ids import new_id
from tests.providers.conformance.rig import Rig
from tests.providers.conformance.vendors import needs


async def _something_happens(rig: Rig) -> tuple[str, NoticeKind]:
    """A payment of any kind, or a contact; its key (a contact's ref) and what notices about it are."""
    if rig.can(Can.TRACKS_CONTACTS):
        made = await rig.gateway.upsert_contact(Contact(new_id("cus"), "ana@example.com", "Ana"))
        return made.value.ref, NoticeKind.CONTACT
    if rig.can(Can.COLLECTS):
        request, _ = await rig.paid(await rig.merchant())
        return request.key, NoticeKind.COLLECTION
    customer = await rig.customer()
    charge = rig.charge(customer, await rig.saved_method(customer))
    await rig.gateway.charge_saved(charge)
    return charge.key, NoticeKind.CHARGE


def _parse(rig: Rig, headers: dict[str, str], body: bytes) -> list[Notice]:
    return list(rig.gateway.parse_notice(headers, body, wall_now()).notices)


@needs(Can.NOTIFIES)
async def test_what_happened_arrives_signed_and_leads_to_our_key(rig: Rig) -> None:
    key, kind = await _something_happens(rig)
    await rig.control.quiet()
    assert rig.receiver.received
    notices = [n for headers, body in rig.receiver.received for n in _parse(rig, headers, body)]
    assert all(n.event_id and n.occurred_at.tzinfo is not None for n in notices)
    ours = [n for n in notices if key in (n.key, n.ref) and n.kind is kind]
    assert ours and ours[-1].ref
    headers, body = rig.receiver.received[0]
    acknowledgement = rig.gateway.parse_notice(headers, body, wall_now()).acknowledgement
    assert 200 <= acknowledgement.status < 300


@needs(Can.NOTIFIES)
async def test_a_notice_that_comes_twice_is_the_same_notice(rig: Rig) -> None:
    await rig.control.callback_rule(rig.name, "duplicate", copies=2, times=50)
    await _something_happens(rig)
    await rig.control.quiet()
    ids = [n.event_id for headers, body in rig.receiver.received for n in _parse(rig, headers, body)]
    assert len(ids) == 2 * len(set(ids))


@needs(Can.NOTIFIES)
@pytest.mark.parametrize("flaw", ["bad_signature", "stale"])
async def test_a_wrong_signature_or_an_old_one_is_refused(rig: Rig, flaw: str) -> None:
    await _something_happens(rig)
    await rig.control.quiet()
    callback = (await rig.control.callbacks(rig.name))[0]
    first_headers, first_body = rig.receiver.received[0]
    rig.receiver.received.clear()
    await rig.control.resend(rig.name, callback["id"], flaw=flaw)
    [(headers, body)] = rig.receiver.received
    if flaw == "stale" and (headers, body) == (first_headers, first_body):
        assert _parse(rig, headers, body) == _parse(rig, first_headers, first_body)
        return  # a signature without a time never gets old: what is stored once under the event's id guards against it
    with pytest.raises(BadSignature):
        _parse(rig, headers, body)


@needs(Can.NOTIFIES)
async def test_one_changed_byte_or_a_missing_header_is_refused(rig: Rig) -> None:
    await _something_happens(rig)
    await rig.control.quiet()
    headers, body = rig.receiver.received[0]
    for place in (1, len(body) // 2, len(body) - 2):
        with pytest.raises(BadSignature):
            _parse(rig, headers, body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])
    with pytest.raises(BadSignature):
        _parse(rig, {}, body)
