"""Structured logs: one line per event, JSON where nobody watches, with everything that could be a secret blotted out."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from cauce.settings import Settings

_SECRET_NAME = re.compile(r"secret|password|token|authorization|api_?key|private|card|cvc|\bpan\b", re.IGNORECASE)
_SECRET_VALUE = re.compile(r"\b(?:sk|rk|whsec|pk)_[A-Za-z0-9_]{8,}|\b\d{13,19}\b|://[^/\s:@]+:[^/\s@]+@")
BLOT = "[redacted]"

Line = MutableMapping[str, Any]


def configure(settings: Settings) -> None:
    """Set up logging for this process; called once by each long-running command."""
    level = getattr(logging, settings.log_level.upper())
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    # Tracebacks stay plain: the rich ones print every local variable, secrets among them, and take seconds.
    renderer = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if as_text
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([] if as_text else [structlog.processors.format_exc_info]),
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr)


def redact(_logger: object, _method: str, line: Line) -> Line:
    """A processor: blot values under telling names and values that look like keys, card numbers or URLs with passwords."""
    return {name: _clean(name, value) for name, value in line.items()}


def _clean(name: str, value: Any) -> Any:
    if _SECRET_NAME.search(name):
        return BLOT
    if isinstance(value, str):
        return _SECRET_VALUE.sub(BLOT, value)
    if isinstance(value, dict):
        return {key: _clean(str(key), one) for key, one in value.items()}
    return value
