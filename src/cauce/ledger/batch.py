"""Turns items into the arrays that `ledger.post` takes: one pass, everything dense, nothing looked up twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple, TypeVar

from cauce.ledger.rules import AccountName, Capture, Code, Item, Journal, PlaceHold, ReleaseHold, Result

KIND_JOURNAL, KIND_HOLD, KIND_CAPTURE, KIND_RELEASE, KIND_EXPIRE = 1, 2, 3, 4, 5
_HASH_BYTES = 8

Numbers = Mapping[AccountName, tuple[int, int]]
"""From an account's name to its number and its pool's; a number that does not exist has the pool 0."""


class _Target(NamedTuple):
    """An account of a batch: its pool's number, its own, its place in the array of accounts."""

    pool: int
    number: int
    place: int


@dataclass(slots=True)
class Arrays:
    """The arguments of `ledger.post`, in its order and names."""

    accounts: list[int]
    kind: list[int] = field(default_factory=list)
    key: list[str] = field(default_factory=list)
    content_hash: list[int] = field(default_factory=list)
    recipe: list[str] = field(default_factory=list)
    reference: list[str] = field(default_factory=list)
    evidence: list[str | None] = field(default_factory=list)
    effective: list[datetime] = field(default_factory=list)
    first_leg: list[int] = field(default_factory=list)
    leg_count: list[int] = field(default_factory=list)
    leg_item: list[int] = field(default_factory=list)
    leg_no: list[int] = field(default_factory=list)
    leg_account: list[int] = field(default_factory=list)
    leg_amount: list[int] = field(default_factory=list)
    link: list[int] = field(default_factory=list)
    same_as: list[int] = field(default_factory=list)
    reversed: list[int] = field(default_factory=list)
    item_reversed: list[int] = field(default_factory=list)
    hold_keys: list[str] = field(default_factory=list)
    item_hold: list[int] = field(default_factory=list)
    item_account: list[int] = field(default_factory=list)
    item_amount: list[int] = field(default_factory=list)
    item_final: list[bool] = field(default_factory=list)
    item_owner: list[str] = field(default_factory=list)
    item_expires: list[datetime | None] = field(default_factory=list)

    def arguments(self) -> list[object]:
        """What follows the organization in the call; a group of arrays that no item needs is None."""
        holds: list[object] = [
            self.hold_keys, self.item_hold, self.item_account, self.item_amount, self.item_final,
            self.item_owner, self.item_expires,
        ]  # fmt: skip
        return [
            self.accounts, self.kind, self.key, self.content_hash, self.recipe, self.reference, self.evidence,
            self.effective, self.first_leg, self.leg_count,
            self.leg_item, self.leg_no, self.leg_account, self.leg_amount,
            self.link if any(self.link) else None,
            self.same_as if any(self.same_as) else None,
            *([self.reversed, self.item_reversed] if self.reversed else [None] * 2),
            *(holds if self.hold_keys else [None] * len(holds)),
        ]  # fmt: skip


def accounts_of(item: Item) -> list[AccountName]:
    """Every account that an item touches."""
    match item:
        case Journal(legs=legs):
            return [leg.account for leg in legs]
        case Capture(account=account, journal=journal):
            return [account, *(leg.account for leg in journal.legs)]
        case PlaceHold(account=account) | ReleaseHold(account=account):
            return [account]


def flatten(items: Sequence[Item], known: Numbers) -> Arrays:
    """The arrays for `items`; `known` holds exactly their accounts. Legs of one pool stand together."""
    numbers = sorted({number for number, _ in known.values()})
    has_holds = any(type(item) is not Journal for item in items)
    places = {number: place for place, number in enumerate(numbers, 1)}
    targets = {account: _Target(pool, number, places[number]) for account, (number, pool) in known.items()}
    builder = _Builder(Arrays(numbers), targets, has_holds)
    for item in items:
        builder.add(item)
    return builder.arrays


