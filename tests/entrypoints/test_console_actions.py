"""What operators do from the console: each action has its effect, is told to the audit, and is refused where it must be."""

from __future__ import annotations

import re
from datetime import datetime

from cauce.channels import stops
from cauce.channels.service import list_channels
from cauce.entrypoints.web.texts import catalogue
from cauce.entrypoints.web.visits import make_link
from cauce.marketplace.compliance.rules import QUESTIONS
from cauce.marketplace.settlement import holidays
from cauce.storage import audit, outbox
from cauce.storage.directory.people import Role
from cauce.webhooks import service as webhooks
from cauce.webhooks import store as webhook_store
from tests.entrypoints.screenshots import addresses
from tests.entrypoints.stage import Stage
from tests.entrypoints.visitor import first_link, let_in, signed_in
from tests.flows.marketplace.market import COMMISSION

EN = catalogue("en")


async def _audited(one: Stage, object_id: str) -> list[tuple[str, bool]]:
    async with one.context.transaction() as tx:
        return [(row["action"], row["refused"]) for row in await audit.page(tx, object_id=object_id)]


async def test_a_payment_by_hand_settles_an_invoice_and_stands_in_the_ledger(played: Stage) -> None:
    owner, path = await signed_in(played), (await addresses(played))["invoice"]
    page = await owner.see(path)
    wrong = await owner.press(page, "/pay", amount="4.505")
    assert wrong.status_code == 422
    paid = await owner.press(page, "/pay", amount="4,50", reference="TRF 99")
    assert EN["state.paid"] in paid.text
    assert "TRF 99" in paid.text
    assert await _audited(played, path.rsplit("/", 1)[1]) == [("invoice.pay", False), ("invoice.pay", True)]
    journal = await owner.see(first_link(paid.text, "/console/ledger/journals/"))
    assert "receivable" in journal
    credited = await owner.press(paid.text, "/credit", amount="1.00", reason="goodwill")
    assert EN["invoices.notes"] in credited.text


async def test_a_customer_is_suspended_and_let_in_again(played: Stage) -> None:
    owner, path = await signed_in(played), (await addresses(played))["customer"]
    suspended = await owner.press(await owner.see(path), "/suspend")
    assert EN["state.suspended"] in suspended.text
    back = await owner.press(suspended.text, "/unsuspend")
    assert EN["customers.suspend"] in back.text
    actions = await _audited(played, path.rsplit("/", 1)[1])
    assert actions == [("customer.unsuspend", False), ("customer.suspend", False)]


async def test_an_endpoint_is_tested_and_its_delivery_sent_again(played: Stage) -> None:
    context = played.context
    async with context.transaction() as tx:
        endpoint_id, _ = await webhooks.create_endpoint(
            tx, context.runtime.sealer, "http://127.0.0.1:1/hook", ["plan.created"], await context.now(tx), loopback_allowed=True
        )  # fmt: skip
    owner = await signed_in(played)
    page = await owner.see("/console/webhooks")
    assert "http://127.0.0.1:1/hook" in page
    await owner.press(page, f"/{endpoint_id}/test")
    assert await _audited(played, endpoint_id) == [("endpoint.test", False)]
    async with context.transaction() as tx:
        assert [row["type"] for row in await outbox.events_of(tx, endpoint_id)] == ["endpoint.tested"]
        await webhook_store.set_state(tx, endpoint_id, "disabled")
    await owner.press(await owner.see("/console/webhooks"), f"/{endpoint_id}/enable")
    assert (await _audited(played, endpoint_id))[0] == ("endpoint.enable", False)
    async with context.transaction() as tx:
        await webhook_store.delete_endpoint(tx, endpoint_id)


async def test_a_subscription_is_ended_and_the_end_withdrawn(played: Stage) -> None:
    owner = await signed_in(played)
    path = first_link(await owner.see("/console/subscriptions?state=active"), "/console/subscriptions/sub_")
    ending = await owner.press(await owner.see(path), "/cancel", reason="too dear")
    assert "too dear" in ending.text
    assert EN["state.ends_then"] in ending.text
    kept = await owner.press(ending.text, "/undo")
    assert EN["state.ends_then"] not in kept.text


async def test_a_delivered_order_shows_who_got_what_by_which_instruction(played: Stage) -> None:
    owner, path = await signed_in(played), (await addresses(played))["order2"]
    before = await owner.see(path)
    assert EN["waterfall.waits"] in before
    assert EN["state.planned"] in before
    await owner.press(before, "/deliver")
    await played.work()
    after = await owner.see(path)
    assert EN["state.applied"] in after
    assert re.search(r"/console/requests\?correlation=spl_\w{26}", after)
    again = await owner.http.post(
        f"{path}/deliver", data={"form_token": re.findall(r'form_token" value="(\w+)"', after)[0]}
    )
    assert again.status_code == 409
    assert await _audited(played, path.rsplit("/", 1)[1]) == [("order.deliver", True), ("order.deliver", False)]


