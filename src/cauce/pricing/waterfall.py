"""Moving money along a declared plan: payers in order or by share, receivers in order up to caps or by share.

A plan is a list of instructions on balances. A payer gives what it has at that moment; what the payers gave, in the
order it was taken, is matched to the receivers in listed order. What a receiver says to keep stays with the payers
that come last. One refusal undoes the whole plan. Amounts are integers of any size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from cauce.kernel.errors import InvalidRequest
from cauce.pricing.allocation import REST, NegativeShare, Share, allocate_by_share
from cauce.pricing.holds import InsufficientFunds
from cauce.pricing.rounding import Remainder

EXTERNAL = "external"
"""The account name of the outside world in a flow."""


class UnboundedPayer(InvalidRequest):
    """Everything cannot be taken from a payer that is unlimited or divided by shares."""

    code = "unbounded_payer"


class UnplacedMoney(InvalidRequest):
    """The receivers' caps do not cover the amount and none of them takes the rest."""

    code = "unplaced_money"


@dataclass(frozen=True, slots=True)
class Account:
    """An account as payer or receiver. `overdraft_minor`: how far below zero it may go; `unlimited`: without end."""

    name: str
    overdraft_minor: int = 0
    unlimited: bool = False


@dataclass(frozen=True, slots=True)
class External:
    """The outside world: an unlimited payer, any receiver."""


@dataclass(frozen=True, slots=True)
class Capped:
    """At most `cap_minor` of one payer; below zero counts as nothing."""

    cap_minor: int
    payer: Payer


@dataclass(frozen=True, slots=True)
class PayersInOrder:
    """Each payer in turn until the amount is covered."""

    payers: tuple[Payer, ...]


@dataclass(frozen=True, slots=True)
class PayersByShare:
    """The amount is divided first; each payer must give its part exactly. A share of None is the rest."""

    parts: tuple[tuple[Fraction | None, Payer], ...]


@dataclass(frozen=True, slots=True)
class Keep:
    """That part is not moved."""


@dataclass(frozen=True, slots=True)
class ReceiversInOrder:
    """Each receiver in turn up to its cap; a cap of None takes what is left."""

    parts: tuple[tuple[int | None, Receiver], ...]


@dataclass(frozen=True, slots=True)
class ReceiversByShare:
    """The amount divided by shares. A share of None is the rest."""

    parts: tuple[tuple[Fraction | None, Receiver], ...]


Payer = Account | External | Capped | PayersInOrder | PayersByShare
Receiver = Account | External | ReceiversInOrder | ReceiversByShare | Keep


@dataclass(frozen=True, slots=True)
class Move:
    """Take `amount_minor` (None: all that the payer can give) and hand it to the receiver."""

    currency: str
    amount_minor: int | None
    payer: Payer
    receiver: Receiver


@dataclass(frozen=True, slots=True)
class Protect:
    """Make that much (None: all) of an account's positive balance unavailable to what follows, overdraft included."""

    currency: str
    amount_minor: int | None
    account: str


@dataclass(frozen=True, slots=True, order=True)
class Flow:
    """What moved from one account to another in all."""

    payer: str
    receiver: str
    currency: str
    amount_minor: int


Piece = tuple[str, int]


def run_waterfall(
    balances: Mapping[tuple[str, str], int],
    instructions: Sequence[Move | Protect],
    policy: Remainder = Remainder.LARGEST_REMAINDER,
) -> list[Flow]:
    """The flows of the whole plan, summed and sorted, on `balances` by (account, currency); refused as a whole.

    `InsufficientFunds` when a payer is short; the refusals of `allocate_by_share` for impossible shares.
    """
    run = _Run(dict(balances), policy)
    flows: dict[tuple[str, str, str], int] = {}
    for step in instructions:
        if isinstance(step, Protect):
            run.protect(step)
            continue
        for payer, receiver, amount in run.move(step):
            key = (payer, receiver, step.currency)
            flows[key] = flows.get(key, 0) + amount
    return sorted(Flow(*key, amount) for key, amount in flows.items() if amount)


