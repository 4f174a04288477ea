"""Statements of bank accounts as files: CSV with a column map, MT940, camt.053, each read into the same lines.

A reader is a generator over the bytes of one file. It fills `StatementFacts` while it reads and raises after the last
line when the file does not add up. What a line records (a payout, a collection) the bank does not know; reconciliation
finds it by the reference that the line carries.
"""

from cauce.providers.kit.bankfiles.camt053 import read_camt053
from cauce.providers.kit.bankfiles.csvmap import BadCsvMap, CsvMap, parse_csv_map, read_csv
from cauce.providers.kit.bankfiles.entry import FILE_BYTES_MAX
from cauce.providers.kit.bankfiles.formats import Format, day_of, read_file
from cauce.providers.kit.bankfiles.mt940 import read_mt940

__all__ = [
    "FILE_BYTES_MAX",
    "BadCsvMap",
    "CsvMap",
    "Format",
    "day_of",
    "parse_csv_map",
    "read_camt053",
    "read_csv",
    "read_file",
    "read_mt940",
]