async def test_what_an_order_keeps_is_divided_from_its_page_once(played: Stage) -> None:
    market = played.market
    parts = [{"kind": "kept", "value": "0.20"}, *COMMISSION["parts"]]
    rule_id = await market.rule({**COMMISSION, "name": "retained", "parts": parts})
    (seller, *_) = market.sellers
    (taken,) = await market.take(market.order("KEPT-1", "ch_scheme", [(seller, 10_000, 0)], rule_id=rule_id))
    assert taken.refused is None
    owner, path = await signed_in(played), f"/console/orders/{taken.order_id}"
    page = await owner.see(path)
    assert EN["waterfall.kept"] in page and EN["state.kept"] in page
    typed = {"party": market.sellers[seller], "amount": "5", "reason": "accepted"}
    assert (await owner.press(page, "/kept", **typed)).status_code == 200
    assert (await owner.press(page, "/kept", **typed)).status_code == 409
    assert EN["orders.kept_parts"] in await owner.see(path)
    assert await _audited(played, taken.order_id) == [("order.split_kept", True), ("order.split_kept", False)]
    async with played.context.transaction() as tx:
        given = await tx.rows("SELECT amount_minor, reason FROM splits.kept_part WHERE order_id = $1", taken.order_id)
    assert [(row["amount_minor"], row["reason"]) for row in given] == [(500, "accepted")]


async def test_a_form_that_is_sent_twice_refunds_once(played: Stage) -> None:
    owner, path = await signed_in(played), (await addresses(played))["order"]
    page = await owner.see(path)
    for _ in range(2):
        answer = await owner.press(page, "/refund", amount="10", reason="broken")
        assert answer.status_code == 200
    await played.work()
    async with played.context.transaction() as tx:
        made = await tx.rows(
            "SELECT amount_minor, state FROM orders.refund WHERE org_id = $1 AND order_id = $2",
            tx.org,
            path.rsplit("/", 1)[1],
        )
    assert [row["amount_minor"] for row in made] == [1_000]
    assert EN["orders.refunds"] in await owner.see(path)
    too_much = await owner.press(await owner.see(path), "/refund", amount="99999", reason="broken")
    assert too_much.status_code in (409, 422)


async def test_a_break_is_put_into_a_case_and_the_case_given_to_somebody_else(played: Stage) -> None:
    owner = await signed_in(played)
    path = first_link(await owner.see("/console/breaks?state=open"), "/console/breaks/brk_")
    page = await owner.see(path)
    assert (await owner.press(page, "/case", cause=" ", owner="ana")).status_code == 422
    put = await owner.press(page, "/case", cause="yearly fee", owner="ana")
    assert EN["state.assigned"] in put.text and EN["cases.put"] not in put.text
    board = await owner.see("/console/breaks")
    assert "yearly fee" in board
    assert "Bo Chen" in (await owner.press(board, "/assign", owner="Bo Chen")).text


async def test_a_break_with_money_takes_two_persons(played: Stage) -> None:
    owner = await signed_in(played)
    finance = await signed_in(played, "finance@example.com", Role.FINANCE)
    path = (await addresses(played))["break"]
    proposed = await owner.press(
        await owner.see(path), "/propose", trigger="accept", resolution="small difference", evidence="mail of the bank"
    )
    assert "small difference" in proposed.text
    alone = await owner.press(proposed.text, "/approve")
    assert alone.status_code == 403
    page = await finance.see(path)
    forged = await finance.press(page, "/approve", proposal="1")
    assert forged.status_code == 409
    done = await finance.press(page, "/approve")
    assert EN["state.accepted"] in done.text
    assert "ana@example.com" in done.text
    assert "finance@example.com" in done.text


async def test_a_break_is_explained_by_one_person_with_evidence(played: Stage) -> None:
    owner = await signed_in(played)
    path = first_link(await owner.see("/console/breaks?state=open"), "/console/breaks/brk_")
    page = await owner.see(path)
    assert (await owner.press(page, "/explain", resolution="late", evidence=" ")).status_code == 422
    assert EN["state.explained"] in (await owner.press(page, "/explain", resolution="late", evidence="file")).text