@dataclass(slots=True)
class _Run:
    """The balances that later instructions may still use: real balances less what is protected."""

    free: dict[tuple[str, str], int]
    policy: Remainder

    def protect(self, step: Protect) -> None:
        key = (step.account, step.currency)
        positive = max(0, self.free.get(key, 0))
        if step.amount_minor is not None and step.amount_minor < 0:
            raise NegativeShare(param="protect")
        kept = positive if step.amount_minor is None else min(positive, step.amount_minor)
        self.free[key] = self.free.get(key, 0) - kept

    def move(self, step: Move) -> list[tuple[str, str, int]]:
        if step.amount_minor is not None and step.amount_minor < 0:
            raise NegativeShare(param="amount")
        taken = self.take(step.payer, step.amount_minor, step.currency)
        total = sum(amount for _, amount in taken)
        if step.amount_minor is not None and total < step.amount_minor:
            raise InsufficientFunds(missing_minor=step.amount_minor - total)
        given = self.give(step.receiver, total)
        placed = [piece for piece in given if piece[0] is not None]
        kept = total - sum(amount for _, amount in placed)
        moves = _matched(taken, placed)
        for name, amount in _tail(taken, kept):
            self._change(name, step.currency, amount)
        for _, receiver, amount in moves:
            self._change(receiver, step.currency, amount)
        return moves

    def take(self, payer: Payer, need: int | None, currency: str) -> list[Piece]:
        """What `payer` gives towards `need` (None: all), taken off the free balances as it is given."""
        if isinstance(payer, Capped):
            cap = max(0, payer.cap_minor)
            return self.take(payer.payer, cap if need is None else min(cap, need), currency)
        if isinstance(payer, PayersInOrder):
            return self._in_order(payer, need, currency)
        if isinstance(payer, PayersByShare):
            return self._by_share(payer, need, currency)
        if isinstance(payer, External):
            if need is None:
                raise UnboundedPayer
            return [(EXTERNAL, need)]
        amount = self._available(payer, need, currency)
        self._change(payer.name, currency, -amount)
        return [(payer.name, amount)]

    def give(self, receiver: Receiver, amount: int) -> list[tuple[str | None, int]]:
        """Who gets `amount`, in listed order; None stands for what is kept."""
        if isinstance(receiver, Keep):
            return [(None, amount)]
        if isinstance(receiver, External):
            return [(EXTERNAL, amount)]
        if isinstance(receiver, Account):
            return [(receiver.name, amount)]
        found: list[tuple[str | None, int]] = []
        if isinstance(receiver, ReceiversByShare):
            parts = allocate_by_share(amount, [_share(share) for share, _ in receiver.parts], self.policy).parts
            for part, (_, target) in zip(parts, receiver.parts, strict=True):
                found += self.give(target, part)
            return found
        for cap, target in receiver.parts:
            part = amount if cap is None else min(amount, max(0, cap))
            found += self.give(target, part)
            amount -= part
        if amount:
            raise UnplacedMoney(left_over=amount)
        return found

    def _in_order(self, payer: PayersInOrder, need: int | None, currency: str) -> list[Piece]:
        taken: list[Piece] = []
        for each in payer.payers:
            pieces = self.take(each, need, currency)
            taken += pieces
            if need is not None:
                need -= sum(amount for _, amount in pieces)
        return taken

    def _by_share(self, payer: PayersByShare, need: int | None, currency: str) -> list[Piece]:
        if need is None:
            raise UnboundedPayer
        taken: list[Piece] = []
        parts = allocate_by_share(need, [_share(share) for share, _ in payer.parts], self.policy).parts
        for part, (_, each) in zip(parts, payer.parts, strict=True):
            pieces = self.take(each, part, currency)
            if sum(amount for _, amount in pieces) < part:
                raise InsufficientFunds
            taken += pieces
        return taken

    def _available(self, account: Account, need: int | None, currency: str) -> int:
        free = self.free.get((account.name, currency), 0)
        if account.unlimited:
            return max(0, free) if need is None else need
        limit = max(0, free + max(0, account.overdraft_minor))
        return limit if need is None else min(need, limit)

    def _change(self, name: str, currency: str, amount: int) -> None:
        if name != EXTERNAL:
            self.free[name, currency] = self.free.get((name, currency), 0) + amount


def _share(fraction: Fraction | None) -> Share:
    return REST if fraction is None else Share(fraction=fraction)


def _matched(taken: Sequence[Piece], placed: Sequence[tuple[str | None, int]]) -> list[tuple[str, str, int]]:
    """Pair payers' money, in the order taken, with receivers in listed order."""
    moves: list[tuple[str, str, int]] = []
    left = [amount for _, amount in taken]
    at = 0
    for receiver, wanted in placed:
        while wanted:
            amount = min(left[at], wanted)
            if amount:
                moves.append((taken[at][0], str(receiver), amount))
            left[at] -= amount
            wanted -= amount
            if not left[at]:
                at += 1
    return moves


def _tail(taken: Sequence[Piece], kept: int) -> list[Piece]:
    """The last `kept` units of the money taken: they go back to their payers."""
    back: list[Piece] = []
    for name, amount in reversed(taken):
        part = min(amount, kept)
        kept -= part
        back.append((name, part))
    return back
