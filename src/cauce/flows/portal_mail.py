"""Login links by mail: whoever gives an address gets a link for each customer that has it, at that address and nowhere else.

The answer to whoever asks is the same whether the address is known or not. A customer gets one link at a time: while a
mail waits to be sent another is not written, and after one was sent the next waits for a while.
"""

from __future__ import annotations

from datetime import timedelta

from cauce.billing.customers import service as customers
from cauce.channels import service as channels
from cauce.flows.context import Context
from cauce.flows.portal import LINK_MINUTES, hashed, make_link
from cauce.gateway.capabilities import Can
from cauce.gateway.outcome import Done
from cauce.gateway.reaching import Message
from cauce.kernel.clock import wall_now
from cauce.kernel.errors import CauceError
from cauce.kernel.ids import new_id
from cauce.storage import jobs, sealing
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import read_org
from cauce.storage.jobs import Job, NewJob

LOGIN_LINK_JOB = "portal.login_link"
CUSTOMERS_MAX = 5
PAUSE_SECONDS = 60
"""Between two links for one customer, wall time: nobody's mailbox is filled by a stranger."""

_TEXTS = {
    "en": (
        "Your sign-in link",
        "Hello {name},\n\nopen this link to sign in to {seller}. It works once, within {minutes} minutes:\n\n{link}\n\n"
        "You did not ask for it? Then do nothing.",
    ),
    "es": (
        "Tu enlace de acceso",
        "Hola, {name}:\n\nabre este enlace para entrar en {seller}. Funciona una sola vez, durante {minutes} minutos:\n\n"
        "{link}\n\n¿No lo has pedido? Entonces no hagas nada.",
    ),
    "zh": (
        "您的登录链接",
        "{name}，您好！\n\n请打开以下链接登录 {seller}。链接仅可使用一次，{minutes} 分钟内有效：\n\n{link}\n\n如果不是您本人操作，请忽略此邮件。",
    ),
}


class CannotMail(CauceError):
    """The mail could not be sent."""

    code = "cannot_mail"
    http_status = 503
    retryable = True


async def ask_login(context: Context, email: str) -> None:
    """Send a link to everybody who has this address; nothing tells the caller whether there is anybody."""
    async with context.transaction() as tx:
        now, ends = await context.now(tx), wall_now() + timedelta(seconds=PAUSE_SECONDS)
        for customer_id in await customers.ids_by_email(tx, email, CUSTOMERS_MAX):
            paused = hashed("login_pause", customer_id)
            if await sealing.get(tx, context.runtime.sealer, paused):
                continue
            await sealing.put(tx, context.runtime.sealer, paused, "since", "now", expires_at=ends)
            wanted = NewJob(LOGIN_LINK_JOB, now, {"customer": customer_id}, dedupe=customer_id)
            await jobs.enqueue(tx, [wanted])


async def send_login_link(context: Context, job: Job) -> None:
    """The job: a fresh link by the organization's mail channel. A try that is repeated makes another link."""
    async with context.transaction() as tx:
        one = await customers.read(tx, job.payload["customer"])
        org = await read_org(tx, tx.org)
    if not one.email:
        return
    channel_id = await mail_channel(context)
    link = await make_link(context, one.id)
    subject, body = _TEXTS.get(one.locale[:2], _TEXTS["en"])
    text = body.format(name=one.name or one.external_id, seller=org.name, minutes=LINK_MINUTES, link=link)
    message = Message(new_id("msg"), one.email, one.name, subject, text, "")
    _, gateway = await context.gateway(channel_id)
    outcome = await gateway.send(message)
    if not isinstance(outcome, Done):
        raise CannotMail()


async def mail_channel(context: Context) -> str:
    """The channel that carries mail; `CannotMail` without one."""
    async with context.transaction() as tx:
        found = await find_mail_channel(tx, context)
    if found is None:
        raise CannotMail("no channel of this organization carries mail")
    return found


async def find_mail_channel(tx: Tx, context: Context) -> str | None:
    """The first active channel that sends messages and keeps no contacts, or None."""
    org = await read_org(tx, tx.org)
    for row in await channels.list_channels(tx):
        if row["state"] != "active":
            continue
        channel = await channels.open_channel(tx, context.runtime.sealer, row["id"], livemode=org.livemode)
        can = context.runtime.gateways.capabilities(channel).can
        if Can.SENDS_MESSAGES in can and Can.TRACKS_CONTACTS not in can:
            return str(row["id"])
    return None
