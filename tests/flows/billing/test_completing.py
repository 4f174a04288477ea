"""The end of fixed terms, paid instalments and purchases made once (T42): complete when paid, access by policy."""

from __future__ import annotations

from datetime import timedelta

from cauce.billing.catalog.policy_parts import DunningPolicy
from cauce.billing.catalog.rules import AfterTerm, NewPrice, PlanPolicy, PriceKind
from cauce.flows.billing.correct import PayByHand, pay_by_hand
from cauce.flows.billing.standing import set_suspended
from tests.flows.billing.shop import Shop, flat

DAY = timedelta(days=1)


def _once(amount_minor: int) -> NewPrice:
    return flat(amount_minor, "licence", kind=PriceKind.ONE_TIME)


async def _stands(seller: Shop, one: str) -> tuple[str, str]:
    return (await seller.subscription(one)).status, await seller.access(one)


async def test_what_was_bought_once_is_kept_a_term_ends_and_the_plan_may_say_otherwise(seller: Shop) -> None:
    await seller.plan("licence", _once(9_900))
    await seller.plan("rent", _once(9_900), policy=PlanPolicy(after_term=AfterTerm.END))
    await seller.plan("term", flat(1_000), policy=PlanPolicy(periods_max=2))
    await seller.plan("instalments", flat(1_000), policy=PlanPolicy(periods_max=2, after_term=AfterTerm.KEEP))
    found = {}
    for plan in ("licence", "rent", "term", "instalments"):
        await seller.card(plan)
        found[plan] = (await seller.sign_up(plan, plan)).subscription_id
    await seller.advance(90 * DAY)
    assert {plan: await _stands(seller, one) for plan, one in found.items()} == {
        "licence": ("expired", "full"),
        "rent": ("expired", "none"),
        "term": ("expired", "none"),
        "instalments": ("expired", "full"),
    }
    assert [len(await seller.invoices(one)) for one in found.values()] == [1, 1, 2, 2]
    assert "access.revoked" not in await seller.story(found["licence"])
    customer = (await seller.subscription(found["licence"])).customer_id
    await set_suspended(seller.context, customer, True)
    assert await seller.access(found["licence"]) == "none"
    await set_suspended(seller.context, customer, False)
    assert await seller.access(found["licence"]) == "full"
    await seller.prove()


async def test_a_term_that_is_over_but_not_paid_is_complete_when_the_debt_is_gone(seller: Shop) -> None:
    patient = DunningPolicy(retry_days=(20, 20, 20), grace_days=60)
    policy = PlanPolicy(periods_max=2, after_term=AfterTerm.KEEP, dunning=patient)
    await seller.plan("instalments", flat(1_000), policy=policy)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "instalments")).subscription_id
    for ref in seller.cards.cards:
        seller.cards.cards[ref] = "poor"
    await seller.advance(65 * DAY)
    assert await _stands(seller, one) == ("past_due", "grace")
    assert (await seller.subscription(one)).due_at is None
    first, second = await seller.invoices(one)
    assert (first["status"], second["status"]) == ("paid", "open")
    await pay_by_hand(seller.context, PayByHand(second["id"], 1_000, "by bank"))
    await seller.work()
    assert await _stands(seller, one) == ("expired", "full")
    assert (await seller.story(one))[-2:] == ["subscription.recovered", "subscription.expired"]
    await seller.advance(60 * DAY)
    assert len(await seller.invoices(one)) == 2
    await seller.prove()


async def test_a_term_whose_recovery_was_exhausted_begins_no_new_period_when_it_is_paid(seller: Shop) -> None:
    policy = PlanPolicy(periods_max=2, dunning=DunningPolicy(retry_days=(1,), unpaid_days=90))
    await seller.plan("term", flat(1_000), policy=policy)
    await seller.card("ana")
    one = (await seller.sign_up("ana", "term")).subscription_id
    for ref in seller.cards.cards:
        seller.cards.cards[ref] = "poor"
    await seller.advance(65 * DAY)
    assert await _stands(seller, one) == ("unpaid", "none")
    await pay_by_hand(seller.context, PayByHand((await seller.invoices(one))[-1]["id"], 1_000, "by bank"))
    await seller.work()
    assert await _stands(seller, one) == ("expired", "none")
    assert len(await seller.invoices(one)) == 2
    await seller.prove()
