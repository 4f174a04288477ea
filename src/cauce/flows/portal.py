"""Ways into the hosted pages: links that open them once, links that pay one invoice, and who a host page says is there.

A login link is kept sealed under the hash of its token and spent by use. A pay link is a signed token for one invoice,
valid for days, and shows nothing else. A host page names its signed-in customer by an identity token: signed with the
organization's own key, for at most an hour, usable once; a bare e-mail address is never enough.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cauce.billing.customers import service as customers
from cauce.billing.customers.rules import CustomerData
from cauce.flows.context import Context, Runtime
from cauce.kernel import tokens
from cauce.kernel.clock import wall_now
from cauce.kernel.errors import Conflict, NotFound
from cauce.kernel.tokens import BadToken
from cauce.storage import audit, orgclock, sealing
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import read_org

LINK_MINUTES = 30
PAY_LINK_DAYS = 14
CHARGE_LINK_DAYS = 30
IDENTITY_SECONDS_MAX = 3_600
OVERLAP_HOURS = 24
"""How long the identity key before the present one still signs."""

QUOTE_LINK_DAYS = 366
"""Longer than any quote is good: whoever comes late is told that it has lapsed."""

LINK, WHO = "portal_link", "who"
_KEYS, _LINK_KEY, _IDENTITY_KEY, _IDENTITY_KEY_BEFORE = "portal", "pay_key", "identity_key", "identity_key_before"
_PAY_AUDIENCE, _INVITATION_AUDIENCE, _QUOTE_AUDIENCE = "cauce:pay-invoice", "cauce:join-team", "cauce:answer-quote"
_CHARGE_AUDIENCE = "cauce:approve-charge"


class IdentityOff(Conflict):
    """This organization has no identity key yet; make one in the console's settings."""

    code = "identity_off"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a host page says is there, and what its server decided for him (`claims`: plan, overrides, force_card ...)."""

    customer_id: str
    claims: dict[str, Any] = field(default_factory=dict)


async def make_link(context: Context, who: str) -> str:
    """An address that opens the portal for `who` (a customer or a merchant) once within `LINK_MINUTES`."""
    token = secrets.token_urlsafe(32)
    async with context.transaction() as tx:
        org = await read_org(tx, tx.org)
        ends = wall_now() + timedelta(minutes=LINK_MINUTES)
        await sealing.put(tx, context.runtime.sealer, hashed(LINK, token), WHO, who, expires_at=ends)
    return f"{context.runtime.public_url}/portal/{org.public_id}/sign-in?token={token}"


async def _link(tx: Tx, runtime: Runtime, audience: str, subject: str, page: str, days: int) -> str:
    """A signed address of the portal about one thing, good for `days` of the organization's time."""
    org = await read_org(tx, tx.org)
    ends = await orgclock.org_now(tx) + timedelta(days=days)
    token = tokens.sign(await _link_key(tx, runtime), {"aud": audience, "sub": subject, "exp": int(ends.timestamp())})
    return f"{runtime.public_url}/portal/{org.public_id}/{page}?token={token}"


async def pay_link(tx: Tx, runtime: Runtime, invoice_id: str, *, days: int = PAY_LINK_DAYS) -> str:
    """An address at which whoever has it may pay this one invoice, for `days` of the organization's time."""
    return await _link(tx, runtime, _PAY_AUDIENCE, invoice_id, "pay", days)


async def charge_link(tx: Tx, runtime: Runtime, pending_line_id: str, *, days: int = CHARGE_LINK_DAYS) -> str:
    """An address at which whoever has it may approve or reject this one charge, for `days` of the organization's time."""
    return await _link(tx, runtime, _CHARGE_AUDIENCE, pending_line_id, "charge", days)


async def asked_about(tx: Tx, runtime: Runtime, token: str) -> str:
    """The charge that a link asks about; `BadToken` when it is not genuine or has ended."""
    return await _subject(tx, runtime, token, _CHARGE_AUDIENCE)


async def payable(tx: Tx, runtime: Runtime, token: str) -> str:
    """The invoice that a pay link is for; `BadToken` when it is not genuine or has ended."""
    return await _subject(tx, runtime, token, _PAY_AUDIENCE)


async def quote_link(tx: Tx, runtime: Runtime, subscription_id: str, *, days: int = QUOTE_LINK_DAYS) -> str:
    """An address at which whoever has it may read and answer this one quote, for `days` of the organization's time."""
    return await _link(tx, runtime, _QUOTE_AUDIENCE, subscription_id, "quote", days)


async def quoted(tx: Tx, runtime: Runtime, token: str) -> str:
    """The quote that a link is for; `BadToken` when it is not genuine or has ended."""
    return await _subject(tx, runtime, token, _QUOTE_AUDIENCE)


