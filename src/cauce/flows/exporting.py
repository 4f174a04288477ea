"""Everything about one customer as one JSON document (B4), written as it is read: its size is bound by no memory.

Each page of rows is a transaction of its own, so that a slow reader holds none open. What is written down meanwhile may
be in it or not; nothing is in it twice.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime

from cauce.billing.customers import service as customers
from cauce.billing.customers.rules import Customer
from cauce.flows.context import Context
from cauce.reports.customer_export import SECTIONS, section_page
from cauce.storage import audit
from cauce.storage.directory.orgs import Org, read_org

FORMAT = "cauce.customer_export.1"


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be written, for whom; its beginning stands in the audit trail."""

    context: Context
    customer: Customer
    org: Org
    at: str

    @property
    def file_name(self) -> str:
        """A name for the file."""
        return f"{self.customer.id}.json"


async def begin_export(context: Context, customer_id: str) -> Export:
    """Note in the audit trail that somebody takes everything about a customer; `NotFound` when there is none."""
    async with context.transaction() as tx:
        one, org, now = await customers.read(tx, customer_id), await read_org(tx, tx.org), await context.now(tx)
        await audit.record(tx, context.actor, "customer.export", customer_id)
    return Export(context, one, org, now.isoformat())


async def write_export(export: Export) -> AsyncIterator[bytes]:
    """The document in pieces of UTF-8: `{"object", …, "customer", "<section>": [rows], …}`."""
    head = {
        "object": "customer_export",
        "format": FORMAT,
        "exported_at": export.at,
        "organization": {"id": export.org.public_id, "name": export.org.name},
        "invoice_pdf": f"{export.context.runtime.public_url}/v1/invoices/{{id}}/pdf",
        "customer": asdict(export.customer),
    }
    yield json.dumps(head, ensure_ascii=False, default=_plain)[:-1].encode()
    for section in SECTIONS:
        yield f', "{section}": ['.encode()
        async for piece in _rows(export, section):
            yield piece
        yield b"]"
    yield b"}\n"


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


async def _rows(export: Export, section: str) -> AsyncIterator[bytes]:
    after, begins = "", True
    while after or begins:
        async with export.context.transaction() as tx:
            rows, after = await section_page(tx, section, export.customer.id, after)
        if rows:
            yield (("" if begins else ", ") + ",\n".join(rows)).encode()
        begins = False
