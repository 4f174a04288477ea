"""A pure, sequential ledger: the oracle that the database function is compared with.

It knows nothing of arrays, locks or batches: it takes one item after the other, keeps plain dictionaries, and undoes a
link group by going back to a copy. For a refusal it names every reason that is true; the database may give any of them.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import datetime

from cauce.ledger.chart import kind_of
from cauce.ledger.rules import (
    AMOUNT_MAX_MINOR,
    Account,
    Book,
    Capture,
    Code,
    Item,
    Journal,
    PlaceHold,
    ReleaseHold,
)  # fmt: skip

BALANCE_MAX_MINOR = 8 * 10**18


@dataclass
class HeldAmount:
    """One hold of the model."""

    account: Account
    content: object
    left: int
    state: str = "open"


@dataclass
class Model:
    """The books of one organization."""

    balances: dict[Account, int] = field(default_factory=dict)
    held: dict[Account, int] = field(default_factory=dict)
    journals: dict[str, object] = field(default_factory=dict)
    holds: dict[str, HeldAmount] = field(default_factory=dict)
    taken_back: set[int] = field(default_factory=set)
    known_numbers: set[int] = field(default_factory=set)
    open_from: dict[tuple[Book, str], datetime] = field(default_factory=dict)

    def post(self, items: list[Item]) -> list[set[Code]]:
        """The answers that are right for each item."""
        answers: list[set[Code]] = []
        for group in _groups(items):
            answers += self._group(group)
        return answers

    def _group(self, group: list[Item]) -> list[set[Code]]:
        before = copy.deepcopy(self.__dict__)
        answers: list[set[Code]] = []
        is_broken = False
        for item in group:
            answer = self._repeated(item)
            if answer is None:
                answer = {Code.LINKED_FAILED} if is_broken else self._one(item)
            answers.append(answer)
            if not is_broken and not answer <= {Code.POSTED, Code.DUPLICATE}:
                is_broken = True
                self.__dict__.update(copy.deepcopy(before))
                for place, earlier in enumerate(group[: len(answers) - 1]):
                    if self._repeated(earlier) != {Code.DUPLICATE}:
                        answers[place] = {Code.LINKED_FAILED}
        return answers

    def _repeated(self, item: Item) -> set[Code] | None:
        """The answer to a key that is known already; None for a new one."""
        match item:
            case Journal(key=key) | Capture(journal=Journal(key=key)) if key in self.journals:
                return {Code.DUPLICATE if self.journals[key] == _content(item) else Code.CONFLICT}
            case PlaceHold(key=key) if key in self.holds:
                return {Code.DUPLICATE if self.holds[key].content == _content(item) else Code.CONFLICT}
            case ReleaseHold(hold_key=key, account=account, expired=expired) if key in self.holds:
                one = self.holds[key]
                if one.account == account and one.state == ("expired" if expired else "released"):
                    return {Code.DUPLICATE}
        return None

    def _one(self, item: Item) -> set[Code]:
        match item:
            case Journal():
                return self._journal(item, item)
            case PlaceHold():
                return self._place(item)
            case ReleaseHold(hold_key=key, account=account, expired=expired):
                one = self.holds.get(key)
                if one is None or one.account != account or one.state != "open":
                    return {Code.HOLD_NOT_OPEN}
                self._end(one, "expired" if expired else "released")
                return {Code.POSTED}
            case Capture():
                return self._capture(item)

    def _place(self, item: PlaceHold) -> set[Code]:
        assert isinstance(item.account, Account)
        reserved = self.held.get(item.account, 0) + item.amount_minor
        if reserved > AMOUNT_MAX_MINOR:
            return {Code.OUT_OF_RANGE}
        kind = kind_of(item.account.book, item.account.code)
        available = kind.normal_side * self.balances.get(item.account, 0) - reserved
        if kind.floor_minor is not None and available < kind.floor_minor:
            return {Code.INSUFFICIENT}
        self.held[item.account] = reserved
        self.holds[item.key] = HeldAmount(item.account, _content(item), item.amount_minor)
        return {Code.POSTED}

    def _capture(self, item: Capture) -> set[Code]:
        one = self.holds.get(item.hold_key)
        if one is None or one.account != item.account or one.state != "open":
            return {Code.HOLD_NOT_OPEN}
        side = kind_of(one.account.book, one.account.code).normal_side
        taken = sum(-side * leg.amount_minor for leg in item.journal.legs if leg.account == one.account)
        accounts = [leg.account for leg in item.journal.legs]
        if len(set(accounts)) < len(accounts):
            return {Code.HOLD_EXCEEDED} | self._journal(item.journal, item)  # names bad legs, so nothing is posted
        if not 0 < taken <= one.left:
            return {Code.HOLD_EXCEEDED}
        before = copy.deepcopy(self.__dict__)
        if item.final or taken == one.left:
            self._end(one, "captured")
        else:
            one.left -= taken
            self.held[one.account] -= taken
        answer = self._journal(item.journal, item)
        if answer != {Code.POSTED}:
            self.__dict__.update(before)
        return answer

    def _end(self, one: HeldAmount, state: str) -> None:
        self.held[one.account] -= one.left
        one.left, one.state = 0, state

    def _journal(self, journal: Journal, item: Item) -> set[Code]:
        reasons: set[Code] = set()
        books: set[Book] = set()
        for leg in journal.legs:
            account, amount = leg.account, leg.amount_minor
            assert isinstance(account, Account)
            books.add(account.book)
            kind = kind_of(account.book, account.code)
            balance = self.balances.get(account, 0) + amount
            if amount == 0:
                reasons.add(Code.BAD_LEGS)
            if abs(balance) > BALANCE_MAX_MINOR:
                reasons.add(Code.OUT_OF_RANGE)
            border = self.open_from.get((account.book, account.channel_id))
            if border is not None and journal.effective_at < border:
                reasons.add(Code.CLOSED_PERIOD)
            available = kind.normal_side * balance - self.held.get(account, 0)
            if kind.normal_side * amount < 0 and kind.floor_minor is not None and available < kind.floor_minor:
                reasons.add(Code.INSUFFICIENT)
        if len({leg.account for leg in journal.legs}) < len(journal.legs):
            reasons.add(Code.BAD_LEGS)
        if Book.CUSTODY in books and not journal.evidence:
            reasons.add(Code.NO_EVIDENCE)
        if len(books) == 2 and journal.recipe != "T14":
            reasons.add(Code.BOTH_BOOKS)
        if journal.reverses is not None and (
            journal.reverses not in self.known_numbers or journal.reverses in self.taken_back
        ):
            reasons.add(Code.NOT_REVERSIBLE)
        if reasons:
            return reasons
        for leg in journal.legs:
            assert isinstance(leg.account, Account)
            self.balances[leg.account] = self.balances.get(leg.account, 0) + leg.amount_minor
        self.journals[journal.key] = _content(item)
        if journal.reverses is not None:
            self.taken_back.add(journal.reverses)
        return {Code.POSTED}


def _groups(items: list[Item]) -> list[list[Item]]:
    groups: list[list[Item]] = []
    last: str | None = None
    for item in items:
        link = item.journal.link if isinstance(item, Capture) else item.link
        if link is not None and link == last:
            groups[-1].append(item)
        else:
            groups.append([item])
        last = link
    return groups


def _content(item: Item) -> object:
    match item:
        case Journal():
            legs = frozenset((leg.account, leg.amount_minor) for leg in item.legs)
            return ("journal", item.recipe, item.reference, item.evidence or "", item.reverses, legs)
        case Capture():
            return ("capture", item.hold_key, item.final, _content(item.journal))
        case PlaceHold():
            return ("hold", item.owner, item.reference, item.account, item.amount_minor)
        case ReleaseHold():
            return ("release",)
