"""Reservations on one account, as a pure model: what a hold, a capture, a release and an expiry do to a balance.

available = credits - debits - held, unlimited for an account without an opening balance. The ledger holds the same
rules in the database; this model is the oracle it is compared with, and what previews use. Each step returns the
account after it, or raises and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from cauce.kernel.errors import Conflict, InvalidRequest, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping


class InsufficientFunds(Conflict):
    """The account has less available than is asked for."""

    code = "insufficient_funds"


class ExistsWithDifferentAmount(Conflict):
    """A hold of this id exists with another amount."""

    code = "exists_with_different_amount"


class ExceedsHold(Conflict):
    """More cannot be posted than the hold reserves."""

    code = "exceeds_hold"


class AlreadyPosted(Conflict):
    """The hold was posted before."""

    code = "already_posted"


class AlreadyVoided(Conflict):
    """The hold was released before."""

    code = "already_voided"


class HoldExpired(Conflict):
    """The hold ran out and was released."""

    code = "expired"


class UnknownHold(NotFound):
    """There is no hold of this id."""

    code = "unknown_hold"


class BadAmount(InvalidRequest):
    """An amount to move or hold cannot be negative."""

    code = "negative_amount"


class HoldState(StrEnum):
    """Where a hold stands; only a live one counts as held."""

    LIVE = "live"
    POSTED = "posted"
    VOIDED = "voided"
    EXPIRED = "expired"


_ENDED: dict[HoldState, type[Conflict]] = {
    HoldState.POSTED: AlreadyPosted,
    HoldState.VOIDED: AlreadyVoided,
    HoldState.EXPIRED: HoldExpired,
}


@dataclass(frozen=True, slots=True)
class HoldModel:
    """One hold: reserved amount, state, and the second at which it runs out (None: never)."""

    amount_minor: int
    state: HoldState = HoldState.LIVE
    expires_at_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class HoldAccount:
    """An account with holds. `limit_minor` is its credits; None means that it can never run short."""

    limit_minor: int | None = None
    posted_minor: int = 0
    opening_held_minor: int = 0
    now_seconds: int = 0
    holds: Mapping[str, HoldModel] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def held_minor(self) -> int:
        """What is reserved now: live holds and what was held at the opening."""
        live = (hold.amount_minor for hold in self.holds.values() if hold.state is HoldState.LIVE)
        return self.opening_held_minor + sum(live)

    @property
    def available_minor(self) -> int | None:
        """What may still be moved or held; None without a limit."""
        return None if self.limit_minor is None else self.limit_minor - self.posted_minor - self.held_minor

    def move(self, amount_minor: int) -> HoldAccount:
        """Pay `amount_minor` out; `InsufficientFunds` beyond what is available."""
        self._require(amount_minor)
        return replace(self, posted_minor=self.posted_minor + amount_minor)

    def move_up_to(self, amount_minor: int) -> tuple[HoldAccount, int]:
        """Pay out at most `amount_minor`, as far as available; with the amount that moved."""
        available = self.available_minor
        moved = amount_minor if available is None else max(0, min(amount_minor, available))
        return self.move(moved), moved

    def hold(self, id: str, amount_minor: int, *, expires_after_seconds: int | None = None) -> HoldAccount:
        """Reserve `amount_minor` under `id`; the same id and amount again changes nothing."""
        if id in self.holds:
            if self.holds[id].amount_minor != amount_minor:
                raise ExistsWithDifferentAmount(id=id)
            return self
        self._require(amount_minor)
        expires = None if expires_after_seconds is None else self.now_seconds + expires_after_seconds
        return self._with(id, HoldModel(amount_minor, HoldState.LIVE, expires))

    def post(self, id: str, amount_minor: int | None = None) -> HoldAccount:
        """Capture `amount_minor` of the hold (None: all of it; 0 is allowed) and release the rest."""
        hold = self._live(id)
        captured = hold.amount_minor if amount_minor is None else amount_minor
        if captured < 0:
            raise BadAmount(param="amount")
        if captured > hold.amount_minor:
            raise ExceedsHold(id=id)
        ended = self._with(id, replace(hold, state=HoldState.POSTED))
        return replace(ended, posted_minor=self.posted_minor + captured)

    def void(self, id: str) -> HoldAccount:
        """Release the hold without posting anything."""
        return self._with(id, replace(self._live(id), state=HoldState.VOIDED))

    def advance(self, seconds: int) -> HoldAccount:
        """Let time pass; a hold whose time is up is released."""
        now = self.now_seconds + seconds
        return replace(self, now_seconds=now, holds=MappingProxyType({i: _at(h, now) for i, h in self.holds.items()}))

    def _require(self, amount_minor: int) -> None:
        if amount_minor < 0:
            raise BadAmount(param="amount")
        available = self.available_minor
        if available is not None and amount_minor > available:
            raise InsufficientFunds(available_minor=available)

    def _live(self, id: str) -> HoldModel:
        if id not in self.holds:
            raise UnknownHold(id=id)
        hold = self.holds[id]
        if hold.state is not HoldState.LIVE:
            raise _ENDED[hold.state](id=id)
        return hold

    def _with(self, id: str, hold: HoldModel) -> HoldAccount:
        return replace(self, holds=MappingProxyType({**self.holds, id: hold}))


def _at(hold: HoldModel, now_seconds: int) -> HoldModel:
    due = hold.expires_at_seconds
    if hold.state is HoldState.LIVE and due is not None and due <= now_seconds:
        return replace(hold, state=HoldState.EXPIRED)
    return hold
