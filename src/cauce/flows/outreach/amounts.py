"""What the first period after a trial will cost, and the links that pay a debt, answer to a charge or an offer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cauce.billing.outreach.rules import NewMessage
from cauce.billing.subscriptions import service as subscriptions
from cauce.flows.billing.terms import first_terms
from cauce.flows.context import Runtime
from cauce.flows.portal import charge_link, pay_link, quote_link
from cauce.storage.database import Tx

_ANNOUNCES = "trial_ending_card"
_ASKS_ABOUT_A_CHARGE = "charge_approval"
_ASKS_FOR_MONEY = ("payment_failed", "grace_ending", "access_restricted", "ended_unpaid", "pay_to_return", "invoice")


_OFFERS = ("quote_sent", "quote_reminder", "quote_expiring")


async def first_charges(tx: Tx, messages: Sequence[NewMessage]) -> dict[str, dict[str, Any]]:
    """Amount and currency by subscription, for those messages that announce a first charge; computed like the bill."""
    wanted = sorted({one.subject_id for one in messages if one.template == _ANNOUNCES and one.subject_id})
    trialing = (
        [one for one in (await subscriptions.lock(tx, wanted)).values() if one.status == "trialing"] if wanted else []
    )
    return {
        term.subscription.id: {
            "amount_minor": max(0, term.bill.priced.total_minor),
            "currency": term.subscription.currency,
        }
        for term in (await first_terms(tx, trialing) if trialing else ())
    }


async def pay_links(tx: Tx, runtime: Runtime, messages: Sequence[NewMessage]) -> dict[str, dict[str, Any]]:
    """A link that pays one invoice without signing in, by invoice, for those messages that ask for money."""
    wanted = sorted({str(one.data["open_invoice"]) for one in messages if one.template in _ASKS_FOR_MONEY} - {""})
    return {invoice_id: {"pay_link": await pay_link(tx, runtime, invoice_id)} for invoice_id in wanted}


async def charge_links(tx: Tx, runtime: Runtime, messages: Sequence[NewMessage]) -> dict[str, dict[str, Any]]:
    """A link that answers to one charge without signing in, by charge, for those messages that ask about one."""
    wanted = sorted({one.subject_id for one in messages if one.template == _ASKS_ABOUT_A_CHARGE})
    return {charge_id: {"approve_link": await charge_link(tx, runtime, charge_id)} for charge_id in wanted}


async def quote_links(tx: Tx, runtime: Runtime, messages: Sequence[NewMessage]) -> dict[str, dict[str, Any]]:
    """A link that reads and answers one offer without signing in, by subscription, for those messages that offer."""
    wanted = sorted({one.subject_id for one in messages if one.template in _OFFERS and one.subject_id})
    return {
        subscription_id: {"quote_link": await quote_link(tx, runtime, subscription_id)} for subscription_id in wanted
    }
