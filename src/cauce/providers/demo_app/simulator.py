"""The demo applications seen from the sandbox: nothing is simulated, they really run; this lists and stops them.

`POST /_sim/instances` lists them, `/_sim/stop` ends every process (each starts again at its next operation), and the
page `/_sim/pages/<tenant>/` shows links to them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from cauce.providers.demo_app.registry import Registry
from cauce.providers.kit.simulator.callbacks import Callback
from cauce.providers.kit.simulator.face import Answer, Call, Face, Refused, Routed, Signed
from cauce.providers.kit.simulator.tenant import Tenant


def demo_app_face() -> Face:
    """The listing; see `kit.simulator.face.Face`."""
    return Face(name="demo_app", route=_route, handle=_handle, sign=_sign, open=_open, control=control, page=page)


def _open(tenant: Tenant, registration: Mapping[str, Any]) -> None:
    if "folder" in registration:
        tenant.facts["folder"] = registration["folder"]


def control(tenant: Tenant, verb: str, _: Mapping[str, Any], __: str) -> dict[str, Any]:
    """List or stop."""
    registry = Registry(Path(tenant.facts["folder"]))
    found = registry.listed()
    match verb:
        case "instances":
            return {"instances": found}
        case "stop":
            for record in found:
                registry.stop(record["instance_id"])
            return {"stopped": len(found)}
        case _:
            raise KeyError(verb)


def page(tenant: Tenant, _: Call) -> Answer:
    """Links to the applications."""
    lines = [
        f'<li><a href="http://127.0.0.1:{record["port"]}/">{escape(record["shown"].get("customer", ""))}</a>: '
        f"{escape(record['state'])}</li>"
        for record in Registry(Path(tenant.facts["folder"])).listed()
    ]
    text = f"<!doctype html><title>Demo applications</title><h1>Demo applications</h1><ul>{''.join(lines)}</ul>"
    return Answer(200, text.encode(), "text/html; charset=utf-8")


def _route(_: Call) -> Routed:
    raise Refused(Answer(404, b"the applications have addresses of their own", "text/plain"))


def _handle(_: Tenant, __: Call, ___: Routed) -> Answer:
    return Answer(404, b"", "text/plain")


def _sign(_: Tenant, __: Callback, ___: datetime) -> Signed:
    return Signed({}, b"")  # they never call
