"""Settings for a reader: their description, the page of documentation, and values without secrets."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from urllib.parse import urlsplit, urlunsplit

from cauce.settings.loading import PREFIX
from cauce.settings.values import Settings

REDACTED = "••••••"


@dataclass(frozen=True, slots=True)
class Description:
    """One setting for a reader: `default` is text ready to print."""

    name: str
    variable: str
    unit: str
    meaning: str
    default: str
    secret: bool


def describe() -> list[Description]:
    """Every setting, in the order of this module."""
    found = []
    for one in fields(Settings):
        shown = one.metadata["shown"]
        assert shown or one.default is not MISSING
        default = shown or f"`{str(one.default).lower() if isinstance(one.default, bool) else one.default}`"
        about = one.metadata
        found.append(
            Description(one.name, PREFIX + one.name.upper(), about["unit"], about["meaning"], default, about["secret"])
        )
    return found


def redacted(name: str, value: object) -> str:
    """The value as it may be shown: secrets are dots, but a URL keeps its host and database."""
    secret = {one.name: one.secret for one in describe()}[name]
    text = str(value).lower() if isinstance(value, bool) else str(value or "")
    if not secret or not text:
        return text
    if "://" not in text:
        return REDACTED
    parts = urlsplit(text)
    user, _, host = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0]}:{REDACTED}@{host}" if ":" in user else parts.netloc
    query = REDACTED if "password" in parts.query else parts.query
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def render_reference() -> str:
    """The Markdown of `docs/reference/settings.md`."""
    lines = [
        "# Settings",
        "",
        "A setting comes from its environment variable, else from `cauce.toml` in the working folder (or the file that",
        "`CAUCE_CONFIG` names), else from its default. A name that is not listed here is an error.",
        "`cauce config show --origin` prints what is in force and where it came from. This page is made from the code",
        "by `make docs`; do not edit it.",
        "",
        "| in `cauce.toml` | environment | unit | default | meaning |",
        "|---|---|---|---|---|",
    ]
    for one in describe():
        meaning = one.meaning + (" *Secret.*" if one.secret else "")
        unit = one.unit.replace("|", " \\| ")
        lines.append(f"| `{one.name}` | `{one.variable}` | {unit} | {one.default} | {meaning} |")
    return "\n".join(lines) + "\n"
