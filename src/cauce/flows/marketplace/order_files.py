"""Files of orders, items and payments as one stream of orders by time of purchase, in little memory.

The files may be in any order and larger than memory, so they are first laid into a temporary database on disk and read
back joined. A map says which column holds which field, what a word means here, and what stands where a file says nothing:

    columns: {order_id: "Order", seller_id: "Vendor", price_cents: "Price"}
    values: {status: {Storniert: canceled}}
    defaults: {freight_cents: "0"}
    amounts: major
"""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from cauce.kernel.errors import InvalidRequest
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "order_files.sql")
_ROWS_A_STEP = 10_000
_HASHED_BYTES = 1 << 20

ORDER_COLUMNS = ("order_id", "status", "purchased_at", "approved_at", "delivered_at")
ITEM_COLUMNS = ("order_id", "item", "seller_id", "price_cents", "freight_cents")
PAYMENT_COLUMNS = ("order_id", "sequence", "method", "amount_cents", "ref", "fee_cents")
COLUMNS = frozenset({*ORDER_COLUMNS, *ITEM_COLUMNS, *PAYMENT_COLUMNS})
_NUMBERED = frozenset({"item", "sequence"})  # the number of the row, where the file has none
_ABSENT = frozenset({"ref", "fee_cents"})  # nothing, where the file has none


class BadOrderFile(InvalidRequest):
    """A file of orders cannot be read."""

    code = "bad_order_file"


@dataclass(frozen=True, slots=True)
class OrderMap:
    """Our field -> column (those not named are called the same), our field -> their word -> ours, our field -> what
    stands where the file says nothing. Amounts are whole minor units, or decimals of the currency with `is_major`.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    is_major: bool = False


def order_map_from(plain: object) -> OrderMap:
    """The map from its file's content; `bad_order_file` names what is wrong."""
    if not isinstance(plain, Mapping):
        raise BadOrderFile("a map has columns, and may have values, defaults and amounts", param="map")
    for part in ("columns", "values", "defaults"):
        fields = plain.get(part, {})
        if not isinstance(fields, Mapping) or not set(fields) <= COLUMNS:
            raise BadOrderFile(f"{part} maps fields of {', '.join(sorted(COLUMNS))}", param="map")
    words = plain.get("values", {}).values()
    if not set(plain) <= {"columns", "values", "defaults", "amounts"} or not all(isinstance(w, Mapping) for w in words):
        raise BadOrderFile(
            "a map has columns, values (words by field), defaults, amounts and nothing else", param="map"
        )
    if plain.get("amounts", "minor") not in ("minor", "major"):
        raise BadOrderFile("amounts is minor or major", param="map")
    return OrderMap(
        columns={name: str(column) for name, column in plain.get("columns", {}).items()},
        values={name: {str(a): str(b) for a, b in w.items()} for name, w in plain.get("values", {}).items()},
        defaults={name: str(text) for name, text in plain.get("defaults", {}).items()},
        is_major=plain.get("amounts") == "major",
    )


@dataclass(frozen=True, slots=True)
class OrderFiles:
    """Where the files are. Without `orders` the file of items says when each order was placed, on its first row."""

    orders: Path | None
    items: Path
    payments: Path
    map: OrderMap = field(default_factory=OrderMap)

    @classmethod
    def within(cls, folder: Path, columns: Mapping[str, str] | None = None) -> OrderFiles:
        """The files `orders.csv`, `items.csv`, `payments.csv` of a folder."""
        orders, items, payments = (folder / f"{name}.csv" for name in ("orders", "items", "payments"))
        missing = [path.name for path in (orders, items, payments) if not path.is_file()]
        if missing:
            raise BadOrderFile(f"{folder} has no {missing[0]}", param="orders")
        return cls(orders, items, payments, OrderMap(columns or {}))

    def fingerprint(self) -> str:
        """What tells these files and their map from any others."""
        plain = json.dumps(asdict(self.map), sort_keys=True)
        digest = blake2b(plain.encode(), digest_size=16)
        for path in (self.orders or self.items, self.items, self.payments):
            with _readable(path).open("rb") as file:
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
    payments: tuple[tuple[str, str, str, str], ...]  # method, amount, the provider's number, its fee