async def test_a_large_payout_waits_for_somebody_else(played: Stage) -> None:
    owner = await signed_in(played)
    finance = await signed_in(played, "finance@example.com", Role.FINANCE)
    order = played.market.order("BIG-1", "ch_scheme", [("ana", 300_000, 0)], placed_at=await _now(played))
    (taken,) = await played.market.take(order)
    await owner.press(await owner.see(f"/console/orders/{taken.order_id}"), "/release")
    await played.work()
    merchant = f"/console/merchants/{played.market.sellers['ana']}"
    page = await owner.see(merchant)
    far_too_much = await owner.press(page, "/payouts", amount="900000", **{"from": "ch_scheme|brl"})
    assert far_too_much.status_code in (409, 422)
    await owner.press(page, "/payouts", amount="2000", **{"from": "ch_scheme|brl"})
    waiting = await owner.see("/console/payouts?state=requested")
    assert (await owner.press(waiting, "/approve")).status_code == 403
    await finance.press(await finance.see("/console/payouts?state=requested"), "/approve")
    await played.work()
    assert EN["payouts.none"] in await owner.see("/console/payouts?state=requested")


async def test_a_merchant_is_edited_restricted_and_let_in_again(played: Stage) -> None:
    owner = await signed_in(played)
    reader = await signed_in(played, "reader@example.com", Role.SUPPORT)
    merchant = played.market.sellers["bia"]
    page = await owner.see(f"/console/merchants/{merchant}")
    edited = await owner.press(page, "/edit", name="Bia & Co", email="bia@example.com", country="BR")
    assert "bia@example.com" in edited.text
    restricted = await owner.press(edited.text, "/restrict", reason="complaints")
    assert EN["state.restricted"] in restricted.text
    refused = await reader.press(await reader.see(f"/console/merchants/{merchant}"), "/reactivate")
    assert refused.status_code == 403
    assert EN["merchants.restrict"] in (await owner.press(restricted.text, "/reactivate")).text
    lines = await _audited(played, merchant)
    assert lines == [("merchant.reactivate", False), ("merchant.restrict", False), ("merchant.update", False)]


async def test_payouts_to_a_merchant_are_paused_and_his_own_page_says_so(played: Stage) -> None:
    owner, merchant_id = await signed_in(played), played.market.sellers["bia"]
    page = await owner.see(f"/console/merchants/{merchant_id}")
    paused = await owner.press(page, "/pause_payouts", reason="no invoice")
    assert EN["state.payouts_paused"] in paused.text
    assert (await owner.press(page, "/payouts", amount="1", **{"from": "ch_scheme|brl"})).status_code == 409
    his = await let_in(played, await make_link(played.context, merchant_id))
    assert EN["portal.payouts_paused"] in await his.see(f"/portal/{played.org.public_id}/merchant")
    resumed = await owner.press(paused.text, "/resume_payouts")
    assert EN["state.payouts_paused"] not in resumed.text


async def _now(one: Stage) -> datetime:
    async with one.context.transaction() as tx:
        return await one.context.now(tx)


async def test_the_self_check_is_signed_only_whole_and_a_licence_is_recorded(played: Stage) -> None:
    owner = await signed_in(played)
    page = await owner.see("/console/compliance")
    assert (await owner.press(page, "/sign", answer_1="the bank")).status_code == 422
    said = {f"{name}_{one.number}": "checked" for one in QUESTIONS for name in ("answer", "evidence")}
    signed = await owner.press(page, "/sign", **said)
    assert EN["compliance.open"] in signed.text
    licence = {
        "channel": "ch_wallet", "class": "bank", "holder": "Second Bank", "kind": "bank", "number": "B-7",
        "authority": "Central bank", "clearing_route": "own", "valid_from": "2026-01-01", "valid_until": "2028-01-01",
    }  # fmt: skip
    assert "Second Bank" in (await owner.press(page, "/licences", **licence)).text


