"""`python -m tests.entrypoints.screenshots FOLDER`: every page of console and portal as a picture.

Two widths, light and dark, three languages, over the business of `stage.play`; an empty organization's pages too.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, async_playwright

from cauce.billing.customers.members import NewMember
from cauce.entrypoints.web.visits import make_link
from cauce.flows.billing import members
from cauce.flows.outreach.links import unsubscribe_link
from cauce.flows.portal import charge_link, pay_link
from cauce.storage.migrations import migrate
from tests.entrypoints.stage import Stage, play, stage
from tests.support.postgres import start_server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOOKS: tuple[tuple[str, int, int, Any, str], ...] = (
    ("desk-en-light", 1280, 900, "light", "en-US"),
    ("desk-zh-dark", 1280, 900, "dark", "zh-CN"),
    ("phone-es-light", 390, 844, "light", "es-ES"),
    ("phone-zh-dark", 390, 844, "dark", "zh-CN"),
)
LISTS = (
    "", "/customers", "/subscriptions", "/invoices", "/orders", "/merchants", "/payouts", "/breaks", "/statements", "/holidays", "/compliance",
    "/ledger", "/events", "/audit", "/jobs", "/webhooks", "/requests", "/clock", "/settings", "/search?q=ana",
    "/conversations", "/todos", "/segments", "/pipeline", "/settings/portal", "/settings/conventions", "/campaigns", "/campaigns/trial", "/campaigns/trial/preview?step=c1",
    "/automations", "/automations/new", "/messages", "/instances", "/automation", "/tasks",
    "/plans", "/plans/new", "/coupons", "/billing_run", "/analytics", "/split_rules", "/split_rules/new", "/payout_schedules", "/fundings", "/suspense?view=all",
)  # fmt: skip


async def addresses(one: Stage) -> dict[str, str]:
    """Name -> address of every page worth looking at: the lists, and the richest object of each kind."""
    found = {(path.strip("/").partition("?")[0] or "home"): f"/console{path}" for path in LISTS}
    async with one.context.transaction() as tx:
        for name, query in _RICHEST.items():
            object_id = await tx.value(query, tx.org)
            if object_id is not None:
                found[name] = f"/console/{_HOMES.get(name, name.rstrip('0123456789') + 's')}/{object_id}"
    found |= {f"{name}-{more}": f"{found[name]}{path}" for name, more, path in _DEEPER if name in found}
    return found


_RICHEST = {
    "customer": "SELECT customer_id FROM invoicing.invoice WHERE org_id = $1 GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
    "subscription": "SELECT subscription_id FROM subscriptions.history WHERE org_id = $1 GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
    "invoice": "SELECT id FROM invoicing.invoice WHERE org_id = $1 AND status = 'open' ORDER BY paid_minor DESC, id LIMIT 1",
    "order": "SELECT id FROM orders.purchase WHERE org_id = $1 AND state = 'released' AND channel_id = 'ch_scheme' ORDER BY id LIMIT 1",
    "order2": "SELECT id FROM orders.purchase WHERE org_id = $1 AND state = 'paid' ORDER BY id LIMIT 1",
    "merchant": "SELECT id FROM merchants.merchant WHERE org_id = $1 ORDER BY id DESC LIMIT 1",
    "automation1": "SELECT id FROM outreach.automation WHERE org_id = $1 ORDER BY id LIMIT 1",
    "plan": "SELECT id FROM catalog.plan WHERE org_id = $1 AND key = 'team' ORDER BY version DESC LIMIT 1",
    "segment": "SELECT id FROM relations.segment WHERE org_id = $1 ORDER BY id LIMIT 1",
    "split_rule": "SELECT id FROM splits.rule WHERE org_id = $1 ORDER BY version DESC, id LIMIT 1",
    "conversation": "SELECT id FROM conversations.conversation WHERE org_id = $1 ORDER BY id LIMIT 1",
    "message": "SELECT id FROM outreach.message WHERE org_id = $1 ORDER BY id LIMIT 1",
    "instance": "SELECT id FROM provisioning.instance WHERE org_id = $1 ORDER BY id LIMIT 1",
    "journal": "SELECT max(id)::text FROM ledger.journal WHERE org_id = $1",
    "object": "SELECT max(object_id) FROM storage.event WHERE org_id = $1 AND object_id LIKE 'pay%'",
    "break": 'SELECT id FROM reconciliation."break" WHERE org_id = $1 ORDER BY id LIMIT 1',
}


_HOMES = {"journal": "ledger/journals"}
_DEEPER = (
    ("plan", "edit", "/edit"),
    ("split_rule", "edit", "/edit"),
    ("split_rule", "explained", "?amount=100.00&simulate=yes"),
    ("automation1", "edit", "/edit"),
)
"""Pages behind the page of an object."""


async def signed_in(browser: Browser, one: Stage, **options: Any) -> Any:
    """The cookies of a browser that used a sign-in link."""
    context = await browser.new_context(**options)
    page = await context.new_page()
    await page.goto(f"{one.url}/sign-in?token={await one.link()}")
    await page.click("button")
    state = await context.storage_state()
    await context.close()
    return state


async def portal_pages(one: Stage) -> dict[str, tuple[str, str]]:
    """Name -> (a link that signs in, "" for none; the address) of the portal's pages."""
    home = f"{one.url}/portal/{one.org.public_id}"
    async with one.context.transaction() as tx:
        customer_id = await tx.value(_RICHEST["customer"], tx.org)
        invoice_id = await tx.value(_OWN_INVOICE, tx.org, customer_id)
        subscription_id = await tx.value(_OWN_SUBSCRIPTION, tx.org, customer_id)
        merchant_id = await tx.value(_RICHEST["merchant"], tx.org)
        asking = await charge_link(tx, one.runtime, await tx.value(_ASKED, tx.org))
        paying = await pay_link(tx, one.runtime, await tx.value(_RICHEST["invoice"], tx.org))
    _, joining = await members.invite(one.context, customer_id, NewMember("guest@customers.example"), mail=False)
    leaving = unsubscribe_link(one.url, one.runtime.sealer, one.org.id, customer_id, "marketing")
    customer, merchant = await make_link(one.context, customer_id), await make_link(one.context, merchant_id)
    return {
        "portal-pricing": ("", home),
        "portal-try": ("", f"{home}/try/team/eur"),
        "portal-sign-in": ("", f"{home}/sign-in"),
        "portal-chat": ("", f"{home}/chat"),
        "portal-account": (customer, f"{home}/account"),
        "portal-team": ("", f"{home}/team"),
        "portal-invitation": ("", own_address(one, joining)),
        "portal-change": ("", f"{home}/subscriptions/{subscription_id}/change?preview=yes&plan=starter"),
        "portal-invoice": ("", f"{home}/invoices/{invoice_id}"),
        "portal-pay": ("", own_address(one, paying)),
        "portal-charge": ("", own_address(one, asking)),
        "portal-refused": ("", f"{home}/pay?token=nonsense"),
        "portal-chat-panel": ("", f"{home}/chat?panel=yes"),
        "portal-returned": ("", f"{home}/returned"),
        "portal-unsubscribe": ("", own_address(one, leaving)),
        "portal-merchant": (merchant, f"{home}/merchant"),
    }


