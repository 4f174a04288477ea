"""A mail that left and came back, or was called spam: its state follows, and its address is sent nothing more (K2)."""

from __future__ import annotations

from dataclasses import dataclass

from cauce.billing.outreach import service, store
from cauce.billing.outreach.delivery_reports import Report, ReportKind
from cauce.billing.outreach.rules import MESSAGE
from cauce.flows.context import Context


@dataclass(frozen=True, slots=True)
class Noted:
    """What became of a report: `noted`, `known` (it was here before) or `ignored` (no mail of this organization)."""

    result: str
    message_id: str = ""
    reason: str = ""


async def note(context: Context, report: Report) -> Noted:
    """Take a report of one of the organization's mails; the same report again changes nothing.

    An address that does not exist, and one whose reader complained, is sent nothing more until a person says otherwise.
    """
    async with context.transaction() as tx:
        row = await service.lock_message(tx, report.message_id)
        if row is None or not row["to_address"]:
            return Noted("ignored", reason="no such mail")
        now, stops = await context.now(tx), report.kind is not ReportKind.FAILED
        is_news = stops and await service.mark_bounced(tx, row["to_address"], report.reason, now)
        if report.kind is ReportKind.COMPLAINT:
            if is_news:
                await service.settle(tx, row, "message.complained", now, reason=report.reason)
            return Noted("noted" if is_news else "known", row["id"], report.reason)
        if row["state"] not in ("sent", "unknown"):
            return Noted("known", row["id"], report.reason)
        await store.set_message(
            tx, row["id"], MESSAGE.step(row["state"], "bounce"), reason=report.reason, ref=row["ref"], at=now
        )
        await service.settle(tx, row, "message.bounced", now, reason=report.reason, address_stopped=stops)
        return Noted("noted", row["id"], report.reason)
