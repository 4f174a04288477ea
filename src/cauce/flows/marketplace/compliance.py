"""The gate of a live organization: what is answered, signed and in force, which rules hold, and its record for others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cauce.channels.service import list_channels, read_channel
from cauce.flows.context import Context
from cauce.flows.marketplace.terms import terms_of
from cauce.gateway.capabilities import Can
from cauce.ledger.verify import verify
from cauce.marketplace.compliance import service
from cauce.marketplace.compliance.rules import (
    QUESTIONS,
    Answer,
    NewLicence,
    PooledMoney,
    RulesBroken,
    check_answers,
    check_signer,
    in_force,
)
from cauce.reports.compliance import RULES, Violation, violations
from cauce.reports.reconciliation import merchant_refs
from cauce.storage import audit
from cauce.storage.database import Row, Tx


@dataclass(frozen=True, slots=True)
class ChannelGate:
    """One channel's part of the gate: signed for, and its holder's licence in force."""

    channel_id: str
    name: str
    is_signed: bool
    is_licensed: bool
    licensed_until: str

    @property
    def is_open(self) -> bool:
        """Whether a live organization may take other sellers' orders here."""
        return self.is_signed and self.is_licensed


@dataclass(frozen=True, slots=True)
class Gate:
    """The state of the gate. `check` is the self-check that was signed last."""

    at: datetime
    check: Row | None
    channels: tuple[ChannelGate, ...]
    broken: tuple[Violation, ...]

    @property
    def is_open(self) -> bool:
        """Whether every channel may take orders and no rule is broken."""
        return bool(self.channels) and all(one.is_open for one in self.channels) and not self.broken


async def read_gate(context: Context) -> Gate:
    """Everything that decides whether orders may be taken, and every row that breaks a rule."""
    async with context.transaction() as tx:
        now = await context.now(tx)
        return await _gate(tx, now)


async def _gate(tx: Tx, now: datetime) -> Gate:
    check = await service.last_self_check(tx)
    valid = check is not None and check["signed_at"] <= now < check["valid_until"]
    found = []
    for row in await list_channels(tx):
        licences = await service.licences_of(tx, row["id"])
        terms = [(one["valid_from"], one["valid_until"]) for one in licences]
        until = max((one["valid_until"].isoformat() for one in licences), default="")
        signed = valid and check is not None and row["id"] in check["channels"]
        found.append(ChannelGate(row["id"], row["name"], signed, in_force(terms, now), until))
    return Gate(now, check, tuple(found), tuple(await _broken(tx, now)))


async def _broken(tx: Tx, now: datetime) -> list[Violation]:
    lies = [Violation("K19", one.subject, one.problem) for one in await verify(tx)]
    return [*await violations(tx, now), *lies]


async def sign(context: Context, answers: Mapping[int, Answer]) -> str:
    """A person signs the answers for every channel that there is; the self-check's id.

    `compliance_rules_broken` while a row breaks a rule, `self_check_needs_person` for a key or a script, `pooled_money`
    when a provider may move merchants' money by itself (K1); such a channel without merchants is left out.
    """
    check_signer(context.actor.name)
    check_answers(answers)
    unsafe = await _unsafe_channels(context)
    async with context.transaction() as tx:
        now = await context.now(tx)
        broken = await _broken(tx, now)
        if broken:
            raise RulesBroken(f"{len(broken)} rows break rules, the first is {broken[0]}", rule=broken[0].rule)
        known = [row["id"] for row in await list_channels(tx) if row["id"] not in unsafe]
        return await service.sign_self_check(tx, answers, known, signed_by=context.actor.name, at=now)