def invitation(member_id: str, ends_at: datetime) -> dict[str, Any]:
    """The claims of a link that lets one invited person join."""
    return {"aud": _INVITATION_AUDIENCE, "sub": member_id, "exp": int(ends_at.timestamp())}


async def invitation_link(tx: Tx, runtime: Runtime, claims: dict[str, Any]) -> str:
    """The address for these claims."""
    org = await read_org(tx, tx.org)
    token = tokens.sign(await _link_key(tx, runtime), claims)
    return f"{runtime.public_url}/portal/{org.public_id}/invitation?token={token}"


async def invited(tx: Tx, runtime: Runtime, token: str) -> str:
    """The member whom an invitation's link is for; `BadToken` when it is not genuine or has ended."""
    return await _subject(tx, runtime, token, _INVITATION_AUDIENCE)


async def _subject(tx: Tx, runtime: Runtime, token: str, audience: str) -> str:
    now = await orgclock.org_now(tx)
    claims = tokens.read([await _link_key(tx, runtime)], token, audience=audience, now=now)
    return tokens.text_claim(claims, "sub", length_max=64, required=True)


async def _link_key(tx: Tx, runtime: Runtime) -> str:
    await sealing.put_once(tx, runtime.sealer, _KEYS, _LINK_KEY, secrets.token_urlsafe(32))
    return (await sealing.get(tx, runtime.sealer, _KEYS, [_LINK_KEY]))[_LINK_KEY]


async def rotate_identity_key(tx: Tx, context: Context) -> str:
    """A new key for identity tokens, to be shown once; the one before works on for `OVERLAP_HOURS`."""
    sealer, key = context.runtime.sealer, f"idk_{secrets.token_urlsafe(32)}"
    before = (await sealing.get(tx, sealer, _KEYS, [_IDENTITY_KEY])).get(_IDENTITY_KEY)
    if before is not None:
        ends = wall_now() + timedelta(hours=OVERLAP_HOURS)
        await sealing.put(tx, sealer, _KEYS, _IDENTITY_KEY_BEFORE, before, expires_at=ends)
    await sealing.put(tx, sealer, _KEYS, _IDENTITY_KEY, key)
    await audit.record(tx, context.actor, "identity_key.rotate", "identity_key", after={"replaced": before is not None})
    return key


async def has_identity_key(tx: Tx, runtime: Runtime) -> bool:
    """Whether host pages can name their customers."""
    return bool(await sealing.get(tx, runtime.sealer, _KEYS, [_IDENTITY_KEY]))


async def identify(context: Context, token: str) -> Identity:
    """Whom an identity token names; he becomes a customer when he is none. Spends the token.

    `BadToken` when it is not genuine, for another organization, without `sub`, `jti` or `exp`, longer than an hour
    from now, ended, or used before.
    """
    async with context.transaction() as tx:
        org, sealer = await read_org(tx, tx.org), context.runtime.sealer
        kept = await sealing.get(tx, sealer, _KEYS, [_IDENTITY_KEY, _IDENTITY_KEY_BEFORE])
        if not kept:
            raise IdentityOff()
        claims = tokens.read(
            list(kept.values()), token, audience=org.public_id, now=wall_now(), seconds_max=IDENTITY_SECONDS_MAX
        )
        external_id = tokens.text_claim(claims, "sub", length_max=255, required=True)
        await _spend(tx, context.runtime, tokens.text_claim(claims, "jti", length_max=200, required=True))
        return Identity(await _customer_id(tx, context, external_id, claims), claims)


async def _customer_id(tx: Tx, context: Context, external_id: str, claims: dict[str, Any]) -> str:
    """Who has this external id; what the token says of a customer who is known already changes nothing."""
    email = tokens.text_claim(claims, "email", length_max=320)
    name = tokens.text_claim(claims, "name", length_max=200)
    try:
        return (await customers.find(tx, external_id)).id
    except NotFound:
        data = CustomerData(external_id, email=email or None, name=name or None)
        known, _ = await customers.put(tx, data, now=await context.now(tx), actor=context.actor.name)
        return known.id


async def _spend(tx: Tx, runtime: Runtime, token_id: str) -> None:
    ends = wall_now() + timedelta(seconds=IDENTITY_SECONDS_MAX)
    if not await sealing.put_once(tx, runtime.sealer, hashed("spent", token_id), WHO, "spent", expires_at=ends):
        raise BadToken("the token was used before")


def hashed(kind: str, token: str) -> str:
    """The name under which something is kept for whoever has `token`."""
    return f"{kind}:{hashlib.sha256(token.encode()).hexdigest()}"