@contextmanager
def opened(files: OrderFiles) -> Iterator[FiledOrders]:
    """The files, joined and ready to be read; what they took on disk is gone afterwards."""
    with TemporaryDirectory(prefix="cauce-import-") as folder:
        base = sqlite3.connect(Path(folder) / "orders.db", check_same_thread=False)
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
                    tuple((method, amount, ref, fee) for method, amount, ref, fee in payments.get(row[0], ())),
                )
                for row in rows
            ]


def _grouped(rows: Iterable[tuple[str, ...]]) -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for number, *rest in rows:
        found.setdefault(number, []).append(tuple(rest))
    return found


class _Field(NamedTuple):
    place: int | None
    words: Mapping[str, str]
    default: str | None


def _fill(base: sqlite3.Connection, files: OrderFiles) -> None:
    for query in (QUERIES.create_orders, QUERIES.create_items, QUERIES.create_payments):
        base.execute(query)
    _lay(base, QUERIES.add_order, files.orders or files.items, ORDER_COLUMNS, files.map)
    _lay(base, QUERIES.add_item, files.items, ITEM_COLUMNS, files.map)
    _lay(base, QUERIES.add_payment, files.payments, PAYMENT_COLUMNS, files.map)
    base.execute(QUERIES.add_lone_orders)
    base.execute(QUERIES.create_order_index)
    base.commit()


def _lay(base: sqlite3.Connection, query: str, path: Path, names: tuple[str, ...], order_map: OrderMap) -> None:
    with _readable(path).open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        try:
            header = next(reader, [])
            places = [_place(path, header, name, order_map) for name in names]
            fields = [_Field(place, *_said(name, order_map)) for name, place in zip(names, places, strict=True)]
            columns_min = max(place for place in places if place is not None) + 1
            chunk: list[tuple[str, ...]] = []
            for row in reader:
                if len(row) < columns_min:
                    raise BadOrderFile(f"{path.name}, line {reader.line_num}: {len(row)} columns", param="orders")
                chunk.append(_row(row, reader.line_num, fields))
                if len(chunk) >= _ROWS_A_STEP:
                    base.executemany(query, chunk)
                    chunk = []
            base.executemany(query, chunk)
        except (UnicodeDecodeError, csv.Error) as exc:
            raise BadOrderFile(f"{path.name} is no CSV in UTF-8: {exc}", param="orders") from exc


def _place(path: Path, header: list[str], name: str, order_map: OrderMap) -> int | None:
    """Where a field stands in each row; None where the file has none and it may be missing."""
    column = order_map.columns.get(name, name)
    if column in header:
        return header.index(column)
    if name not in order_map.columns and (name in order_map.defaults or name in _NUMBERED or name in _ABSENT):
        return None
    raise BadOrderFile(f"{path.name} has no column {column!r}; it has {', '.join(header)}", param="map")


def _said(name: str, order_map: OrderMap) -> tuple[Mapping[str, str], str | None]:
    """What words mean in a field, and what stands where the file says nothing; None: the number of the row."""
    default = order_map.defaults.get(name, None if name in _NUMBERED else "")
    return order_map.values.get(name, {}), default


def _row(row: list[str], number: int, fields: Sequence[_Field]) -> tuple[str, ...]:
    found = []
    for place, words, default in fields:
        text = row[place].strip() if place is not None else ""
        if words:
            text = words.get(text, text)
        found.append(text or (str(number) if default is None else default))
    return tuple(found)


def _readable(path: Path) -> Path:
    if not path.is_file():
        raise BadOrderFile(f"{path} is no file", param="orders")
    return path
