"""A document as PDF, set by typst from a template beside this module and data as JSON."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import msgspec
import typst


@cache
def _template(name: str) -> bytes:
    return resources.files(__package__).joinpath(f"{name}.typ").read_bytes()


def set_pdf(template: str, data: dict[str, Any]) -> bytes:
    """The bytes of the PDF; the same for the same data. The template reads `json(bytes(sys.inputs.data))`."""
    made: bytes = typst.compile(_template(template), sys_inputs={"data": msgspec.json.encode(data).decode()})
    return made
