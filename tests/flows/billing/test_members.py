"""People of a customer (B3, I6): seats, invitations, who uses what his teams may use."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from cauce.billing.catalog.rules import BadPlan, PlanPolicy
from cauce.billing.customers.members import IdentityTaken, InvitationEnded, NewMember, NoSeatFree
from cauce.billing.customers.rules import BadCustomer
from cauce.billing.entitlements.rules import Level
from cauce.flows.billing import members
from cauce.flows.billing.cancel import Cancel, cancel
from cauce.flows.billing.changes import Change, change
from cauce.flows.billing.check_access import Check, Checked, check_access
from cauce.flows.billing.standing import set_suspended
from cauce.flows.erasing import erase_customer
from cauce.kernel.errors import IllegalTransition
from cauce.kernel.tokens import BadToken
from tests.flows.billing.shop import Shop, flat, per_unit

DAY = timedelta(days=1)
TEAM = PlanPolicy(seats="seats")


async def team(seller: Shop, who: str = "acme", seats: int = 2) -> tuple[str, str]:
    """A customer with so many seats: (customer, subscription)."""
    await seller.card(who)
    done = await seller.sign_up(who, "team", quantities={"seats": str(seats)})
    return done.customer_id, done.subscription_id


async def plan(seller: Shop) -> None:
    await seller.plan("team", flat(1_000), per_unit("500"), policy=TEAM, features={"boards": True, "projects": 10})


async def seats(seller: Shop, customer_id: str) -> tuple[int | None, int, int | None]:
    async with seller.context.transaction() as tx:
        found = await members.seats_of(tx, customer_id, await seller.context.now(tx))
    return found.total, found.used, found.free


async def ask(seller: Shop, who: str, feature: str = "") -> Checked | None:
    (answer,) = await check_access(seller.context, [Check(who, feature)])
    return answer


async def test_the_seat_of_a_removed_member_is_free_at_once_and_billed_until_renewal(seller: Shop) -> None:
    await plan(seller)
    customer, subscription = await team(seller)
    ana, _ = await members.invite(seller.context, customer, NewMember("Ana@Example.com"))
    bob, _ = await members.invite(seller.context, customer, NewMember("bob@example.com"))
    await members.join(seller.context, ana.id, "user_ana")
    assert await seats(seller, customer) == (2, 2, 0)
    with pytest.raises(NoSeatFree):
        await members.invite(seller.context, customer, NewMember("eve@example.com"))
    for _ in range(2):
        await members.remove(seller.context, ana.id)
    assert await seats(seller, customer) == (2, 1, 1)
    assert await seller.story(ana.id) == ["member.invited", "member.joined", "member.removed"]
    # Somebody else takes it without a charge; the seats are billed as before, until they are lowered at renewal.
    eve, _ = await members.invite(seller.context, customer, NewMember("eve@example.com"))
    await members.remove(seller.context, bob.id)
    await change(seller.context, Change(subscription, quantities={"seats": "1"}))
    assert await seats(seller, customer) == (2, 1, 1)
    assert [one["total_minor"] for one in await seller.invoices(subscription)] == [2_000]
    await seller.advance(31 * DAY)
    assert [one["total_minor"] for one in await seller.invoices(subscription)] == [2_000, 1_500]
    # The invitation ended meanwhile: its seat is free.
    assert await seats(seller, customer) == (1, 0, 1)
    with pytest.raises(InvitationEnded):
        await members.join(seller.context, eve.id)


async def test_a_member_uses_what_the_team_may_use_and_no_longer_than_he_is_one(seller: Shop) -> None:
    await plan(seller)
    await seller.plan("small", flat(500, key="small"), features={"projects": 3, "api": True})
    acme, _ = await team(seller)
    own = await seller.sign_up("ana", "small", collection="send_invoice")
    one, _ = await members.invite(seller.context, acme, NewMember("ana@example.com", external_id="ana"))
    assert (await ask(seller, "ana", "boards")) == Checked(own.customer_id, await level(seller, own.customer_id), False)
    await members.join(seller.context, one.id)
    found = await ask(seller, "ana", "boards")
    assert found is not None and (found.allowed, found.customer_id) == (True, acme)
    # Of what both give, the best holds; what only her own subscription gives stays hers.
    assert [(await answered(seller, name)) for name in ("projects", "api", "nothing")] == [10, True, None]
    by_id = await ask(seller, one.id, "boards")
    assert by_id is not None and by_id.allowed
    await set_suspended(seller.context, acme, True)
    assert await answered(seller, "boards") is None and await answered(seller, "projects") == 3
    await set_suspended(seller.context, acme, False)
    await members.remove(seller.context, one.id)
    assert await answered(seller, "boards") is None
    assert await ask(seller, one.id) is None


async def answered(seller: Shop, feature: str) -> object:
    found = await ask(seller, "ana", feature)
    return found.value if found is not None and found.allowed else None


async def level(seller: Shop, customer_id: str) -> Level:
    found = await ask(seller, customer_id)
    assert found is not None
    return found.level


async def test_many_invitations_at_once_take_no_seat_twice(seller: Shop) -> None:
    await plan(seller)
    customer, _ = await team(seller, seats=3)
    tries = [members.invite(seller.context, customer, NewMember(f"p{n}@example.com")) for n in range(8)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(one, NoSeatFree) for one in answers) == 5
    assert await seats(seller, customer) == (3, 3, 0)
    # The same address again is the same member, with a fresh invitation and no second seat.
    known = next(one[0] for one in answers if not isinstance(one, BaseException))
    again, _ = await members.invite(seller.context, customer, NewMember(known.email.upper()))
    assert again.id == known.id and await seats(seller, customer) == (3, 3, 0)


async def test_a_link_lets_whom_it_is_for_join_once(seller: Shop) -> None:
    await plan(seller)
    customer, _ = await team(seller)
    one, url = await members.invite(seller.context, customer, NewMember("ana@example.com"))
    token = url.partition("token=")[2]
    assert (await members.accept(seller.context, token)).state == "joined"
    assert (await members.accept(seller.context, token)).id == one.id
    await members.remove(seller.context, one.id)
    with pytest.raises(IllegalTransition):
        await members.accept(seller.context, token)
    with pytest.raises(BadToken):
        await members.accept(seller.context, token[:-2] + "xx")
    fresh, url = await members.invite(seller.context, customer, NewMember("ana@example.com"))
    assert fresh.id != one.id
    await seller.advance(15 * DAY)
    with pytest.raises(BadToken):
        await members.accept(seller.context, url.partition("token=")[2])


async def test_what_is_no_member_is_refused_and_erasing_forgets_them(seller: Shop) -> None:
    await seller.plan("open", flat(1_000))
    with pytest.raises(BadPlan):
        await seller.plan("wrong", flat(1_000), policy=TEAM)
    done = await seller.sign_up("acme", "open", collection="send_invoice")
    customer = done.customer_id
    assert await seats(seller, customer) == (None, 0, None)
    good = NewMember("ana@example.com", "Ana", external_id="ana")
    for bad in (replace(good, email="ana"), replace(good, role="king"), replace(good, external_id="x" * 256)):
        with pytest.raises(BadCustomer):
            await members.invite(seller.context, customer, bad)
    one, _ = await members.invite(seller.context, customer, good)
    other, _ = await members.invite(seller.context, customer, NewMember("bob@example.com"))
    await members.join(seller.context, one.id)
    with pytest.raises(IdentityTaken):
        await members.join(seller.context, other.id, "ana")
    await cancel(seller.context, Cancel(done.subscription_id, now=True))
    await erase_customer(seller.context, customer)
    async with seller.context.transaction() as tx:
        rows = await tx.rows(
            "SELECT id, email, name, external_id, state FROM customers.member WHERE org_id = $1", tx.org
        )
    assert {(row["email"] == row["id"], row["name"], row["external_id"], row["state"]) for row in rows} == {
        (True, "", "", "removed")
    }
