"""One message to everybody of a segment (B9): its size is shown before, each gets it once, consent and bounces hold as ever.

The job writes a chunk of messages in one transaction and hands the rest to the next: a killed worker doubles nothing.
"""

from __future__ import annotations

from cauce.billing.outreach import service
from cauce.billing.outreach.presenting import locale_for
from cauce.billing.outreach.rules import Category, NewMessage, Recipient
from cauce.billing.relations import knowing as relations
from cauce.billing.relations.filters import filter_from
from cauce.flows.context import Context
from cauce.flows.outreach.links import page_links
from cauce.flows.outreach.mail_settings import settings_of
from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.kernel.ids import new_id
from cauce.reports import outreach as reports
from cauce.reports import segments
from cauce.storage import audit, jobs
from cauce.storage.directory.orgs import read_org
from cauce.storage.jobs import Job, NewJob

WRITE_JOB = "outreach.write"
TEMPLATE = "note"
TITLE_CHARACTERS_MAX = 200
TEXT_CHARACTERS_MAX = 10_000
_CHUNK = 500


class SegmentChanged(Conflict):
    """The segment means more customers now than were shown; look again."""

    code = "segment_changed"


async def write_to_segment(
    context: Context, segment_id: str, title: str, text: str, category: Category, *, size: int
) -> str:
    """Begin to write to everybody who belongs to the segment; the writing's id. `size`: how many were shown."""
    title, text = title.strip(), text.strip()
    if not 1 <= len(title) <= TITLE_CHARACTERS_MAX or not 1 <= len(text) <= TEXT_CHARACTERS_MAX:
        raise InvalidRequest(
            f"a message has a title of 1 to {TITLE_CHARACTERS_MAX} and a text of 1 to {TEXT_CHARACTERS_MAX} characters",
            param="title",
        )
    writing = new_id("cmp")
    async with context.transaction() as tx:
        _, wanted = await relations.segment(tx, segment_id)
        if (found := await segments.count(tx, wanted.parts())) > size:
            raise SegmentChanged(f"the segment means {found} customers now", param="size")
        payload = {
            "writing": writing, "segment": segment_id, "filter": wanted.plain(), "title": title, "text": text,
            "category": category.value, "after": "",
        }  # fmt: skip
        await jobs.enqueue(tx, [NewJob(WRITE_JOB, await context.now(tx), payload, key=f"write:{writing}")])
        told = {"writing": writing, "title": title, "category": category.value, "customers": found}
        await audit.record(tx, context.actor, "segment.write", segment_id, after=told)
    return writing


async def write_chunk(context: Context, job: Job) -> None:
    """The job: queue the next chunk's messages, and the job behind it."""
    told = job.payload
    category = Category(told["category"])
    async with context.transaction() as tx:
        org, now = await read_org(tx, tx.org), await context.now(tx)
        wanted = filter_from(told["filter"])
        rows = await segments.page(tx, wanted.parts(), after=told["after"], rows_max=_CHUNK)
        known = (await reports.facts(tx, [(row["id"], "") for row in rows], now)).values()
        links = page_links(context.runtime.public_url, org)
        messages = [
            NewMessage(
                Recipient(one["customer"], one["email"], one["name"], locale_for(one["locale"]), one["timezone"]),
                TEMPLATE,
                {
                    "customer_name": one["name"] or one["external_id"], "org_name": org.name, **links,
                    "title": told["title"], "text": told["text"],
                },
                category, "", f"segment_{told['segment']}", "note", told["writing"],
            )
            for one in known
            if one["email"] and not one["erased"]
        ]  # fmt: skip
        opt_in = settings_of(org).marketing_opt_in
        await service.queue(tx, messages, now, opt_in=opt_in)
        if len(rows) == _CHUNK:
            rest = {**told, "after": rows[-1]["id"]}
            await jobs.enqueue(tx, [NewJob(WRITE_JOB, now, rest, key=f"write:{told['writing']}")])
        await context.finish_job(tx)
