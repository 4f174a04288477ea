"""The chart of accounts: every account that Cauce knows, its book, normal side, least balance and meaning.

Codes are paths; `<…>` stands for one part. Custody accounts never fall below zero; platform accounts may, except
what a customer owns. Accounts under `user:` are free for journals written by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from cauce.kernel.errors import InvalidRequest
from cauce.ledger.rules import Book

DEBIT, CREDIT = 1, -1


class UnknownAccountCode(InvalidRequest):
    """The chart of accounts has no such code."""

    code = "unknown_account_code"


@dataclass(frozen=True, slots=True)
class Kind:
    """One line of the chart. `floor_minor` None: may go negative. `owner_part`: which part of the code names the owner."""

    pattern: str
    book: Book
    normal_side: int
    floor_minor: int | None
    meaning: str
    owner_part: int | None = None


def _custody(pattern: str, side: int, meaning: str, owner_part: int | None = None) -> Kind:
    return Kind(pattern, Book.CUSTODY, side, 0, meaning, owner_part)


def _platform(pattern: str, side: int, meaning: str, owner_part: int | None = None, floor: int | None = None) -> Kind:
    return Kind(pattern, Book.PLATFORM, side, floor, meaning, owner_part)


CHART: tuple[Kind, ...] = (
    _custody("psp_in_transit", DEBIT, "Collected by the provider, not yet cleared to the custody bank."),
    _custody("custody_bank", DEBIT, "At the holder's bank."),
    _custody("position_in_transit", DEBIT, "Moving between the holder's accounts."),
    _custody("member:<id>:pending", CREDIT, "A merchant's money that cannot be withdrawn yet.", 1),
    _custody("member:<id>:withdrawable", CREDIT, "A merchant's money that can be withdrawn.", 1),
    _custody("member:<id>:frozen", CREDIT, "A merchant's money that the provider froze.", 1),
    _custody("member:<id>:external", CREDIT, "Delivered to an account whose balance the provider does not show us.", 1),
    _custody("escrow:<order>", CREDIT, "Parked by the provider for one order.", 1),
    _custody("fee", CREDIT, "The platform's typed fees, until they are swept."),
    _custody("interest", CREDIT, "Interest that the contract gives to the platform."),
    _custody("marketing", CREDIT, "Money that the platform put in for subsidies."),
    _custody("suspense", CREDIT, "Credits whose owner is not known."),
    _custody("payout_in_transit", CREDIT, "Payouts submitted, not final."),
    _custody("refund_in_transit", CREDIT, "Refunds submitted, not final."),
    _platform("own_bank", DEBIT, "The platform's own bank account."),
    _platform("fee_due_from_custody", DEBIT, "Fees earned that still lie in a custody book."),
    _platform("provider_cost", DEBIT, "What providers charge."),
    _platform("subsidy_expense", DEBIT, "Subsidies that the platform paid."),
    _platform("advance_receivable", DEBIT, "Advances to merchants, to be recovered."),
    _platform("loss", DEBIT, "Written off."),
    _platform(
        "difference:<channel>", CREDIT, "Differences at a holder that two persons accepted, until money evens them out."
    ),
    _platform("revenue", CREDIT, "Earned."),
    _platform("customer:<id>:receivable", DEBIT, "What a customer owes.", 1),
    _platform("customer:<id>:credit", CREDIT, "What a customer has to his credit.", 1, floor=0),
    _platform(
        "customer:<id>:granted", CREDIT, "Credit that a plan granted and that is left: for metered use.", 1, floor=0
    ),
    _platform("customer:<id>:carried", DEBIT, "Too small to charge: stands on the customer's next invoice.", 1),
    _platform("deferred", CREDIT, "Billed for service not yet rendered."),
    _platform("tax_payable", CREDIT, "Tax collected for an authority."),
    _platform("psp_clearing:<channel>", DEBIT, "Charged by a provider, not yet paid out to the platform."),
    _platform("bank_in_transit:<channel>", DEBIT, "Payouts of a provider on their way to the bank."),
    _platform("dispute_receivable:<channel>", DEBIT, "Withdrawn by a provider while a dispute is open."),
    _platform(
        "fx_clearing", DEBIT, "Charged in one currency, settled in another: both sides, until the month is closed."
    ),
    _platform("fx_difference", DEBIT, "Gains and losses by exchange rates."),
    _platform("rounding", DEBIT, "Fractions that a currency's smallest cash unit cannot carry."),
    _platform("user:<name>", DEBIT, "Free for journals written by hand.", None),
)

_USER = "user:"


def _by_first_part() -> dict[tuple[Book, str], list[tuple[list[str], Kind]]]:
    """The lines of the chart by book and first part of the code, which is never a placeholder."""
    found: dict[tuple[Book, str], list[tuple[list[str], Kind]]] = {}
    for kind in CHART:
        pattern = kind.pattern.split(":")
        found.setdefault((kind.book, pattern[0]), []).append((pattern, kind))
    return found


_BY_FIRST_PART = _by_first_part()


@lru_cache(maxsize=65_536)
def kind_of(book: Book, code: str) -> Kind:
    """The line of the chart for an account; `UnknownAccountCode` when there is none."""
    parts = code.split(":")
    for pattern, kind in _BY_FIRST_PART.get((book, parts[0]), ()):
        if _matches(pattern, parts):
            return kind
    raise UnknownAccountCode(f"the chart of the {book} book has no account {code!r}", param="account")


def owner_of(kind: Kind, code: str) -> str:
    """The object that the account belongs to, or "" when to nobody in particular."""
    return code.split(":")[kind.owner_part] if kind.owner_part is not None else ""


def _matches(pattern: list[str], parts: list[str]) -> bool:
    if pattern[0] == "user" and parts[0] == "user":
        return len(parts) > 1 and all(parts)
    return len(pattern) == len(parts) and all(
        bool(part) if wanted.startswith("<") else wanted == part for wanted, part in zip(pattern, parts, strict=True)
    )


def is_by_hand(code: str) -> bool:
    """True for accounts that journals written by hand may touch."""
    return code.startswith(_USER)