@dataclass(slots=True)
class _Builder:
    arrays: Arrays
    targets: dict[AccountName, _Target]
    has_holds: bool
    last_by_key: dict[str, int] = field(default_factory=dict)
    link_numbers: dict[str, int] = field(default_factory=dict)
    hold_places: dict[str, int] = field(default_factory=dict)
    reversed_places: dict[int, int] = field(default_factory=dict)

    def add(self, item: Item) -> None:
        match item:
            case Journal():
                self._journal(KIND_JOURNAL, item)
                if self.has_holds:
                    self._no_hold()
            case Capture(hold_key=hold_key, account=account, journal=journal, final=final):
                self._journal(KIND_CAPTURE, journal, f"{hold_key}\0{final}")
                self._hold(hold_key, account, final=final)
            case PlaceHold():
                content = f"{item.owner}\0{item.reference}\0{self.targets[item.account].number}:{item.amount_minor}"
                self._head(
                    KIND_HOLD, item.key, _digest(content), "", item.reference, None, item.effective_at, item.link
                )
                self._hold(
                    item.key, item.account, amount_minor=item.amount_minor, owner=item.owner, expires=item.expires_at
                )
                self._legs(())
            case ReleaseHold():
                kind = KIND_EXPIRE if item.expired else KIND_RELEASE
                self._head(kind, "", 0, "", "", None, item.effective_at, item.link)
                self._hold(item.hold_key, item.account)
                self._legs(())

    def _journal(self, kind: int, journal: Journal, more: str = "") -> None:
        targets = self.targets
        legs = [(targets[account], amount_minor) for account, amount_minor in journal.legs]
        legs.sort(key=_pool_of)
        pairs = sorted([(target.number, amount_minor) for target, amount_minor in legs])
        # Texts hold no \0, so that nothing else can read the same. Times are no part: a retry may come with a later one.
        content = (
            f"{journal.recipe}\0{journal.reference}\0{journal.evidence or ''}\0{journal.reverses}\0{more}\0{pairs}"
        )
        earlier = self.last_by_key.get(journal.key, 0)
        self._head(
            kind, journal.key, _digest(content), journal.recipe, journal.reference, journal.evidence,
            journal.effective_at, journal.link,
        )  # fmt: skip
        arrays = self.arrays
        arrays.same_as[-1] = earlier
        self.last_by_key[journal.key] = len(arrays.kind)
        if journal.reverses is not None:
            arrays.item_reversed[-1] = _place(self.reversed_places, arrays.reversed, journal.reverses)
        self._legs(legs)

    def _head(
        self, kind: int, key: str, content_hash: int, recipe: str, reference: str, evidence: str | None,
        effective: datetime, link: str | None,
    ) -> None:  # fmt: skip
        arrays = self.arrays
        arrays.kind.append(kind)
        arrays.key.append(key)
        arrays.content_hash.append(content_hash)
        arrays.recipe.append(recipe)
        arrays.reference.append(reference)
        arrays.evidence.append(evidence)
        arrays.effective.append(effective)
        arrays.link.append(self.link_numbers.setdefault(link, len(self.link_numbers) + 1) if link else 0)
        arrays.same_as.append(0)
        arrays.item_reversed.append(0)

    def _legs(self, legs: Sequence[tuple[_Target, int]]) -> None:
        arrays = self.arrays
        arrays.first_leg.append(len(arrays.leg_amount) + 1)
        arrays.leg_count.append(len(legs))
        arrays.leg_item += [len(arrays.kind)] * len(legs)
        arrays.leg_no += range(1, len(legs) + 1)
        arrays.leg_account += [target.place for target, _ in legs]
        arrays.leg_amount += [amount_minor for _, amount_minor in legs]

    def _no_hold(self) -> None:
        arrays = self.arrays
        arrays.item_hold.append(0)
        arrays.item_account.append(0)
        arrays.item_amount.append(0)
        arrays.item_final.append(True)
        arrays.item_owner.append("")
        arrays.item_expires.append(None)

    def _hold(
        self, key: str, account: AccountName, *, amount_minor: int = 0, final: bool = True,
        owner: str = "", expires: datetime | None = None,
    ) -> None:  # fmt: skip
        arrays = self.arrays
        arrays.item_hold.append(_place(self.hold_places, arrays.hold_keys, key))
        arrays.item_account.append(self.targets[account].place)
        arrays.item_amount.append(amount_minor)
        arrays.item_final.append(final)
        arrays.item_owner.append(owner)
        arrays.item_expires.append(expires)


def results_of(codes: Sequence[int], ids: Sequence[int]) -> list[Result]:
    """The database's two arrays as results; what was refused has no number."""
    return [
        Result(Code(code), number if code <= Code.DUPLICATE else 0) for code, number in zip(codes, ids, strict=True)
    ]


def _pool_of(leg: tuple[_Target, int]) -> int:
    return leg[0].pool


_Name = TypeVar("_Name", str, int)


def _place(places: dict[_Name, int], names: list[_Name], name: _Name) -> int:
    place = places.get(name)
    if place is None:
        names.append(name)
        place = places[name] = len(names)
    return place


def _digest(content: str) -> int:
    return int.from_bytes(blake2b(content.encode(), digest_size=_HASH_BYTES).digest(), "big", signed=True)
