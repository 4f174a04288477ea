"""What parameters an operation takes, in one line each, and the check that answers as Stripe does.

A line reads `amount!:int currency! confirm:bool metadata:map expand:list shipping:any`: a name, `!` when it must be
there, and a type (text when none is given).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cauce.providers.stripe.simulator.errors import StripeError

METADATA_KEYS_MAX = 50
METADATA_KEY_LENGTH_MAX = 40
METADATA_VALUE_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True)
class Params:
    """The parameters of one operation: name -> type, and those that must be there."""

    types: dict[str, str]
    required: tuple[str, ...]


def params(line: str) -> Params:
    """Read one line of the form above; `expand` is always allowed."""
    types: dict[str, str] = {"expand": "list"}
    required = []
    for word in line.split():
        name, _, kind = word.partition(":")
        types[name.rstrip("!")] = kind or "str"
        if name.endswith("!"):
            required.append(name.rstrip("!"))
    return Params(types, tuple(required))


LISTED = "limit:int starting_after ending_before created:any"


def checked(given: dict[str, Any], allowed: Params) -> dict[str, Any]:
    """`given` with its types, or Stripe's complaint about the first thing that is wrong."""
    if "payment_method_types" in given:
        raise StripeError(
            400,
            "The parameter payment_method_types is no longer supported. Use allowed_payment_method_types.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )
    for name in given:
        if name not in allowed.types:
            raise StripeError(400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
    for name in allowed.required:
        if given.get(name) in (None, ""):
            raise StripeError(400, f"Missing required param: {name}.", code="parameter_missing", param=name)
    return {name: _typed(name, value, allowed.types[name]) for name, value in given.items()}


def _typed(name: str, value: Any, kind: str) -> Any:
    match kind:
        case "int":
            return _integer(name, value)
        case "bool":
            if value not in ("true", "false"):
                raise StripeError(400, f"Invalid boolean: {value}", code="parameter_invalid_string", param=name)
            return value == "true"
        case "map":
            return _metadata(value) if name == "metadata" else _dictionary(name, value)
        case "list":
            return value if isinstance(value, list) else [] if value == "" else [value]
        case "any":
            return value
    if not isinstance(value, str):
        raise StripeError(400, f"Invalid string: {name}", code="parameter_invalid_string", param=name)
    return value


def _integer(name: str, value: Any) -> int | str:
    if value == "":
        return ""
    try:
        return int(value)
    except (ValueError, TypeError):
        raise StripeError(400, f"Invalid integer: {value}", code="parameter_invalid_integer", param=name) from None


def _dictionary(name: str, value: Any) -> Any:
    if value == "" or isinstance(value, dict):
        return value
    raise StripeError(400, f"Invalid object: {name}", code="parameter_invalid_string", param=name)


def _metadata(value: Any) -> Any:
    if value == "":
        return value
    for key, text in _dictionary("metadata", value).items():
        if len(key) > METADATA_KEY_LENGTH_MAX or len(text) > METADATA_VALUE_LENGTH_MAX:
            raise StripeError(400, f"Metadata {key} is too long.", code="parameter_invalid_string", param="metadata")
    if len(value) > METADATA_KEYS_MAX:
        raise StripeError(400, "Too many metadata keys.", code="parameter_invalid_string", param="metadata")
    return value


def flag(value: Any) -> bool:
    """A boolean inside a nested parameter."""
    return value in (True, "true")


def whole(value: Any, param: str) -> int:
    """An integer inside a nested parameter."""
    number = _integer(param, value)
    if isinstance(number, str):
        raise StripeError(400, f"Invalid integer: {value}", code="parameter_invalid_integer", param=param)
    return number
