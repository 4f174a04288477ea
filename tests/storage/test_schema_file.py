"""`migrations/schema.sql` is what the migrations make: whoever changes one sees the whole in the same commit.

`CAUCE_WRITE_SCHEMA=1 python -m pytest tests/storage/test_schema_file.py` writes it anew.
"""

from __future__ import annotations

import os
import re
import subprocess
from importlib import resources
from pathlib import Path

import asyncpg
import pytest

from tests.support.postgres import DatabaseServer, binaries

FILE = Path(str(resources.files("cauce.migrations") / "schema.sql"))
_OF_ONE_RUN = ("\\restrict", "\\unrestrict", "-- Dumped ")


async def test_the_migrations_make_the_schema_that_is_written_down(
    database_server: DatabaseServer, database_template: str
) -> None:
    async with database_server.temporary_database(template=database_template) as dsn:
        connection = await asyncpg.connect(dsn)
        major = connection.get_server_version().major
        await connection.close()
        if major != 18:
            pytest.skip(f"schema.sql is written as PostgreSQL 18 dumps it; this server is {major}")
        made = dump(dsn)
    if os.environ.get("CAUCE_WRITE_SCHEMA"):
        FILE.write_text(made, encoding="utf-8")
    assert made == FILE.read_text(encoding="utf-8"), "a migration changed the schema: write it anew (see above)"


def test_s1_no_column_holds_a_float() -> None:
    floats = re.findall(
        r"^.*\b(?:double precision|real|float[48]?)\b.*$", FILE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert floats == [], "money and quantities are whole numbers or numerics"


def dump(dsn: str) -> str:
    """The schema in pg_dump's words, without what differs from run to run."""
    program = binaries() / "pg_dump"
    done = subprocess.run(
        [str(program), "--schema-only", "--no-owner", "--dbname", dsn], capture_output=True, text=True, check=True
    )
    lines = [line for line in done.stdout.splitlines() if not line.startswith(_OF_ONE_RUN)]
    return "\n".join(lines).strip() + "\n"
