"""Files that staff keep with a customer (B8): a contract, a tax form. Never shown as pages, gone with his personal data."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

from cauce.kernel.errors import Conflict, InvalidRequest, NotFound
from cauce.kernel.ids import new_id
from cauce.storage.database import Row, Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "files.sql")

FILE_BYTES_MAX = 10 * 1024 * 1024
FILES_MAX = 100
"""Of one customer."""
_NAME_CHARACTERS_MAX = 200


class TooManyFiles(Conflict):
    """A customer has at most 100 files; remove one first."""

    code = "too_many_files"


def checked_name(name: str) -> str:
    """A file's own name, without folders and signs that no name has; `InvalidRequest` where nothing is left."""
    own = re.split(r"[/\\]", name)[-1]
    plain = " ".join("".join(one for one in own if one.isprintable()).split())[-_NAME_CHARACTERS_MAX:]
    if plain.strip(". ") == "":
        raise InvalidRequest("a file has a name", param="name")
    return plain


async def put(tx: Tx, customer_id: str, name: str, content: bytes, at: datetime, *, actor: str) -> str:
    """Keep a file; its id. The same bytes under the same name are one file, however often they come."""
    if not 1 <= len(content) <= FILE_BYTES_MAX:
        raise InvalidRequest(f"a file has 1 to {FILE_BYTES_MAX} bytes", param="file")
    plain, digest = checked_name(name), hashlib.sha256(content).hexdigest()
    known = await tx.value(QUERIES.known_file, tx.org, customer_id, digest, plain)
    if known is not None:
        return str(known)
    if await tx.value(QUERIES.count_files, tx.org, customer_id) >= FILES_MAX:
        raise TooManyFiles(param="file")
    made = await tx.value(
        QUERIES.insert_file, tx.org, new_id("file"), customer_id, plain, digest, len(content), content, actor, at
    )
    return str(made or await tx.value(QUERIES.known_file, tx.org, customer_id, digest, plain))


async def files_of(tx: Tx, customer_id: str) -> list[Row]:
    """A customer's files without their content, the newest first."""
    return await tx.rows(QUERIES.files_of, tx.org, customer_id)


async def content_of(tx: Tx, customer_id: str, file_id: str) -> tuple[str, bytes]:
    """(name, content) of one file of a customer; `NotFound` otherwise."""
    row = await tx.row(QUERIES.content_of, tx.org, customer_id, file_id)
    if row is None:
        raise NotFound(f"there is no file {file_id}", param="file")
    return row["name"], row["content"]


async def drop(tx: Tx, customer_id: str, file_id: str) -> None:
    """Remove a file; `NotFound` when the customer has no such file."""
    if not await tx.run(QUERIES.delete_file, tx.org, customer_id, file_id):
        raise NotFound(f"there is no file {file_id}", param="file")


async def forget(tx: Tx, customer_id: str) -> None:
    """Every file of an erased customer goes."""
    await tx.run(QUERIES.forget_files, tx.org, customer_id)
