"""Files of orders, items and payments as one stream of orders by time of purchase, in little memory.

The three files may be in any order and larger than memory, so they are first laid into a temporary database on disk
and read back joined. A column map names the columns; amounts are minor units.
"""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory

from cauce.kernel.errors import InvalidRequest
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "order_files.sql")
_ROWS_A_STEP = 10_000
_HASHED_BYTES = 1 << 20

ORDER_COLUMNS = ("order_id", "status", "purchased_at", "approved_at", "delivered_at")
ITEM_COLUMNS = ("order_id", "item", "seller_id", "price_cents", "freight_cents")
PAYMENT_COLUMNS = ("order_id", "sequence", "method", "amount_cents")


class BadOrderFile(InvalidRequest):
    """A file of orders cannot be read."""

    code = "bad_order_file"


@dataclass(frozen=True, slots=True)
class OrderFiles:
    """Where the files are; `columns` maps our column names to theirs, those not named are called the same."""

    orders: Path
    items: Path
    payments: Path
    columns: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def within(cls, folder: Path, columns: Mapping[str, str] | None = None) -> OrderFiles:
        """The files `orders.csv`, `items.csv`, `payments.csv` of a folder."""
        orders, items, payments = (folder / f"{name}.csv" for name in ("orders", "items", "payments"))
        missing = [path.name for path in (orders, items, payments) if not path.is_file()]
        if missing:
            raise BadOrderFile(f"{folder} has no {missing[0]}", param="orders")
        return cls(orders, items, payments, columns or {})

    def fingerprint(self) -> str:
        """What tells these files and their column map from any others."""
        digest = blake2b(json.dumps(dict(sorted(self.columns.items()))).encode(), digest_size=16)
        for path in (self.orders, self.items, self.payments):
            with path.open("rb") as file:
                while chunk := file.read(_HASHED_BYTES):
                    digest.update(chunk)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class FiledOrder:
    """One order as the files say it, still text."""

    number: str
    status: str
    placed_at: str
    approved_at: str
    delivered_at: str
    items: tuple[tuple[str, str, str], ...]  # seller, price, freight
    payments: tuple[tuple[str, str], ...]  # method, amount


@contextmanager
def opened(files: OrderFiles) -> Iterator[FiledOrders]:
    """The files, joined and ready to be read; what they took on disk is gone afterwards."""
    with TemporaryDirectory(prefix="cauce-import-") as folder:
        base = sqlite3.connect(Path(folder) / "orders.db", isolation_level=None, check_same_thread=False)
        try:
            base.execute("PRAGMA journal_mode = OFF")
            base.execute("PRAGMA synchronous = OFF")
            _fill(base, files)
            yield FiledOrders(base)
        finally:
            base.close()


class FiledOrders:
    """Joined files of orders."""

    def __init__(self, base: sqlite3.Connection) -> None:
        self._base = base

    def count(self) -> int:
        """How many orders there are."""
        return int(self._base.execute(QUERIES.order_count).fetchone()[0])

    def sellers(self) -> list[str]:
        """Every seller, once."""
        return [row[0] for row in self._base.execute(QUERIES.sellers)]

    def chunks(self, size: int) -> Iterator[list[FiledOrder]]:
        """Orders by time of purchase, `size` at a time."""
        last = ("", "")
        while rows := self._base.execute(QUERIES.orders_after, (*last, size)).fetchall():
            last = (rows[-1][2], rows[-1][0])
            numbers = json.dumps([row[0] for row in rows])
            items = _grouped(self._base.execute(QUERIES.items_of, (numbers,)))
            payments = _grouped(self._base.execute(QUERIES.payments_of, (numbers,)))
            yield [
                FiledOrder(
                    row[0],
                    row[1],
                    row[2],
                    row[3],
                    row[4],
                    tuple((seller, price, freight) for seller, price, freight in items.get(row[0], ())),
                    tuple((method, amount) for method, amount in payments.get(row[0], ())),
                )
                for row in rows
            ]


def _grouped(rows: Iterable[tuple[str, ...]]) -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for number, *rest in rows:
        found.setdefault(number, []).append(tuple(rest))
    return found


def _fill(base: sqlite3.Connection, files: OrderFiles) -> None:
    for query in (QUERIES.create_orders, QUERIES.create_items, QUERIES.create_payments):
        base.execute(query)
    _lay(base, QUERIES.add_order, files.orders, ORDER_COLUMNS, files.columns)
    _lay(base, QUERIES.add_item, files.items, ITEM_COLUMNS, files.columns)
    _lay(base, QUERIES.add_payment, files.payments, PAYMENT_COLUMNS, files.columns)
    base.execute(QUERIES.add_lone_orders)
    base.execute(QUERIES.create_order_index)


def _lay(base: sqlite3.Connection, query: str, path: Path, columns: tuple[str, ...], names: Mapping[str, str]) -> None:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        try:
            places = [header.index(names.get(column, column)) for column in columns]
        except ValueError as exc:
            raise BadOrderFile(f"{path.name}: {exc}; its columns are {', '.join(header)}", param="map") from exc
        chunk: list[tuple[str, ...]] = []
        for row in reader:
            if len(row) <= max(places):
                raise BadOrderFile(f"{path.name}, line {reader.line_num}: {len(row)} columns", param="orders")
            chunk.append(tuple(row[place].strip() for place in places))
            if len(chunk) >= _ROWS_A_STEP:
                base.executemany(query, chunk)
                chunk = []
        base.executemany(query, chunk)
