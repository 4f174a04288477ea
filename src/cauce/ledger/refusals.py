"""What the ledger answers when it refuses, as errors: one class per result code, for doors that speak of single items.

Inside the product, flows decide by `Code`; a door that posts for a caller turns the code into the problem that the
caller can switch on.
"""

from __future__ import annotations

from cauce.ledger.rules import Code, JournalRefused


class KeyTaken(JournalRefused):
    """The key was used before, for something else."""

    code = "ledger_key_conflict"


class AccountUnknown(JournalRefused):
    """The ledger has no account with this number."""

    code = "ledger_account_unknown"


class AccountClosed(JournalRefused):
    """The account is closed."""

    code = "ledger_account_closed"


class Insufficient(JournalRefused):
    """Not enough is available on the account."""

    code = "ledger_insufficient"


class Unbalanced(JournalRefused):
    """Debits and credits differ within a book and currency."""

    code = "ledger_unbalanced"


class PeriodClosed(JournalRefused):
    """The month in which it took effect is closed; post it in the first open month and name its own date in it."""

    code = "closed_period"


class LinkedFailed(JournalRefused):
    """Another item of the same link group was refused, and with it this one."""

    code = "ledger_linked_failed"


class HoldNotOpen(JournalRefused):
    """There is no open hold with this key on this account."""

    code = "ledger_hold_not_open"


class HoldExceeded(JournalRefused):
    """More would be taken than the hold reserves."""

    code = "ledger_hold_exceeded"


class EvidenceMissing(JournalRefused):
    """A movement of custody money names the provider's instruction or statement line that proves it."""

    code = "ledger_evidence_missing"


class BothBooks(JournalRefused):
    """Only the fee sweep touches both books."""

    code = "ledger_both_books"


class BeyondRange(JournalRefused):
    """The amount or the balance after it is larger than the ledger can hold."""

    code = "ledger_out_of_range"


class BadLegs(JournalRefused):
    """A journal has two legs or more, each on another account and none of nothing."""

    code = "ledger_bad_legs"


class NotReversible(JournalRefused):
    """The journal does not exist or was taken back before."""

    code = "ledger_not_reversible"


_CLASSES: dict[Code, type[JournalRefused]] = {
    Code.CONFLICT: KeyTaken,
    Code.UNKNOWN_ACCOUNT: AccountUnknown,
    Code.ACCOUNT_CLOSED: AccountClosed,
    Code.INSUFFICIENT: Insufficient,
    Code.UNBALANCED: Unbalanced,
    Code.CLOSED_PERIOD: PeriodClosed,
    Code.LINKED_FAILED: LinkedFailed,
    Code.HOLD_NOT_OPEN: HoldNotOpen,
    Code.HOLD_EXCEEDED: HoldExceeded,
    Code.NO_EVIDENCE: EvidenceMissing,
    Code.BOTH_BOOKS: BothBooks,
    Code.OUT_OF_RANGE: BeyondRange,
    Code.BAD_LEGS: BadLegs,
    Code.NOT_REVERSIBLE: NotReversible,
}


def refusal_of(code: Code) -> JournalRefused:
    """The error that says what `code` means; `code` is one that does not stand."""
    return _CLASSES[code](reason=code.name.lower())