_ASKED = "SELECT id FROM invoicing.pending_line WHERE org_id = $1 AND state = 'proposed' ORDER BY id LIMIT 1"
_OWN_SUBSCRIPTION = "SELECT min(id) FROM subscriptions.subscription WHERE org_id = $1 AND customer_id = $2"
_OWN_INVOICE = "SELECT id FROM invoicing.invoice WHERE org_id = $1 AND customer_id = $2 ORDER BY id LIMIT 1"


async def photograph(one: Stage, folder: Path, names: list[str]) -> None:
    """Pictures of the named pages (none: all) in every look."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = await addresses(one)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        state = await signed_in(browser, one)
        for look, width, height, scheme, locale in LOOKS:
            context = await browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme=scheme,
                locale=locale,
                storage_state=state,
            )
            page = await context.new_page()
            for name, path in pages.items():
                if names and name not in names:
                    continue
                answer = await page.goto(f"{one.url}{path}")
                assert answer is not None
                wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
                print(f"{look} {name}: {answer.status}{' TOO WIDE' if wide else ''}")
                await page.screenshot(path=str(folder / f"{name}-{look}.png"), full_page=True)
            for name, (link, address) in (await portal_pages(one)).items():
                if names and name not in names:
                    continue
                if link:
                    await page.goto(own_address(one, link))
                    await page.click("main button")
                await page.goto(address)
                wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
                print(f"{look} {name}{' TOO WIDE' if wide else ''}")
                await page.screenshot(path=str(folder / f"{name}-{look}.png"), full_page=True)
            await context.close()
        await browser.close()


def own_address(one: Stage, link: str) -> str:
    """A link at the address where the stage really listens."""
    parts = urlsplit(link)
    return f"{one.url}{parts.path}{'?' if parts.query else ''}{parts.query}"


async def main(folder: Path, names: list[str]) -> None:
    """A throw-away server, the business played, the pictures."""
    server = start_server()
    try:
        dsn = server.dsn(await server.create_database())
        await migrate(dsn)
        with tempfile.TemporaryDirectory() as home:
            async with stage(dsn, Path(home)) as one:
                await play(one)
                await photograph(one, folder, names)
    finally:
        server.stop()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