async def test_holidays_are_added_read_from_a_file_and_removed(played: Stage) -> None:
    owner = await signed_in(played)

    async def days() -> list[tuple[str, str, bool]]:
        async with played.context.transaction() as tx:
            return [(row["market"], row["day"].isoformat(), row["works"]) for row in await holidays.holidays(tx)]

    page = await owner.see("/console/holidays")
    typed = {"day": "2027-02-15", "until": "2027-02-17", "name": "Carnaval", "market": "br", "works": "no"}
    shown = await owner.press(page, "/add", **typed)
    assert "Carnaval" in shown.text and EN["holidays.closed"] in shown.text
    assert await days() == [("br", f"2027-02-{n}", False) for n in (15, 16, 17)]
    page = await owner.see("/console/holidays")
    await owner.upload(page, "/upload", ("days.csv", b"day,name,works\n2027-01-02,Turno,yes\n"), market="")
    assert ("", "2027-01-02", True) in await days()
    page = await owner.see("/console/holidays?market=br")
    assert "Carnaval" in page and "Turno" not in page
    await owner.press(page, "/remove", market="br", day="2027-02-16")
    assert [one for one in await days() if one[0] == "br"] == [("br", f"2027-02-{n}", False) for n in (15, 17)]
    for bad in ({"day": "soon"}, {"until": "2026-01-01"}, {"market": "Brasil!"}):
        assert (await owner.press(page, "/add", **{**typed, **bad})).status_code == 422
    viewer = await signed_in(played, "viewer2@example.com", Role.VIEWER)
    assert (await viewer.press(page, "/add", **typed)).status_code == 403
    async with played.context.transaction() as tx:
        told = [row["action"] for row in await audit.page(tx)]
    assert told.count("holidays.change") == 3


CSV_MAP = """
currency: brl
account_ref: "6222 0000"
date_format: "%Y-%m-%d"
amount_mode: signed
columns: {booking_date: day, amount: amount, bank_ref: number}
"""


async def test_a_banks_file_is_uploaded_once_and_its_stray_credit_is_found(played: Stage) -> None:
    owner = await signed_in(played)
    page = await owner.see("/console/statements")
    typed = {"channel": "ch_scheme", "format": "csv", "map": CSV_MAP}
    file = ("bank.csv", b"day,amount,number\n2026-01-16,12.50,b-1\n")
    for _ in range(2):
        answer = await owner.upload(page, "/upload", file, **typed)
        assert answer.status_code == 200, answer.text[:500]
        assert EN["statements.upload"] in answer.text
    async with played.context.transaction() as tx:
        rows = await tx.rows("SELECT amount_minor, ref FROM settlement.suspense WHERE ref = 'b-1'")
        told = [row["action"] for row in await audit.page(tx)]
    assert [row["amount_minor"] for row in rows] == [1_250]
    assert told.count("statement.upload") == 2
    for bad in (("x.csv", b"nothing,like\nit,1\n"), ("x.xml", b"<xml")):
        assert (await owner.upload(page, "/upload", bad, **typed)).status_code in (400, 409, 422)
    assert (await owner.upload(page, "/upload", ("", b""), **typed)).status_code == 422
    mt940 = ("a.sta", b"not mt940")
    assert (await owner.upload(page, "/upload", mt940, channel="ch_scheme", format="mt940")).status_code == 422
    viewer = await signed_in(played, "viewer@example.com", Role.VIEWER)
    refused = await viewer.upload(page, "/upload", file, **typed)
    assert refused.status_code == 403


async def test_calls_that_a_set_up_stopped_are_shown_and_resumed_on_the_jobs_page(played: Stage) -> None:
    async with played.context.transaction() as tx:
        (channel, *_) = await list_channels(tx)
        stop = (channel["id"], "acct_x", "col_x", "NO_AUTH", "splitting is not enabled")
        await stops.stop_calls(tx, [stop], await played.context.now(tx))
    owner = await signed_in(played)
    page = await owner.see("/console/jobs")
    assert EN["jobs.stopped"] in page and "splitting is not enabled" in page and "acct_x" in page
    resumed = await owner.press(page, f"/console/channels/{channel['id']}/resume", merchant_ref="acct_x")
    assert "splitting is not enabled" not in resumed.text
    async with played.context.transaction() as tx:
        assert await stops.stops(tx) == []
    assert (await _audited(played, channel["id"]))[0] == ("channel.resume_calls", False)


async def test_a_command_that_waits_is_shown_and_tried_again_on_the_jobs_page(played: Stage) -> None:
    async with played.context.transaction() as tx:
        key = await tx.value(
            "UPDATE channels.instruction i SET state = 'unknown', concluded_at = NULL, needs_person_since = now(), tries = 8,"
            ' outcome = \'{"kind": "unknown", "reason": "429 come later", "ask_after_seconds": 9}\''
            " WHERE i.org_id = $1 AND i.key = (SELECT key FROM channels.instruction WHERE org_id = $1 AND operation = 'split' LIMIT 1)"
            " RETURNING key",
            tx.org,
        )
    owner = await signed_in(played)
    page = await owner.see("/console/jobs")
    assert EN["jobs.held"] in page and "429 come later" in page and key in page
    again = await owner.press(page, f"/console/commands/{key}/try_again")
    assert "429 come later" not in again.text
    assert (await _audited(played, key))[0] == ("instruction.try_again", False)
