"""A channel's settings as a person gives them, and a provider's record as a person compares it."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from cauce.gateway.capabilities import Capabilities, Sourced
from cauce.gateway.errors import ChannelSettingsError
from cauce.gateway.provider import Channel, HttpAnswer, Kit, Provider
from cauce.kernel.clock import wall_now
from cauce.kernel.errors import InvalidRequest, NotFound
from cauce.kernel.ids import new_id
from cauce.marketplace.compliance.recommendation import Answers
from cauce.providers.kit.registry import installed

NOTIFY_URL = "notify_url"
"""A setting of this name is the address of our own door; it is filled in when nobody names another."""

FROM_FILE = "file:"
"""A value that begins so names a file whose text is the value: keys in PEM form have many lines."""


def known_provider(name: str) -> Provider:
    """The installed provider of this name; `NotFound` names those there are."""
    found = installed().get(name)
    if found is None:
        raise NotFound(f"there is no provider {name!r}; there are {', '.join(installed())}", param="provider")
    return found


def read_settings(provider: Provider, file: Path) -> dict[str, str]:
    """The settings in a JSON file; `InvalidRequest` when it is none, or names what the provider does not know."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise InvalidRequest(f"{file} cannot be read as JSON: {exc}", param="file") from exc
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise InvalidRequest(f"{file} must hold one JSON object whose values are texts", param="file")
    unknown = sorted(set(found) - {one.name for one in provider.settings})
    if unknown:
        known = ", ".join(one.name for one in provider.settings)
        raise InvalidRequest(f"{provider.title} has no setting {', '.join(unknown)}; it has {known}", param=unknown[0])
    return found


def ask_settings(provider: Provider) -> dict[str, str]:
    """Ask the person at the terminal for each setting; secrets are not shown while they are typed."""
    answers = {}
    for one in provider.settings:
        optional = not one.required or one.name == NOTIFY_URL
        hint = f" [{one.default}]" if one.default else " [empty]" if optional else ""
        answers[one.name] = typer.prompt(
            f"{one.name}: {one.description}{hint}", default=one.default if optional else None, hide_input=one.secret,
            show_default=False, err=True,
        )  # fmt: skip
    return answers


def parted(name: str, values: dict[str, str], *, notices_url: str) -> tuple[dict[str, str], dict[str, str]]:
    """(settings, secrets) with defaults filled in and empty ones left out; `ChannelSettingsError` names what is missing."""
    settings, secrets = dict[str, str](), dict[str, str]()
    for one in known_provider(name).settings:
        standard = notices_url if one.name == NOTIFY_URL else one.default
        value = _content(one.name, values.get(one.name, "").strip()) or str(standard)
        if value:
            (secrets if one.secret else settings)[one.name] = value
        elif one.required:
            raise ChannelSettingsError(f"the setting {one.name} is missing: {one.description}", param=one.name)
    return settings, secrets


def checked(
    name: str, channel_id: str, org_id: int, settings: dict[str, str], secrets: dict[str, str], *, livemode: bool
) -> None:
    """Let the provider look at the settings as it will when it works with them; it raises `ChannelSettingsError`."""
    channel = Channel(channel_id, org_id, name, livemode, "", settings, secrets)
    known_provider(name).connect(channel, Kit(_Silent(), _Silent(), wall_now, new_id))


def compared(provider: Provider) -> dict[str, Any]:
    """What a provider can do when it is connected plainly: capabilities, limits with their sources, settings it needs."""
    empty = Channel(
        "", 0, provider.name, False, "", {one.name: one.default for one in provider.settings if one.default}
    )
    record = provider.capabilities(empty)
    plain = {one.name: _plain(getattr(record, one.name)) for one in fields(Capabilities)}
    needed = [one.name for one in provider.settings if one.required]
    return {
        "provider": provider.name, "title": provider.title, "class": plain.pop("provider_class"), **plain,
        "settings_missing": needed, "simulator": provider.simulator is not None,
    }  # fmt: skip


class _Silent:
    """In the place of transport and cache while settings are only looked at: whoever calls it has a defect."""

    async def send(self, *_args: object, **_fields: object) -> HttpAnswer:
        raise AssertionError("connecting a channel sends nothing")

    async def get(self, name: str) -> str | None:
        raise AssertionError(f"connecting a channel reads no cache: {name}")

    async def put(self, name: str, value: str, expires_at: datetime | None = None) -> None:
        raise AssertionError(f"connecting a channel writes no cache: {name}")


def _content(name: str, value: str) -> str:
    if not value.startswith(FROM_FILE):
        return value
    file = Path(value.removeprefix(FROM_FILE)).expanduser()
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as exc:
        raise InvalidRequest(f"the setting {name} names {file}, which cannot be read: {exc}", param=name) from exc


def _plain(value: Any) -> Any:
    if isinstance(value, Sourced):
        return {"value": value.value, "unit": value.unit, "source": value.source, "read_on": str(value.read_on)}
    if isinstance(value, frozenset):
        return sorted(str(one) for one in value)
    if isinstance(value, dict | bool | int) or value is None:
        return value
    return str(value)


def business_in(file: Path | None) -> Answers:
    """What a business says of itself in a JSON file (nothing: the plain case); `InvalidRequest` for what it cannot say."""
    if file is None:
        return Answers()
    known = {one.name for one in fields(Answers)}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(found, dict) or set(found) - known:
            raise ValueError(f"it says other things than {', '.join(sorted(known))}")
        if "surfaces" in found:
            found["surfaces"] = frozenset(found["surfaces"])
        return Answers(**found)
    except (OSError, ValueError, TypeError) as exc:
        raise InvalidRequest(f"{file} holds no answers: {exc}", param="answers") from exc
