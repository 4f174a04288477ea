"""A day's bills: apply, download by token, check the hash, unseal, read line by line."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from cauce.gateway.errors import BadStatement
from cauce.gateway.outcome import Unknown
from cauce.gateway.reporting import StatementLine
from cauce.kernel.errors import Unavailable
from cauce.providers.wechat import limits, signing
from cauce.providers.wechat.desk import Desk
from cauce.providers.wechat.mapping import addresses, bills
from cauce.providers.wechat.mapping.texts import SHANGHAI

PIECE_BYTES = 1024 * 1024
EMPTY_DAY = "NO_STATEMENT_EXIST"
_BEING_MADE = "正在生成中"


class StatementNotReady(Unavailable):
    """The provider has not made the day's file yet; it comes the next morning."""

    code = "statement_not_ready"


async def statement(desk: Desk, day: date, kind: str) -> AsyncIterator[StatementLine]:
    """The lines of one day (Asia/Shanghai) and kind.

    Raises `StatementNotReady` before the next day's morning, `Unavailable` when the file cannot be had now, and
    `BadStatement` when it is damaged. A day without any line is an empty file.
    """
    if kind not in addresses.BILLS:
        raise BadStatement(f"WeChat Pay has no {kind} bill")
    for file in await _apply(desk, day, kind):
        raw = await _fetched(desk, file)
        for line in bills.lines_of(kind, _text_lines(raw), desk.contract.mchid):
            yield line


async def _apply(desk: Desk, day: date, kind: str) -> list[Mapping[str, Any]]:
    reply = await desk.wire.ask("statement", addresses.bill(kind, day.isoformat()))
    if isinstance(reply, Unknown):
        raise Unavailable(f"the {kind} bill of {day} cannot be had: {reply.reason}")
    if reply.is_good:
        files = reply.body.get("download_bill_list")
        return list(files) if files is not None else [reply.body]
    code, message = str(reply.body.get("code", "")), str(reply.body.get("message", ""))
    if code == EMPTY_DAY and not _is_being_made(day, desk.kit.now()):
        return []
    if code == EMPTY_DAY or _BEING_MADE in message:
        raise StatementNotReady(f"the {kind} bill of {day} is not ready yet")
    if reply.status == 429:
        raise Unavailable(f"the {kind} bill of {day} cannot be had now: {code}")
    raise BadStatement(f"WeChat Pay gives no {kind} bill of {day}: {code} {message}")


def _is_being_made(day: date, now: datetime) -> bool:
    """Whether `day` is so young by the wall clock that its file may only be late."""
    begins = datetime.combine(day, time(0), SHANGHAI)
    ready = begins + timedelta(days=1, hours=limits.BILL_READY_HOUR)
    return begins <= now < ready


async def _fetched(desk: Desk, file: Mapping[str, Any]) -> bytes:
    """The file as it travelled (still compressed), once its content has the announced hash."""
    raw = await desk.wire.download(str(file["download_url"]))
    if file.get("encrypt_key"):
        raw = _unsealed(desk, file, raw)
    hashed = hashlib.sha1(usedforsecurity=False)
    for piece in _pieces(raw):
        hashed.update(piece)
    if hashed.hexdigest() != str(file.get("hash_value", "")).lower():
        raise BadStatement("the file's hash is not the one that WeChat Pay announced: fetch it again")
    return raw


def _unsealed(desk: Desk, file: Mapping[str, Any], raw: bytes) -> bytes:
    try:
        key = signing.decrypt_bytes(desk.contract.private_key, str(file["encrypt_key"]))
        return signing.open_file(key, str(file["nonce"]), raw)
    except signing.BrokenCipher as exc:
        raise BadStatement("the sealed file does not open with our key") from exc


def _pieces(raw: bytes) -> Iterator[bytes]:
    """The plain content piece by piece: a busy day's file is unpacked twice rather than held unpacked once."""
    if not raw.startswith(b"\x1f\x8b"):
        yield raw
        return
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as packed:
            while piece := packed.read(PIECE_BYTES):
                yield piece
    except (OSError, EOFError, zlib.error) as exc:
        raise BadStatement("the compressed file is damaged") from exc


def _text_lines(raw: bytes) -> Iterator[str]:
    rest = b""
    try:
        for piece in _pieces(raw):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield line.decode()
        yield rest.decode()
    except UnicodeDecodeError as exc:
        raise BadStatement("the file is not UTF-8") from exc
