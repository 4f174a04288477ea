"""Which format a file has, and its lines and day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import StrEnum

from cauce.gateway.errors import BadStatement
from cauce.gateway.reporting import StatementFacts, StatementLine
from cauce.providers.kit.bankfiles.camt053 import read_camt053
from cauce.providers.kit.bankfiles.csvmap import CsvMap, read_csv
from cauce.providers.kit.bankfiles.entry import FILE_BYTES_MAX
from cauce.providers.kit.bankfiles.mt940 import read_mt940


class Format(StrEnum):
    """What a statement file is."""

    CSV = "csv"
    MT940 = "mt940"
    CAMT053 = "camt053"


def read_file(
    data: bytes, file_format: Format, facts: StatementFacts, csv_map: CsvMap | None = None
) -> Iterator[StatementLine]:
    """The lines of a file; `BadStatement` when it is too large, cannot be read, or a CSV comes without its map."""
    if len(data) > FILE_BYTES_MAX:
        raise BadStatement(f"the file is larger than {FILE_BYTES_MAX} bytes")
    if file_format is Format.MT940:
        return read_mt940(data, facts)
    if file_format is Format.CAMT053:
        return read_camt053(data, facts)
    if csv_map is None:
        raise BadStatement("a CSV statement needs the channel's column map first")
    return read_csv(data, facts, csv_map)


def day_of(lines: Iterator[StatementLine]) -> date | None:
    """The latest booking day of a file's lines; None when it has none."""
    return max((line.occurred_at.date() for line in lines), default=None)
