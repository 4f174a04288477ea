"""Customers as relations: one page with all of it, segments that mean one set everywhere, a pipeline that follows states."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cauce.billing.conversations.rules import Person
from cauce.billing.relations import knowing as relations
from cauce.billing.relations.filters import BadFilter, Filter, filter_from
from cauce.entrypoints.web.texts import catalogue
from cauce.flows.billing.usage import create_meter
from cauce.flows.chat import talking
from cauce.reports import relations as report
from cauce.reports import segments
from cauce.storage.directory import keys
from tests.entrypoints.stage import Stage
from tests.entrypoints.visitor import first_link, signed_in, visitor

EN = catalogue("en")


async def _customer(one: Stage, external_id: str) -> str:
    async with one.context.transaction() as tx:
        found: str = await tx.value(
            "SELECT id FROM customers.customer WHERE org_id = $1 AND external_id = $2", tx.org, external_id
        )
        return found


async def test_the_customers_page_shows_and_takes_all_that_staff_know(played: Stage) -> None:
    owner, customer_id = await signed_in(played), await _customer(played, "ana")
    path = f"/console/customers/{customer_id}"
    page = await owner.see(path)
    for action, typed in (
        ("/tags", {"tag": "  Beta Tester "}),
        ("/notes", {"body": "Likes <b>calls</b> in the morning"}),
        ("/todos", {"title": "Call about the yearly plan", "owner": "ana@example.com", "due_on": "2026-06-01"}),
        ("/owner", {"owner": "ana@example.com"}),
    ):
        answer = await owner.press(page, action, **typed)
        assert answer.status_code == 200, action
    after = await owner.see(path)
    for text in ("beta tester", "Likes &lt;b&gt;calls&lt;/b&gt; in the morning", "Call about the yearly plan"):
        assert text in after
    assert (await owner.press(after, "/owner", owner="stranger@example.com")).status_code == 422
    assert (await owner.press(after, "/tags", tag="a,b")).status_code == 422
    untagged = await owner.press(after, "/tags/drop")
    assert "beta tester" not in untagged.text
    tasks = await owner.see("/console/todos")
    done = await owner.press(tasks, "/done")
    assert "Call about the yearly plan" not in done.text
    assert "Call about the yearly plan" in await owner.see("/console/todos?view=done")


async def test_one_timeline_holds_events_chat_mails_and_notes_and_is_read_to_its_end(played: Stage) -> None:
    customer_id = await _customer(played, "bruno")
    await talking.hear(played.context, Person(customer_id, name="Bruno"), "Where is my invoice?")
    async with played.context.transaction() as tx:
        now = await played.context.now(tx)
        await relations.note(tx, customer_id, "ana@example.com", "asked for his invoice", now)
    async with played.context.transaction() as tx:
        rows = await report.timeline(tx, customer_id, rows_max=500)
        first = await report.timeline(tx, customer_id, rows_max=3)
        rest = await report.timeline(tx, customer_id, before=first[-1]["occurred_at"], rows_max=500)
    kinds = {row["type"] for row in rows}
    assert {"note", "conversation.customer", "subscription.created", "invoice.paid"} <= kinds
    assert [row["occurred_at"] for row in rows] == sorted((row["occurred_at"] for row in rows), reverse=True)
    assert {(row["type"], row["object_id"]) for row in rest} < {(row["type"], row["object_id"]) for row in rows}


async def test_a_segment_means_the_same_customers_in_count_list_file_and_bulk_action(played: Stage) -> None:
    owner = await signed_in(played)
    looked = await owner.see("/console/segments?state=active&plan=team")
    async with played.context.transaction() as tx:
        wanted = Filter(states=("active",), plans=("team",))
        many = await segments.count(tx, wanted.parts())
        listed = {row["id"] for row in await segments.page(tx, wanted.parts())}
        known = await tx.rows("SELECT id FROM customers.customer WHERE org_id = $1", tx.org)
        ids = [row["id"] for row in known]
        others = {"none": Filter(countries=("AQ",)), "all": Filter(), "owes": Filter(owes=True)}
        filters = {"wanted": wanted, **others}
        each = await segments.among(tx, {name: one.parts() for name, one in filters.items()}, ids)
        apart = {
            name: {row["id"] for row in await segments.page(tx, one.parts(), rows_max=10_000)}
            for name, one in filters.items()
        }
        assert each == apart, "asked together, each means what it means alone"
        assert await segments.among(tx, {"wanted": wanted.parts()}, []) == {"wanted": frozenset()}
        among = set(each["wanted"])
        meant = await tx.rows(
            "SELECT DISTINCT s.customer_id FROM subscriptions.subscription s JOIN catalog.plan p ON p.org_id = $1 AND p.id = s.plan_id"
            " WHERE s.org_id = $1 AND s.status = 'active' AND p.key = 'team'",
            tx.org,
        )
    assert listed == among == {row["customer_id"] for row in meant}
    assert many == len(listed) > 0
    saved = await owner.press(looked, "/console/segments", name="Active teams")
    assert saved.url.path.startswith("/console/segments/seg_")
    file = await owner.http.get(f"{saved.url.path}/customers.csv")
    assert len(file.text.splitlines()) == many + 1
    await owner.press(saved.text, "/tag", tag="vip")
    async with played.context.transaction() as tx:
        assert await segments.count(tx, Filter(tags=("vip",)).parts()) == many
        assert await segments.count(tx, Filter(tags=("vip",), without_tags=("vip",)).parts()) == 0
        assert await segments.count(tx, Filter(states=("active",), without_tags=("vip",), plans=("team",)).parts()) == 0
    twice = await owner.press(looked, "/console/segments", name="Active teams")
    assert twice.status_code == 409


async def test_revenue_use_and_age_bound_a_segment_from_both_sides(played: Stage) -> None:
    owner = await signed_in(played)
    async with played.context.transaction() as tx:
        everybody = await segments.count(tx, Filter().parts())
        now = await played.context.now(tx)
    await create_meter(played.context, "calls", "sum", name="Calls")
    async with played.context.transaction() as tx:
        first = await tx.row(
            "SELECT id, customer_id FROM subscriptions.subscription WHERE org_id = $1 AND status = 'active' ORDER BY id LIMIT 1", tx.org
        )  # fmt: skip
        assert first is not None
        await tx.run(
            "INSERT INTO usage.rollup (org_id, subscription_id, meter_key, day, events, total, highest, latest, latest_at)"
            " VALUES ($1, $2, 'calls', $3, 2, 120, 70, 50, $4)",
            tx.org, first["id"], now.date(), now,
        )  # fmt: skip

    async def size(**plain: object) -> int:
        async with played.context.transaction() as tx:
            return await segments.count(tx, filter_from(plain).parts())

    assert await size(meter="calls", used_min=120) == 1
    assert await size(meter="calls", used_min=121) == 0
    assert await size(meter="calls", used_max=120) == everybody
    assert await size(meter="calls", used_max=119) == everybody - 1
    assert await size(meter="calls", used_min=1, used_max=200) == 1
    assert await size(meter="nothing", used_min=1) == 0
    for bad in (
        {"used_min": 1},
        {"meter": "calls"},
        {"meter": "calls", "used_min": -1},
        {"meter": "calls", "used_min": 1.5},
    ):
        with pytest.raises(BadFilter):
            filter_from(bad)
    today, page = now.date().isoformat(), "/console/segments?currency=eur&mrr_min=9&meter=calls&used_min=120"
    saved = await owner.press(await owner.see(f"{page}&made_until={today}"), "/console/segments", name="Heavy users")
    assert "120" in saved.text
    for bad_part in ("mrr_min=x&currency=eur", "mrr_min=1", "used_min=x&meter=calls", "made_from=soon", "currency=xyz"):
        assert (await owner.http.get(f"/console/segments?{bad_part}")).status_code == 422, bad_part


async def test_every_part_of_a_filter_cuts_and_its_opposite_gives_the_rest(played: Stage) -> None:
    async with played.context.transaction() as tx:
        now = await played.context.now(tx)
        everybody = await segments.count(tx, Filter().parts())
        for part in ({"has_method": True}, {"owes": True}):
            (name,) = part
            yes, no = [await segments.count(tx, filter_from({name: flag}).parts()) for flag in (True, False)]
            assert yes + no == everybody
            assert yes > 0, name
            assert no > 0, name
        early = await segments.count(tx, Filter(created_before=now - timedelta(days=30)).parts())
        late = await segments.count(tx, Filter(created_from=now - timedelta(days=30)).parts())
        assert early + late == everybody
        assert await segments.count(tx, Filter(countries=("ES",)).parts()) == 1
        rich = await segments.count(tx, Filter(currency="eur", mrr_min_minor=2_000).parts())
        poor = await segments.count(tx, Filter(currency="eur", mrr_max_minor=1_999).parts())
        assert 0 < rich < rich + poor <= everybody
        assert await segments.count(tx, Filter(did=("never_happened",)).parts()) == 0
        assert await segments.count(tx, Filter(did_not=("never_happened",)).parts()) == everybody


async def test_the_pipeline_never_contradicts_the_states(played: Stage) -> None:
    async with played.context.transaction() as tx:
        now = await played.context.now(tx)
        found = await report.pipeline(tx, now, now - timedelta(days=365))
        rows = await tx.rows(
            "SELECT DISTINCT ON (customer_id) status, cancel_at_period_end FROM subscriptions.subscription WHERE org_id = $1"
            " ORDER BY customer_id, array_position(ARRAY['active', 'past_due', 'unpaid', 'trialing', 'incomplete', 'paused', 'draft', 'canceled', 'expired'], status::text)",
            tx.org,
        )
    counted = {stage: sum(row["customers"] for row in found.rows if row["stage"] == stage) for stage in report.STAGES}
    assert sum(counted.values()) == len(rows)
    trying = sum(row["status"] in ("trialing", "incomplete", "draft") for row in rows)
    assert counted["requested"] + counted["using"] + counted["card_added"] == trying
    assert counted["at_risk"] >= sum(row["status"] in ("past_due", "unpaid") for row in rows)
    assert found.tried >= found.paid > 0
    page = await (await signed_in(played)).see("/console/pipeline")
    assert EN["pipeline.paying"] in page


async def test_all_of_it_by_the_api(played: Stage) -> None:
    async with played.runtime.db.transaction() as tx:
        _, secret = await keys.create_key(
            tx, played.org.id, played.org.mode, "crm", frozenset({"read", "billing:write"})
        )
    http = visitor(played.url).http
    http.headers["authorization"] = f"Bearer {secret}"
    tagged = await http.post("/v1/customers/carla/tags", json={"tag": "Slow Payer"})
    assert tagged.json()["tags"] == ["slow payer"]
    assert (await http.post("/v1/customers/carla/notes", json={"body": "called"})).status_code == 201
    assert (await http.put("/v1/customers/carla/owner", json={"owner": "ana@example.com"})).status_code == 200
    known = (await http.get("/v1/customers/carla/tags")).json()
    assert (known["owner"], [one["body"] for one in known["notes"]]) == ("ana@example.com", ["called"])
    task = (await http.post("/v1/todos", json={"title": "Write", "customer": "carla", "due_on": "2026-07-01"})).json()
    assert [one["id"] for one in (await http.get("/v1/todos?customer=carla")).json()["data"]] == [task["id"]]
    assert (await http.post(f"/v1/todos/{task['id']}/done")).status_code == 200
    assert (await http.post(f"/v1/todos/{task['id']}/done")).status_code == 409
    preview = await http.post("/v1/segments/preview", json={"filter": {"tags": ["slow payer"]}})
    assert preview.json()["customers"] == 1
    assert (await http.post("/v1/segments/preview", json={"filter": {"shoe_size": 43}})).status_code == 422
    made = (await http.post("/v1/segments", json={"name": "Slow", "filter": {"tags": ["slow payer"]}})).json()
    members = (await http.get(f"/v1/segments/{made['id']}/customers")).json()["data"]
    assert [one["external_id"] for one in members] == ["carla"]
    timeline = (await http.get("/v1/customers/carla/timeline?limit=200")).json()["data"]
    assert {"note", "task.created", "task.completed"} <= {one["type"] for one in timeline}
    assert (await http.get("/v1/pipeline")).json()["trials_begun"] > 0
    talk = (await http.post("/v1/conversations", json={"customer": "carla", "text": "Hello"})).json()
    assert (
        await http.post(f"/v1/conversations/{talk['id']}/messages", json={"text": "Hi", "author": "Ana"})
    ).status_code == 201
    said = (await http.get(f"/v1/conversations/{talk['id']}")).json()["messages"]
    assert [(one["side"], one["body"]) for one in said] == [("customer", "Hello"), ("staff", "Hi")]
    link = (await http.post("/v1/customers/carla/portal_links")).json()["url"]
    assert first_link(f'<a href="{link}">', link)
