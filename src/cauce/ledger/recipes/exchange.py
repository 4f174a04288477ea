"""B16–B18: a provider moved another currency than the customer's, and what rates made of it (G14).

The two currencies meet in `fx_clearing`: the customer's own amount on one side, what it is worth by the organization's
book rate on the other. What the provider moved more or less than that is `fx_difference`. Each currency sums to zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from cauce.ledger.recipes.billing import journal_of, money, platform
from cauce.ledger.rules import Account, Journal

FX_CLEARING, FX_DIFFERENCE = "fx_clearing", "fx_difference"


@dataclass(frozen=True, slots=True)
class Settlement:
    """What moved at the provider instead: `moved_minor` of `currency`; the same is worth `book_minor` by the book rate.

    Both are positive, whichever way the money went.
    """

    currency: str
    moved_minor: int
    book_minor: int


def settled_abroad(journal: Journal, channel_id: str, currency: str, settlement: Settlement) -> Journal:
    """B16: a payment, refund or dispute (its own recipe) that the provider settles in another currency than its own.

    One journal: the leg on the provider's clearing in `currency` gives way to `fx_clearing` and the settled amount.
    """
    clearing = money(channel_id, currency)
    (leg,) = [one for one in journal.legs if one.account == clearing]
    kept = [(one.account, one.amount_minor) for one in journal.legs if one.account != clearing]
    crossed = _crossing(currency, channel_id, leg.amount_minor, settlement)
    made = journal_of("", "", "", journal.effective_at, [*_named(kept), *crossed])
    assert made is not None
    return replace(journal, legs=made.legs)


def settled_late(
    payment_id: str,
    currency: str,
    at: datetime,
    *,
    channel_id: str,
    amount_minor: int,
    settlement: Settlement,
    evidence: str | None,
) -> Journal | None:
    """B17: a payment was booked in its own currency; later the provider told that it settled in another one."""
    pairs = [(money(channel_id, currency), -amount_minor), *_crossing(currency, channel_id, amount_minor, settlement)]
    return journal_of(f"settlement:{payment_id}", "B17", payment_id, at, pairs, evidence)


def currencies_valued(month: str, number: int, base: str, at: datetime, *, amount_minor: int) -> Journal | None:
    """B18: what `fx_clearing` sums to at the closing rates of a month, in the book currency, is brought to zero.

    `number` counts the month's valuations: one that was reopened may need another.
    """
    pairs = ((platform(base, FX_DIFFERENCE), amount_minor), (platform(base, FX_CLEARING), -amount_minor))
    return journal_of(f"fx_close:{month}:{number}", "B18", month, at, pairs)


def _crossing(
    currency: str, channel_id: str, amount_minor: int, settlement: Settlement
) -> tuple[tuple[Account, int], ...]:
    """`amount_minor` (signed: + into the clearing) in its own currency, and what moved in the other one."""
    sign, other = 1 if amount_minor > 0 else -1, settlement.currency
    return (
        (platform(currency, FX_CLEARING), amount_minor),
        (money(channel_id, other), sign * settlement.moved_minor),
        (platform(other, FX_DIFFERENCE), sign * (settlement.book_minor - settlement.moved_minor)),
        (platform(other, FX_CLEARING), -sign * settlement.book_minor),
    )


def _named(pairs: Iterable[tuple[object, int]]) -> list[tuple[Account, int]]:
    return [(account, amount) for account, amount in pairs if isinstance(account, Account)]
