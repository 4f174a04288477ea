"""K1–K22: the wall that keeps each rule stands against SQL of the owner and of the application, against flows and the API;
and what comes around a wall is found by the question that `cauce compliance check` asks.

Rules that another file attacks whole are named in `ELSEWHERE`; a test holds the table complete.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import pytest

from cauce.flows.marketplace import cancel, compliance, merchants, orders, refunds, release
from cauce.flows.marketplace.refunds import AskRefund
from cauce.kernel.errors import CauceError
from cauce.ledger.posting import post
from cauce.ledger.recipes.custody import Event, Holder, custody_journal, platform_journal
from cauce.ledger.rules import Journal
from cauce.marketplace.compliance.rules import QUESTIONS, Answer, RulesBroken, SelfCheckNeedsPerson
from cauce.marketplace.merchants.rules import NewMerchant
from cauce.marketplace.orders.rules import NewLine
from cauce.reports.compliance import RULES, violations
from cauce.storage.audit import Actor
from tests.flows.marketplace.bank import OWNED, Bank
from tests.flows.marketplace.market import BEGIN, COMMISSION, Market, market

ELSEWHERE = {
    "K19": "tests/slices/ledger/test_verify.py: planted corruptions are found; grants and triggers in tests/slices/ledger",
    "K20": "no channel is instructed by files yet",
    "K16": "test_guards.py: no order without the licence in force",
    "K22": "test_guards.py: no order before the self-check",
}


@dataclass(frozen=True)
class Attack:
    """One statement that breaks a rule. `refused`: the database itself says no; else the question finds it."""

    rule: str
    sql: str
    refused: bool = True


UNGUARDED = "ALTER TABLE splits.allocation DISABLE TRIGGER USER; "

ATTACKS = (
    Attack("K1", "UPDATE orders.collection SET destination = 'platform'"),
    Attack("K2", "INSERT INTO ledger.journal (org_id, id, key, content_hash, recipe, reference, books, effective_at, recorded_at) "
                 "SELECT org_id, 99999999, 'by hand', 0, 'T06', 'x', 2, now(), now() FROM ledger.journal LIMIT 1"),
    Attack("K2", "ALTER TABLE ledger.journal DISABLE TRIGGER append_only; UPDATE ledger.journal SET evidence = 'invented' WHERE recipe = 'T06'",
           refused=False),
    Attack("K2", "ALTER TABLE ledger.journal DISABLE TRIGGER append_only; UPDATE ledger.journal SET evidence = 'line:7:1' WHERE recipe = 'T06'",
           refused=False),
    Attack("K3", "INSERT INTO settlement.payout (org_id, id, merchant_id, channel_id, currency, instrument_id, account_ref, amount_minor, "
                 "state, needs_approval, requested_by, requested_at) SELECT org_id, 'po_x', id, 'ch', 'brl', 'pin_of_another', 'a', 1, "
                 "'requested', false, 'p', now() FROM merchants.merchant LIMIT 1"),
    Attack("K3", "INSERT INTO merchants.instrument (org_id, id, merchant_id, channel_id, holder_name, currency, ownership, state, "
                 "requested_by, created_at) SELECT org_id, 'pin_x', id, 'ch', name, 'brl', 'platform', 'requested', 'p', now() "
                 "FROM merchants.merchant LIMIT 1"),
    Attack("K4", "UPDATE ledger.account SET balance_minor = balance_minor + 1 WHERE code = 'psp_in_transit'", refused=False),
    Attack("K5", "UPDATE ledger.account SET held_minor = 1000000000 WHERE code LIKE 'member:%'"),
    Attack("K6", "UPDATE orders.collection SET escrow_minor = -1"),
    Attack("K6", "UPDATE orders.collection SET released_minor = amount_minor + 1"),
    Attack("K4", "INSERT INTO reconciliation.break (org_id, id, run_id, channel_id, type, kind, key, currency, amount_minor, severity, state, "
                 "found_at) SELECT org_id, 'brk_x', 'run_x', 'ch', 'balance', 'balance', 'platform', 'brl', 5, 'critical', 'open', now() "
                 "FROM orders.purchase LIMIT 1", refused=False),
    Attack("K6", "UPDATE splits.allocation SET amount_minor = amount_minor + 1"),
    Attack("K6", "INSERT INTO splits.allocation (org_id, collection_id, position, order_id, party, amount_minor, role) "
                 "SELECT org_id, collection_id, 99, order_id, party, 1, 'more' FROM splits.allocation LIMIT 1"),
    Attack("K6", UNGUARDED + "UPDATE splits.allocation SET amount_minor = amount_minor + 1", refused=False),
    Attack("K7", "UPDATE splits.allocation SET party = 'mer_stranger' WHERE party <> 'fee'"),
    Attack("K7", "INSERT INTO splits.allocation (org_id, collection_id, position, order_id, party, amount_minor, role) "
                 "SELECT org_id, collection_id, 99, order_id, 'mer_stranger', 0, 'party:x' FROM splits.allocation LIMIT 1"),
    Attack("K7", UNGUARDED + "UPDATE splits.allocation SET party = 'mer_stranger' WHERE party <> 'fee'", refused=False),
    Attack("K14", "UPDATE orders.collection SET freeze_ends_at = '2025-12-01', escrow_minor = 1, released_minor = released_minor - 1", refused=False),
    Attack("K14", "INSERT INTO settlement.suspense (org_id, id, channel_id, currency, amount_minor, evidence, arrived_at) "
                  "SELECT org_id, 'sus_x', 'ch', 'brl', 5, 'line:1:1', '2025-12-01' FROM orders.purchase LIMIT 1", refused=False),
    Attack("K14", "INSERT INTO orders.refund (org_id, id, order_id, collection_id, external_id, amount_minor, policy, state, attempt_key, created_at) "
                  "SELECT org_id, 'rfd_x', order_id, id, 'x', 5, 'proportional', 'funding', 'rfd_x', '2025-12-01' FROM orders.collection LIMIT 1",
           refused=False),
    Attack("K8", "INSERT INTO compliance.fee_rate (org_id, channel_id, valid_from, rate_bps, contract, agreed_by, approved_by) "
                 "SELECT org_id, 'ch', '2026-01-01', 10, 'C-1', 'person:a', 'person:b' FROM orders.purchase LIMIT 1", refused=False),
    Attack("K8", "UPDATE splits.allocation SET amount_minor = -1 WHERE party = 'fee'"),
    Attack("K9", "INSERT INTO ledger.journal (org_id, id, key, content_hash, recipe, reference, evidence, books, effective_at, recorded_at) "
                 "SELECT org_id, 99999999, 'by hand', 0, 'T06', 'x', 'e', 3, now(), now() FROM ledger.journal LIMIT 1"),
    Attack("K10", "UPDATE merchants.account SET agreed_at = NULL"),
    Attack("K10", "UPDATE merchants.account SET state = 'closed', agreed_at = NULL", refused=False),
    Attack("K12", "UPDATE orders.collection SET refunded_minor = amount_minor + 1"),
    Attack("K12", "UPDATE orders.purchase SET refunded_minor = collected_minor + 1"),
    Attack("K12", "UPDATE orders.collection SET refunded_minor = 1", refused=False),
    Attack("K12", "INSERT INTO orders.refund (org_id, id, order_id, collection_id, external_id, amount_minor, policy, state, attempt_key, created_at) "
                  "SELECT org_id, 'rfd_x', order_id, id, 'x', 1, 'proportional', 'succeeded', 'rfd_x', now() FROM orders.collection LIMIT 1; "
                  "UPDATE orders.collection SET refunded_minor = 1; "
                  "INSERT INTO orders.refund_line SELECT org_id, 'rfd_x', id, 1, 999999 FROM orders.purchase LIMIT 1", refused=False),
    Attack("K13", "ALTER TABLE ledger.journal DISABLE TRIGGER append_only; UPDATE ledger.journal SET reference = '' WHERE books = 2", refused=False),
    Attack("K13", "INSERT INTO ledger.journal (org_id, id, key, content_hash, recipe, evidence, books, effective_at, recorded_at) "
                  "SELECT org_id, 99999999, 'by hand', 0, 'T06', 'e', 2, now(), now() FROM ledger.journal LIMIT 1"),
    Attack("K17", "UPDATE channels.instruction SET key = 'twice' WHERE operation IN ('collect', 'split')"),
    Attack("K18", "UPDATE settlement.payout SET approved_by = requested_by"),
    Attack("K18", "UPDATE splits.rule SET activated_by = created_by"),
    Attack("K21", "UPDATE orders.line SET sold_by = 'platform'"),
    Attack("K21", "UPDATE orders.line SET seller_id = ''"),
)  # fmt: skip


@pytest.fixture
async def shop(dsn: str) -> AsyncIterator[Market]:
    async with market(dsn, {"ch": Bank(OWNED)}) as one:
        await merchants.create_payout_schedule(one.context, "by hand", {"interval": "manual"}, is_default=True)
        await one.take(one.order("A1", "ch", [("ana", 10_000, 0)], deliver_at=BEGIN))
        await one.advance(timedelta(hours=1))
        yield one


async def _broken(shop: Market) -> set[str]:
    async with shop.context.transaction() as tx:
        return {one.rule for one in await violations(tx, await shop.context.now(tx))}


async def test_a_market_at_work_breaks_no_rule(shop: Market) -> None:
    await shop.take(shop.order("A2", "ch", [("ana", 5_000, 0), ("bia", 300, 0)]))
    (taken,) = await shop.take(shop.order("A3", "ch", [("bia", 4_000, 0)]))
    await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "1", 1_000)])
    await shop.work()
    await cancel.cancel_orders(shop.context, [taken.order_id])
    await shop.work()
    assert await _broken(shop) == set()


@pytest.mark.parametrize("attack", ATTACKS, ids=[f"{one.rule}-{n}" for n, one in enumerate(ATTACKS)])
async def test_sql_is_refused_or_found(dsn: str, shop: Market, attack: Attack) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        if attack.refused:
            if attack.rule == "K18":
                await connection.execute(
                    "INSERT INTO settlement.payout (org_id, id, merchant_id, channel_id, currency, account_ref, amount_minor, state, "
                    "needs_approval, requested_by, requested_at) SELECT org_id, 'po_y', id, 'ch', 'brl', 'a', 1, 'requested', true, "
                    "'p', now() FROM merchants.merchant LIMIT 1"
                )
            with pytest.raises(asyncpg.IntegrityConstraintViolationError):
                await connection.execute(attack.sql)
            return
        await connection.execute(attack.sql)
    finally:
        await connection.close()
    assert attack.rule in await _broken(shop)


async def test_the_application_may_not_write_what_proves_the_rules(shop: Market) -> None:
    for statement in (
        "UPDATE ledger.account SET balance_minor = 0",
        "DELETE FROM ledger.journal",
        "UPDATE ledger.entry SET amount_minor = 1",
        "UPDATE orders.line SET seller_id = 'x'",
        "DELETE FROM orders.line",
        "UPDATE compliance.self_check SET signed_by = 'person:x'",
        "UPDATE compliance.fee_rate SET rate_bps = 10000",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with shop.context.transaction() as tx:
                await tx.run(statement)


def _journals() -> dict[str, Journal]:
    holder, event = Holder("ch", "brl"), Event("attack", "x", "by hand", BEGIN)
    into, out = {"member:m:withdrawable": 1}, {"psp_in_transit": 1}
    unproved = Event("attack", "x", "", BEGIN)
    both = custody_journal("T06", holder, event, out, into)
    own = platform_journal("T06", holder, event, {"own_bank": 1}, {"revenue": 1})
    return {
        "K2": custody_journal("T06", holder, unproved, out, into),
        "K4": Journal("attack", "T06", "x", BEGIN, both.legs[:1] + both.legs[:1], "by hand"),
        "K5": custody_journal("T06", holder, event, {"escrow:none": 1}, into),
        "K9": Journal("attack", "T06", "x", BEGIN, both.legs + own.legs, "by hand"),
        "K15": custody_journal("T06", holder, event, {"suspense": 1}, into),
        "K11": Journal(
            "attack",
            "T24",
            "x",
            BEGIN,
            (platform_journal("T24", holder, event, {"customer:c:credit": 1}, {"own_bank": 1}).legs[0], both.legs[1]),
            "by hand",
        ),
    }


@pytest.mark.parametrize("rule", sorted(_journals()))
async def test_the_ledger_posts_nothing_that_breaks_a_rule(shop: Market, rule: str) -> None:
    before = await shop.books()
    try:
        async with shop.context.transaction() as tx:
            results = await post(tx, [_journals()[rule]])
            assert not any(result.code.stands for result in results)
    except CauceError as refused:
        assert refused.code
    assert await shop.books() == before


async def test_flows_refuse_who_is_not_declared_agreed_or_within_the_contract(shop: Market) -> None:
    (stranger,) = await merchants.create_merchants(shop.context, [NewMerchant("Stranger")])
    await compliance.agree_fee_rate(shop.checker, "ch", 500, "C-1", agreed_by="person:maker")
    no_agreement = shop.order("B1", "ch", [("ana", 100, 0)])
    no_agreement = type(no_agreement)(**{**_fields(no_agreement), "lines": (NewLine(stranger, 100),)})
    taken = await orders.take_orders(shop.context, [no_agreement, shop.order("B2", "ch", [("ana", 1_000, 0)])])
    assert [one.refused.code if one.refused else "" for one in taken] == ["merchant_not_payable", "fee_above_contract"]
    with pytest.raises(CauceError) as refused:
        await compliance.agree_fee_rate(shop.checker, "ch", 9_000, "C-2", agreed_by="person:checker")
    assert refused.value.code == "rate_needs_second_person"


def _fields(order: object) -> dict[str, object]:
    return {name: getattr(order, name) for name in order.__slots__}  # type: ignore[attr-defined]


async def test_flows_refuse_more_than_was_paid_and_what_is_not_there(shop: Market) -> None:
    (taken,) = await shop.take(shop.order("B1", "ch", [("ana", 1_000, 0)]))
    with pytest.raises(CauceError) as refused:
        await refunds.refund_orders(shop.context, [AskRefund(taken.order_id, "1", 1_001)])
    assert refused.value.code == "refund_exceeds_paid"
    await release.release_orders(shop.context, [taken.order_id])
    with pytest.raises(CauceError) as refused:
        await release.release_orders(shop.context, [taken.order_id])
    assert refused.value.code == "order_not_releasable"
    rule_id, version = await merchants.draft_split_rule(shop.context, COMMISSION)
    with pytest.raises(CauceError) as refused:
        await merchants.activate_split_rule(shop.context, rule_id, version)
    assert refused.value.code == "rule_needs_second_person"


ANSWERS = {one.number: Answer("no" if one.stops == "yes" else "the holder", "contract 7") for one in QUESTIONS}


async def test_the_self_check_is_signed_by_a_person_and_only_while_every_rule_holds(dsn: str, shop: Market) -> None:
    key = shop.runtime.context(shop.org_id, actor=Actor("key:ak_1"))
    with pytest.raises(SelfCheckNeedsPerson):
        await compliance.sign(key, ANSWERS)
    assert not (await compliance.read_gate(shop.context)).is_open
    assert (await compliance.sign(shop.context, ANSWERS)).startswith("slc_")
    gate = await compliance.read_gate(shop.context)
    assert [one.is_signed for one in gate.channels] == [True]
    text = compliance.record_of(gate)
    assert "Signed by person:maker" in text and "no licence in force" in text and "K1 " in text
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        UNGUARDED + "UPDATE splits.allocation SET amount_minor = amount_minor + 1 WHERE party <> 'fee'"
    )
    await connection.close()
    with pytest.raises(RulesBroken):
        await compliance.sign(shop.context, ANSWERS)
    assert "K6" in {one.rule for one in (await compliance.read_gate(shop.context)).broken}


def test_every_rule_is_attacked_somewhere() -> None:
    attacked = {one.rule for one in ATTACKS} | set(_journals()) | set(ELSEWHERE)
    assert {rule.id for rule in RULES} <= attacked
    assert all(rule.query for rule in RULES if rule.id not in ("K19", "K20"))
