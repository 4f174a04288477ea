"""From a template and its data to a PDF. The fonts come as packages, so that no machine sets a document differently."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typst

from cauce.kernel.errors import SetupError

_FONT_PACKAGES = ("fontpkg_noto_sans", "manimgx_fonts_cjk")


class FontsMissing(SetupError):
    """The fonts of documents are not installed."""

    code = "fonts_missing"


def typeset(template: str, data: Mapping[str, Any], at: datetime) -> bytes:
    """The PDF of `template` with `data` (JSON values; texts, never typst code), dated `at`."""
    source = resources.files(__package__).joinpath(template).read_bytes()
    pdf: bytes = typst.compile(
        source,
        format="pdf",
        font_paths=_fonts(),
        sys_inputs={"data": json.dumps(data, ensure_ascii=False, sort_keys=True)},
        timestamp=int(at.timestamp()),
    )
    return pdf


@cache
def _fonts() -> typst.Fonts:
    folders = []
    for package in _FONT_PACKAGES:
        found = find_spec(package)
        if found is None or found.origin is None:
            raise FontsMissing(f"the package {package} with the fonts of documents is not installed")
        folders.append(str(Path(found.origin).parent))
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=folders)
