"""A provider's webhook: verified on its raw bytes, stored once under the provider's own event id, then worked on.

The acknowledgement goes out when the notice is durable, not when it has had its effect. A notice about one of our
instructions ends in `conclude` like every other answer: directly where the provider's notices are final, else by
asking. What answers no instruction (a dispute, a method changed elsewhere) goes to the flow of its kind.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from cauce.channels import rules, store
from cauce.channels.rules import Instruction
from cauce.flows import instruct
from cauce.flows.context import Context, Runtime
from cauce.flows.together import together
from cauce.gateway.collecting import Operation
from cauce.gateway.errors import BadNotice, BadSignature
from cauce.gateway.reporting import Acknowledgement, Notice, NoticeKind, ParsedNotice
from cauce.storage import jobs
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import resolve_inbound
from cauce.storage.jobs import Job, NewJob
from cauce.storage.orgclock import org_now
from cauce.storage.outbox import NewEvent, emit

PROCESS_JOB = "notice.process"
TOLD_EVERY = timedelta(hours=1)

_Found = tuple[Notice, Instruction | None]


async def receive(
    runtime: Runtime, token: str, headers: Mapping[str, str], body: bytes, received_at: datetime
) -> Acknowledgement:
    """Verify and store one delivery; what to answer. `received_at` is wall time, header names are lower case.

    Raises `NotFound` for an unknown address and `BadSignature`, `StaleNotice` or `BadNotice` for what is not genuine.
    """
    org_id, channel_id = await _address(runtime, token)
    context = runtime.context(org_id, cause="notice")
    _, gateway = await context.gateway(channel_id)
    try:
        parsed = await _parse(gateway, headers, body, received_at)
    except (BadSignature, BadNotice) as refused:
        await together(context, "notice.refused", (channel_id, refused.message), _refuse)
        raise
    await keep(context, channel_id, parsed.notices)
    return parsed.acknowledgement


async def _address(runtime: Runtime, token: str) -> tuple[int, str]:
    """Whose address it is; remembered by the process, for a token keeps its channel for ever."""
    known: dict[str, tuple[int, str]] = runtime.db.memory.setdefault("flows.inbound.known", {})
    if token not in known:
        one_at_a_time: asyncio.Lock = runtime.db.memory.setdefault("flows.inbound.lock", asyncio.Lock())
        async with one_at_a_time:  # a burst of first deliveries asks once
            if token not in known:
                async with runtime.db.transaction() as tx:
                    known[token] = await resolve_inbound(tx, token)
    return known[token]


async def _parse(gateway: Any, headers: Mapping[str, str], body: bytes, received_at: datetime) -> ParsedNotice:
    """Verify and parse; where the provider's keys can be loaded afresh, a signature that does not fit is tried once more."""
    try:
        parsed: ParsedNotice = gateway.parse_notice(headers, body, received_at)
    except BadSignature:
        if not hasattr(gateway, "load_verification_keys"):
            raise
        await gateway.load_verification_keys()
        parsed = gateway.parse_notice(headers, body, received_at)
    return parsed


async def _refuse(_: Context, tx: Tx, refused: list[tuple[str, str]]) -> list[None]:
    """Count deliveries that were refused; told at most once an hour for a channel, whoever sends them."""
    now = await org_now(tx)
    for channel_id, many in sorted(Counter(one for one, _ in refused).items()):
        total, before = await store.count_refused(tx, channel_id, many, now)
        if before is None or now - before >= TOLD_EVERY:
            reason = next(reason for one, reason in refused if one == channel_id)
            content = {"reason": reason, "refused": total}
            await emit(tx, [NewEvent("provider.webhook_rejected", channel_id, now, content)], actor="system")
    return [None] * len(refused)


async def dead_lettered(tx: Tx, job: Job, reason: str, now: datetime) -> None:
    """Every try to give a notice its effect failed: it lies with the buried jobs until somebody lets it try again."""
    channel_id = str(job.payload["channel_id"])
    await store.lock_channel(tx, channel_id)
    content = {"event_id": job.payload["event_id"], "job": job.id, "reason": reason}
    await emit(tx, [NewEvent("provider.event_dead_lettered", channel_id, now, content)], actor="system")


async def keep(context: Context, channel_id: str, notices: tuple[Notice, ...]) -> int:
    """Store verified notices once each and enqueue their processing; how many were new. Durable when this returns.

    Deliveries of the same moment share a transaction. A notice that repeats what is final already, or concerns nobody,
    is kept and done at once.
    """
    return await together(context, "notice.keep", (channel_id, notices), _keep)


async def _keep(context: Context, tx: Tx, deliveries: list[tuple[str, tuple[Notice, ...]]]) -> list[int]:
    now = await context.now(tx)
    by_channel: dict[str, dict[str, Notice]] = {}
    for channel_id, notices in deliveries:
        for notice in notices:
            by_channel.setdefault(channel_id, {}).setdefault(notice.event_id, notice)
    new: set[tuple[str, str]] = set()
    for channel_id in sorted(by_channel):
        new |= {(channel_id, one) for one in await _keep_new(context, tx, channel_id, by_channel[channel_id], now)}
    counts = []
    for channel_id, notices in deliveries:
        mine = {(channel_id, notice.event_id) for notice in notices} & new
        counts.append(len(mine))
        new -= mine  # the same event delivered twice at one moment is new once
    return counts


