"""Random programs of ledger batches: small amounts on few accounts, so that everything meets everything."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cauce.ledger.rules import AMOUNT_MAX_MINOR, Account, Book, Capture, Item, Journal, Leg, PlaceHold, ReleaseHold

START = datetime(2026, 1, 10, tzinfo=UTC)
_P, _C = Book.PLATFORM, Book.CUSTODY

POOLS: tuple[tuple[Account, ...], ...] = (
    tuple(Account(_P, "", "eur", code) for code in ("user:a", "user:b", "own_bank", "customer:1:credit", "customer:2:credit")),
    tuple(Account(_P, "", "usd", code) for code in ("user:a", "user:b", "customer:1:credit")),
    tuple(Account(_C, "chn_1", "eur", code) for code in ("psp_in_transit", "custody_bank", "escrow:1", "fee", "member:1:pending")),
    tuple(Account(_C, "chn_2", "eur", code) for code in ("psp_in_transit", "escrow:1", "member:1:withdrawable")),
)  # fmt: skip


class Program:
    """One program: batches made from `seed`; it remembers what it sent, to send it again."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self._sent: list[Item] = []
        self._holds: list[PlaceHold] = []
        self._made = 0
        self.numbers: list[tuple[Journal, int]] = []

    def batches(self) -> Iterator[list[Item]]:
        """The batches, one after the other; `numbers` is read for reversals as the program goes on."""
        for _ in range(self.chance.randint(4, 14)):
            batch: list[Item] = []
            link, left = None, 0
            for _ in range(self.chance.randint(1, 14)):
                if left == 0 and self.chance.random() < 0.2:
                    link, left = f"g{self._next()}", self.chance.randint(2, 4)
                item = self._item(link if left else None)
                left = max(0, left - 1)
                batch.append(item)
                self._sent.append(item)
            yield batch

    def _next(self) -> int:
        self._made += 1
        return self._made

    def _item(self, link: str | None) -> Item:
        roll = self.chance.random()
        if self._sent and roll < 0.10:
            return self.chance.choice(self._sent)
        if roll < 0.22:
            account = self.chance.choice(self.chance.choice(POOLS))
            placed = PlaceHold(self._key("h"), account, self._amount(), "own", "ref", self._instant(), None, link)
            self._holds.append(placed)
            return placed
        if self._holds and roll < 0.34:
            one = self._one_hold()
            return ReleaseHold(one.key, one.account, self._instant(), self.chance.random() < 0.4, link)
        if self._holds and roll < 0.52:
            one = self._one_hold()
            journal = self._journal(link, start=one.account)
            return Capture(one.key, one.account, journal, self.chance.random() < 0.6)
        if self.numbers and roll < 0.60:
            journal, number = self.chance.choice(self.numbers[-6:])
            legs = tuple(Leg(leg.account, -leg.amount_minor) for leg in journal.legs)
            return Journal(self._key("r"), journal.recipe, "ref", self._instant(), legs, journal.evidence, number, link)
        return self._journal(link)

    def _one_hold(self) -> PlaceHold:
        return self.chance.choice(self._holds[-5:])

    def _journal(self, link: str | None, start: object = None) -> Journal:
        pools = self.chance.sample(POOLS, 2 if self.chance.random() < 0.15 else 1)
        legs: list[Leg] = []
        for pool in pools:
            legs += self._legs(pool)
        if isinstance(start, Account) and not any(leg.account == start for leg in legs):
            pool = next(pool for pool in POOLS if start in pool)
            other = self.chance.choice([account for account in pool if account != start])
            amount = self._amount() * (1 if self.chance.random() < 0.8 else -1)
            side = (
                1
                if start.code in ("psp_in_transit", "custody_bank") or (start.book is _P and "credit" not in start.code)
                else -1
            )
            legs = [Leg(start, -side * amount), Leg(other, side * amount)]
        books = {leg.account.book for leg in legs}  # type: ignore[union-attr]
        evidence = "ev" if _C in books and self.chance.random() < 0.95 else None
        recipe = "T14" if len(books) == 2 and self.chance.random() < 0.7 else "any"
        self.chance.shuffle(legs)
        return Journal(self._key("j"), recipe, "ref", self._instant(), tuple(legs), evidence, None, link)

    def _legs(self, pool: tuple[Account, ...]) -> list[Leg]:
        accounts = self.chance.sample(pool, self.chance.randint(2, len(pool)))
        if self.chance.random() < 0.03:
            accounts.append(accounts[0])
        amounts = [self._amount() * self.chance.choice((1, -1)) for _ in accounts[1:]]
        return [Leg(accounts[0], -sum(amounts))] + [Leg(a, n) for a, n in zip(accounts[1:], amounts, strict=True)]

    def _amount(self) -> int:
        return AMOUNT_MAX_MINOR // 8 if self.chance.random() < 0.02 else self.chance.randint(1, 30)

    def _instant(self) -> datetime:
        return START + timedelta(days=self.chance.randint(0, 100))

    def _key(self, kind: str) -> str:
        if self._sent and self.chance.random() < 0.03:
            earlier = self.chance.choice(self._sent)
            key = getattr(earlier, "key", None) or f"{kind}{self._next()}"
            return str(key)
        return f"{kind}{self._next()}"