async def _unsafe_channels(context: Context) -> set[str]:
    """Channels whose account at the provider is not set so that it may hold others' money; refused when one does."""
    async with context.transaction() as tx:
        names = {row["id"]: row["name"] for row in await list_channels(tx)}
    terms = await terms_of(context.runtime, context.org_id, set(names))
    unsafe = set()
    for channel_id, each in terms.items():
        if Can.CHECKS_SETUP not in each.capabilities.can:
            continue
        _, gateway = await context.gateway(channel_id)
        findings = await gateway.setup_findings()
        async with context.transaction() as tx:
            merchants = await merchant_refs(tx, channel_id) if findings else {}
        if merchants:
            raise PooledMoney(f"{names[channel_id]}: {findings[0]}", param="channel")
        unsafe |= {channel_id} if findings else set()
    return unsafe


async def record_licence(context: Context, new: NewLicence) -> str:
    """Keep the licence of a channel's holder; its id. `NotFound` for a channel that does not exist."""
    async with context.transaction() as tx:
        await read_channel(tx, new.channel_id)
        return await service.record_licence(tx, new, at=await context.now(tx))


async def agree_fee_rate(context: Context, channel_id: str, rate_bps: int, contract: str, *, agreed_by: str) -> None:
    """The acting person approves what another agreed on: the platform's largest part of an order at a channel (K8)."""
    async with context.transaction() as tx:
        await read_channel(tx, channel_id)
        await service.agree_fee_rate(
            tx,
            channel_id,
            rate_bps,
            contract,
            agreed_by=agreed_by,
            approved_by=context.actor.name,
            at=await context.now(tx),
        )


async def draft_fee_rate(context: Context, channel_id: str, rate_bps: int, contract: str) -> str:
    """The acting person puts down what was agreed with a channel's merchants; its id. Another one approves it (K8, K18)."""
    async with context.transaction() as tx:
        await read_channel(tx, channel_id)
        now = await context.now(tx)
        rate_id = await service.draft_fee_rate(tx, channel_id, rate_bps, contract, agreed_by=context.actor.name, at=now)
        after = {"channel": channel_id, "rate_bps": rate_bps, "contract": contract}
        await audit.record(tx, context.actor, "fee_rate.draft", rate_id, after=after)
    return rate_id


async def approve_fee_rate(context: Context, rate_id: str) -> None:
    """The acting person lets it count. `not_found`, `rate_needs_second_person`."""
    async with context.transaction() as tx:
        await service.approve_fee_rate(tx, rate_id, approved_by=context.actor.name, at=await context.now(tx))
        await audit.record(tx, context.actor, "fee_rate.approve", rate_id)


def record_of(gate: Gate) -> str:
    """The self-check as a document in Markdown, for whoever asks how the organization keeps out of second clearing."""
    lines = ["# Self-check", "", "Guard-rails derived from published screening points; not legal advice.", ""]
    check = gate.check
    if check is None:
        lines += ["Nobody has signed it yet.", ""]
    else:
        until = check["valid_until"].date().isoformat()
        lines += [
            f"Signed by {check['signed_by']} on {check['signed_at'].date().isoformat()}, valid until {until}.",
            "",
        ]
    lines += [f"State of {gate.at.date().isoformat()}: the gate is {'open' if gate.is_open else 'closed'}.", ""]
    answers = check["answers"] if check is not None else {}
    for question in QUESTIONS:
        given = answers.get(str(question.number), {})
        lines += [f"## {question.number}. {question.text} ({question.rule})", ""]
        lines += [f"Answer: {given.get('answer', 'none')}", "", f"Evidence: {given.get('evidence', 'none')}", ""]
    lines += ["## Channels", ""]
    for one in gate.channels:
        licence = f"licence in force until {one.licensed_until}" if one.is_licensed else "no licence in force"
        lines.append(f"- {one.name}: {'signed for' if one.is_signed else 'not signed for'}, {licence}")
    lines += ["", "## Rules", ""]
    broken = {one.rule for one in gate.broken}
    for rule in RULES:
        lines.append(
            f"- {rule.id} {rule.says} Kept by: {rule.first_wall}. {'BROKEN' if rule.id in broken else 'Holds.'}"
        )
    lines += ["", *(f"- {one}" for one in gate.broken)]
    return "\n".join(lines).rstrip() + "\n"
