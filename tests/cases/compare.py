"""When a result equals what a case expects: exactly, but numeric strings as decimals."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any


def differences(expected: dict[str, Any], result: dict[str, Any]) -> list[str]:
    """One line per key of `expected` that the result lacks or holds otherwise; `*_exact` only when it is there."""
    lines = []
    for key, value in expected.items():
        if key not in result:
            if not key.endswith("_exact"):
                lines.append(f"{key}: expected {value!r}, the result does not hold it")
        elif not equal(value, result[key]):
            lines.append(f"{key}: expected {value!r}, got {result[key]!r}")
    return lines


def equal(expected: Any, got: Any) -> bool:
    """Element by element and key by key; integers, booleans and null by type and value; text as decimal if both are."""
    if isinstance(expected, dict):
        return (
            isinstance(got, dict)
            and expected.keys() == got.keys()
            and all(equal(expected[k], got[k]) for k in expected)
        )
    if isinstance(expected, list):
        return isinstance(got, list) and len(expected) == len(got) and all(map(equal, expected, got))
    if isinstance(expected, str) and isinstance(got, str):
        numbers = _decimal(expected), _decimal(got)
        return numbers[0] == numbers[1] if None not in numbers else expected == got
    return type(expected) is type(got) and bool(expected == got)


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
