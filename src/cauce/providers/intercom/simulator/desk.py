"""One request at the stand-in's desk, and the errors it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cauce.providers.kit.simulator.face import Answer, json_answer
from cauce.providers.kit.simulator.tenant import Tenant

Json = dict[str, Any]
HEX = "0123456789abcdef"


class ApiError(Exception):
    """A refusal as Intercom words it."""

    def __init__(self, status: int, code: str, message: str, field_name: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"code": code, "message": message, **({"field": field_name} if field_name else {})}


def error_answer(status: int, code: str, message: str, field_name: str = "", request_id: str = "req_sim") -> Answer:
    """An `error.list`."""
    error = ApiError(status, code, message, field_name)
    return json_answer(status, {"type": "error.list", "request_id": request_id, "errors": [error.body]})


@dataclass(frozen=True, slots=True)
class Desk:
    """What a handler gets: whose workspace, the ids of the path, query and body."""

    tenant: Tenant
    ids: tuple[str, ...]
    query: dict[str, str]
    body: Json = field(default_factory=dict)

    @property
    def now(self) -> int:
        """The workspace's time, Unix seconds."""
        return int(self.tenant.now().timestamp())

    def new_id(self) -> str:
        """24 hexadecimal digits, as Intercom's ids are."""
        return self.tenant.token(24, HEX)

    def contact(self, id: str = "") -> Json:
        """A contact by id; 404 when there is none."""
        found = self.tenant.shelf("contact").get(id or self.ids[0])
        if found is None:
            raise ApiError(404, "not_found", "User Not Found")
        return found

    def text(self, name: str) -> str:
        """A text of the body; 400 when it is missing."""
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            raise ApiError(400, "parameter_invalid", f"{name} is missing or invalid", name)
        return value
