"""The money at a simulated provider: accounts and postings in double entry, integers, sums checked.

An account is a path and a currency (`seller/acct_1/available`); its balance is what its owner has. Money comes from
and goes to accounts under `outside/` (payers, banks), which alone may be negative without being opened so. Every
posting sums to zero, so the books always do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

OUTSIDE = "outside/"


class Overdrawn(Exception):
    """The account does not hold that much."""

    def __init__(self, account: str, balance_minor: int, wanted_minor: int) -> None:
        super().__init__(f"{account} holds {balance_minor}, {wanted_minor} are wanted")
        self.account = account
        self.balance_minor = balance_minor
        self.wanted_minor = wanted_minor


@dataclass(frozen=True, slots=True)
class Posting:
    """One movement: `legs` are (account, signed minor units) and sum to zero; `ref` is the object it belongs to."""

    number: int
    at: str
    memo: str
    currency: str
    legs: tuple[tuple[str, int], ...]
    ref: str


class Books:
    """All accounts and postings of one tenant."""

    def __init__(self) -> None:
        self._balances: dict[tuple[str, str], int] = {}
        self._may_go_negative: set[str] = set()
        self._postings: list[Posting] = []

    def allow_negative(self, account: str) -> None:
        """Let `account` go below zero (a seller after a chargeback, say)."""
        self._may_go_negative.add(account)

    def post(
        self,
        at: datetime,
        memo: str,
        currency: str,
        legs: Sequence[tuple[str, int]],
        ref: str = "",
        force: bool = False,
    ) -> Posting:
        """Book one movement. `Overdrawn`, with nothing booked, when an account would go below zero, unless forced."""
        assert legs, "a posting needs legs"
        assert sum(minor for _, minor in legs) == 0, f"{memo} does not sum to zero: {legs}"
        changes: dict[str, int] = {}
        for account, minor in legs:
            assert type(minor) is int
            changes[account] = changes.get(account, 0) + minor
        for account, change in changes.items():
            held = self._balances.get((account, currency), 0)
            if change < 0 and held + change < 0 and not force and not self._free(account):
                raise Overdrawn(account, held, -change)
        for account, change in changes.items():
            self._balances[account, currency] = self._balances.get((account, currency), 0) + change
        posting = Posting(len(self._postings) + 1, at.isoformat(), memo, currency, tuple(legs), ref)
        self._postings.append(posting)
        return posting

    def balance(self, account: str, currency: str) -> int:
        """Minor units that `account` holds."""
        return self._balances.get((account, currency), 0)

    def balances(self, prefix: str = "") -> list[dict[str, Any]]:
        """Every account under `prefix` with its currency and balance, sorted."""
        return [
            {"account": account, "currency": currency, "balance_minor": minor}
            for (account, currency), minor in sorted(self._balances.items())
            if account.startswith(prefix)
        ]

    def postings(self, prefix: str = "") -> Iterable[Posting]:
        """Postings that touch an account under `prefix`, oldest first."""
        return (p for p in self._postings if not prefix or any(a.startswith(prefix) for a, _ in p.legs))

    def check(self) -> list[str]:
        """What is wrong with the books: empty unless there is a defect."""
        recomputed: dict[tuple[str, str], int] = {}
        for posting in self._postings:
            for account, minor in posting.legs:
                recomputed[account, posting.currency] = recomputed.get((account, posting.currency), 0) + minor
        wrong = [
            f"{account} {currency}: balance {self._balances.get((account, currency))}, postings say {minor}"
            for (account, currency), minor in recomputed.items()
            if self._balances.get((account, currency)) != minor
        ]
        for currency in {currency for _, currency in recomputed}:
            total = sum(minor for (_, c), minor in recomputed.items() if c == currency)
            if total:
                wrong.append(f"{currency} sums to {total}")
        return wrong

    def dump(self) -> dict[str, Any]:
        """The whole state as JSON values."""
        return {
            "may_go_negative": sorted(self._may_go_negative),
            "postings": [[p.at, p.memo, p.currency, [list(leg) for leg in p.legs], p.ref] for p in self._postings],
        }

    @classmethod
    def load(cls, dumped: dict[str, Any]) -> Books:
        """Books as they were when dumped; balances are recomputed from the postings."""
        books = cls()
        books._may_go_negative = set(dumped["may_go_negative"])
        for at, memo, currency, legs, ref in dumped["postings"]:
            books.post(datetime.fromisoformat(at), memo, currency, [(a, m) for a, m in legs], ref, force=True)
        return books

    def _free(self, account: str) -> bool:
        return account.startswith(OUTSIDE) or account in self._may_go_negative
