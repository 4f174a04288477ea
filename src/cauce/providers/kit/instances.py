"""The messages by which instances are run, the same for a web address and for a local program. Pure.

We send one JSON object: `type` (`pre_provision`, `post_suspend`, …), `id` (the operation's key, the same on every
repeat), `instance_id` and `data` (the stored state). We read one back, every part optional: `veto` (a sentence, before
the operation only), `redirect_url`, `instance_id` and `fields` (short texts that join the API's reply).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from cauce.gateway.errors import ChannelSettingsError
from cauce.gateway.reaching import InstanceAnswer, InstanceRequest, InstanceVerb

ANSWER_BYTES_MAX = 64 * 1024
STAGES = ("pre", "post")
_ALIASES = {"decommission": InstanceVerb.DEPROVISION, "property_change": InstanceVerb.CHANGE}
_FIELDS_MAX = 50
_TEXT_LENGTH_MAX = 500
_URL_LENGTH_MAX = 2_000


class BadAnswer(Exception):
    """The runner's answer is not what this module describes."""


def hook_name(verb: InstanceVerb, stage: str) -> str:
    """`post_provision` for (provision, post)."""
    assert stage in STAGES, f"{stage!r} is neither pre nor post"
    return f"{stage}_{verb.value}"


def wanted_hooks(listed: str) -> frozenset[str] | None:
    """The hooks named in a comma-separated list, older names (`post_decommission`, `pre_property_change`) accepted.

    None, which means all, for an empty list; `ChannelSettingsError` for a name that is none.
    """
    names = [name.strip() for name in listed.split(",") if name.strip()]
    return frozenset(_canonical(name) for name in names) or None


def request_body(request: InstanceRequest) -> bytes:
    """What is sent: compact JSON in UTF-8, keys in a fixed order, so that a repeat is the same bytes."""
    return msgspec.json.encode(
        {
            "type": hook_name(request.verb, request.stage),
            "id": request.key,
            "instance_id": request.instance_id,
            "data": request.payload,
        }
    )


def read_answer(raw: bytes, stage: str) -> InstanceAnswer:
    """The runner's answer; an empty one says nothing. `BadAnswer` when it is no such object. A veto after is ignored."""
    if len(raw) > ANSWER_BYTES_MAX:
        raise BadAnswer(f"the answer is over {ANSWER_BYTES_MAX} bytes")
    if not raw.strip():
        return InstanceAnswer()
    try:
        decoded = msgspec.json.decode(raw)
    except (msgspec.DecodeError, ValueError) as exc:  # bytes that are no UTF-8 are a ValueError
        raise BadAnswer(f"the answer is not JSON: {exc}") from exc
    if not isinstance(decoded, dict):
        raise BadAnswer("the answer is not a JSON object")
    return InstanceAnswer(
        redirect_url=_url(_text(decoded, "redirect_url", _URL_LENGTH_MAX)),
        instance_ref=_text(decoded, "instance_id", _TEXT_LENGTH_MAX),
        fields=_fields(decoded.get("fields")),
        veto=_veto(decoded) if stage == "pre" else "",
    )


def _canonical(name: str) -> str:
    stage, _, verb = name.partition("_")
    known = _ALIASES.get(verb, verb)
    if stage not in STAGES or known not in list(InstanceVerb):
        raise ChannelSettingsError(f"{name!r} is not a hook like post_provision", param="hooks")
    return hook_name(InstanceVerb(known), stage)


def _veto(decoded: Mapping[str, object]) -> str:
    given = decoded.get("veto")
    if given is True:
        return "refused by the instance runner"
    return "" if given is False else _text(decoded, "veto", _TEXT_LENGTH_MAX)


def _text(decoded: Mapping[str, object], name: str, length_max: int) -> str:
    value = decoded.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > length_max:
        raise BadAnswer(f"{name} is not a text of at most {length_max} characters")
    return value


def _url(text: str) -> str:
    if not text:
        return ""
    try:
        parts = urlsplit(text)
    except ValueError as exc:
        raise BadAnswer(f"redirect_url cannot be read: {exc}") from exc
    plain = text.isprintable() and " " not in text and "\\" not in text
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or not plain:
        raise BadAnswer("redirect_url is not an http(s) address")
    return text


def _fields(given: object) -> dict[str, str]:
    if given is None:
        return {}
    if not isinstance(given, dict) or len(given) > _FIELDS_MAX:
        raise BadAnswer(f"fields is not an object of at most {_FIELDS_MAX} texts")
    return {str(name)[:_TEXT_LENGTH_MAX]: _field(name, value) for name, value in given.items()}


def _field(name: object, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str) and len(value) <= _TEXT_LENGTH_MAX:
        return value
    raise BadAnswer(f"the field {name!r} is not a short text or whole number")
