"""B19–B21: a provider pays what it owes the platform out to its bank (G14).

| recipe | event | debit | credit |
|---|---|---|---|
| B19 | payout under way | bank in transit | PSP clearing |
| B20 | payout arrived | own bank | bank in transit |
| B21 | payout came back | PSP clearing | bank in transit, or own bank when it had arrived |
"""

from __future__ import annotations

from datetime import datetime

from cauce.ledger.recipes.billing import journal_of, money, platform
from cauce.ledger.rules import Account, Journal


def _in_transit(channel_id: str, currency: str) -> Account:
    return platform(currency, f"bank_in_transit:{channel_id}")


def payout_sent(
    payout_id: str, currency: str, at: datetime, *, channel_id: str, amount_minor: int, evidence: str | None
) -> Journal | None:
    """B19: the provider has taken it from our balance and is on the way to the bank."""
    pairs = ((_in_transit(channel_id, currency), amount_minor), (money(channel_id, currency), -amount_minor))
    return journal_of(f"own_payout:{channel_id}:{payout_id}", "B19", payout_id, at, pairs, evidence)


def payout_arrived(
    payout_id: str, currency: str, at: datetime, *, channel_id: str, amount_minor: int, evidence: str | None
) -> Journal | None:
    """B20: the bank has it; a provider's word for that may still be taken back (B21)."""
    pairs = ((platform(currency, "own_bank"), amount_minor), (_in_transit(channel_id, currency), -amount_minor))
    return journal_of(f"own_payout_arrived:{channel_id}:{payout_id}", "B20", payout_id, at, pairs, evidence)


def payout_came_back(
    payout_id: str,
    currency: str,
    at: datetime,
    *,
    channel_id: str,
    amount_minor: int,
    evidence: str | None,
    had_arrived: bool,
) -> Journal | None:
    """B21: it failed or was canceled, and the provider owes it again."""
    source = platform(currency, "own_bank") if had_arrived else _in_transit(channel_id, currency)
    pairs = ((money(channel_id, currency), amount_minor), (source, -amount_minor))
    return journal_of(f"own_payout_back:{channel_id}:{payout_id}", "B21", payout_id, at, pairs, evidence)