async def _keep_new(
    context: Context, tx: Tx, channel_id: str, notices: Mapping[str, Notice], now: datetime
) -> list[str]:
    """Notices of one channel by event id, in the order of their arrival; the ids of those that were new."""
    in_order = [_plain(notices[event_id]) for event_id in sorted(notices)]  # two servers may be told the same at once
    new = set(await store.insert_notices(tx, channel_id, in_order, now))
    fresh = [notice for notice in notices.values() if notice.event_id in new]
    news = await _news(context, tx, channel_id, fresh)
    await jobs.enqueue(
        tx,
        [
            NewJob(PROCESS_JOB, now, {"channel_id": channel_id, "event_id": notice.event_id}, key=_order(notice))
            for notice in news
        ],
    )
    working = {notice.event_id for notice in news}
    await store.finish_notices(tx, [(channel_id, one.event_id) for one in fresh if one.event_id not in working])
    return [notice.event_id for notice in fresh]


async def _news(context: Context, tx: Tx, channel_id: str, notices: list[Notice]) -> list[Notice]:
    named = [(one.ref, one.operation.value) for one in notices if one.ref and one.operation is not None]
    keys, refs = await store.concluded(tx, channel_id, [one.key for one in notices if one.key], named)

    def is_news(notice: Notice) -> bool:
        if notice.kind in context.runtime.registry.notices:
            return True
        if notice.key:
            return notice.key not in keys
        return notice.operation is not None and bool(notice.ref) and (notice.ref, notice.operation.value) not in refs

    return [notice for notice in notices if is_news(notice)]


async def process(context: Context, job: Job) -> None:
    """The job: give one stored notice its effect."""
    channel_id, event_id = job.payload["channel_id"], job.payload["event_id"]
    found = await together(context, "notice.read", (channel_id, event_id), _read)
    if found is None:
        return
    notice, instruction = found
    if instruction is not None:
        await _conclude(context, channel_id, instruction, notice)
    handler = context.runtime.registry.notices.get(notice.kind)
    if handler is not None:
        await handler(context, channel_id, notice)
    await together(context, "notice.finish", (channel_id, event_id), _finish)


async def _read(context: Context, tx: Tx, named: list[tuple[str, str]]) -> list[_Found | None]:
    """Notices with our instruction that they are about; None for those that are done, or whose news is known by now."""
    stored = await store.read_notices(tx, named)
    notices = {one: _notice(row["content"]) for one, row in stored.items() if row["done_at"] is None}
    keys = await _keys_of(tx, notices)
    instructions = await store.read_instructions(tx, sorted(set(keys.values())))
    over = {
        one
        for one, notice in notices.items()
        if notice.kind not in context.runtime.registry.notices
        and (keys.get(one) not in instructions or instructions[keys[one]].is_final)
    }
    await store.finish_notices(tx, sorted(over))
    return [
        (notices[one], instructions.get(keys.get(one, ""))) if one in notices and one not in over else None
        for one in named
    ]


async def _keys_of(tx: Tx, notices: Mapping[tuple[str, str], Notice]) -> dict[tuple[str, str], str]:
    """Our key of what each notice is about, where it names one or the provider's number of one."""
    refs = {
        one: (one[0], notice.ref, notice.operation)
        for one, notice in notices.items()
        if not notice.key and notice.ref and notice.operation is not None
    }
    known = await store.keys_by_ref(tx, sorted(set(refs.values())))
    found = {one: known[ref] for one, ref in refs.items() if ref in known}
    return found | {one: notice.key for one, notice in notices.items() if notice.key}


async def _finish(_context: Context, tx: Tx, named: list[tuple[str, str]]) -> list[None]:
    await store.finish_notices(tx, named)
    return [None] * len(named)


async def _conclude(context: Context, channel_id: str, instruction: Instruction, notice: Notice) -> None:
    channel, _ = await context.gateway(channel_id)
    is_final = context.runtime.gateways.capabilities(channel).notice_is_final
    if is_final and notice.outcome is not None and notice.operation is not None:
        outcome = rules.outcome_from(notice.operation, msgspec.convert(notice.outcome, dict[str, Any]))
        await instruct.conclude(context, [(instruction.key, outcome)])
    else:
        await instruct.ask_about(context, instruction)


def _order(notice: Notice) -> str:
    return f"notice:{notice.key or notice.ref or notice.event_id}"


def _plain(notice: Notice) -> tuple[str, str, str, dict[str, Any]]:
    content = msgspec.to_builtins(notice)
    content["outcome"] = rules.outcome_to_plain(notice.outcome) if notice.outcome is not None else None  # type: ignore[arg-type]
    return notice.event_id, notice.kind.value, notice.key, content


def _notice(content: dict[str, Any]) -> Notice:
    return Notice(
        event_id=content["event_id"],
        kind=NoticeKind(content["kind"]),
        occurred_at=datetime.fromisoformat(content["occurred_at"]),
        operation=Operation(content["operation"]) if content["operation"] else None,
        key=content["key"],
        ref=content["ref"],
        parent_key=content["parent_key"],
        merchant_ref=content["merchant_ref"],
        outcome=content["outcome"],
        data=content["data"],
    )
