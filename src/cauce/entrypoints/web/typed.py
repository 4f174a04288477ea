"""What people type into forms or choose as a file, read strictly: amounts in major units with a point or a comma."""

from __future__ import annotations

from starlette.datastructures import UploadFile
from starlette.requests import Request

from cauce.kernel.errors import InvalidRequest
from cauce.kernel.money import parse_major


def minor_units(typed: str, currency: str) -> int:
    """Minor units of an amount above zero: ("10,50", "eur") -> 1050. Thousands are not separated."""
    words = typed.strip().replace(",", ".")
    amount_minor = parse_major(words, currency)
    if amount_minor <= 0:
        raise InvalidRequest("an amount is above zero", param="amount")
    return amount_minor


async def uploaded(request: Request, bytes_max: int) -> bytes:
    """The content of the form's `file`, which must be chosen and have at most `bytes_max` bytes."""
    file = (await request.form()).get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise InvalidRequest("choose a file", param="file")
    data = await file.read(bytes_max + 1)
    if len(data) > bytes_max:
        raise InvalidRequest(f"a file has at most {bytes_max} bytes", param="file")
    return data
