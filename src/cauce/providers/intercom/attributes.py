"""Custom attributes of the workspace: made before they are written, at set-up or when a write finds one missing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from cauce.gateway.outcome import Declined, Done, Outcome, Unknown
from cauce.providers.intercom import mapping
from cauce.providers.intercom.naming import ATTRIBUTES, attribute_type
from cauce.providers.intercom.wire import Answer, Wire


async def ensure(wire: Wire, model: str, values: Mapping[str, object] | None = None) -> Outcome[int]:
    """Make those of the listed attributes, and of `values`, that the workspace lacks; how many were made."""
    wanted = {
        name: attribute_type(model, name, (values or {}).get(name)) for name in (*ATTRIBUTES[model], *(values or {}))
    }
    listed = await wire.ask("list_attributes", "GET", f"/data_attributes?model={model}")
    if isinstance(listed, Unknown):
        return listed
    if not listed.is_success:
        return listed.refusal()
    known = {str(one.get("name")) for one in listed.body.get("data", [])}
    made = 0
    for name, data_type in wanted.items():
        if name in known:
            continue
        refused = await _make(wire, model, name, data_type)
        if refused is not None:
            return refused
        made += 1
    return Done(made)


async def _make(wire: Wire, model: str, name: str, data_type: str) -> Declined | Unknown | None:
    body = {"name": name, "model": model, "data_type": data_type, "description": "Kept by the billing system"}
    answer = await wire.ask("create_attribute", "POST", "/data_attributes", body)
    if isinstance(answer, Unknown):
        return answer
    return None if answer.is_success or answer.status == 409 else answer.refusal()


async def with_attributes(
    wire: Wire, model: str, values: Mapping[str, object], write: Callable[[], Awaitable[Answer | Unknown]]
) -> Answer | Unknown:
    """Do `write`; if an attribute turns out to be missing, make it and write once more."""
    answer = await write()
    if isinstance(answer, Unknown) or not mapping.is_attribute_missing(answer.status, answer.body):
        return answer
    made = await ensure(wire, model, values)
    if isinstance(made, Unknown):
        return made
    return await write() if isinstance(made, Done) else answer
