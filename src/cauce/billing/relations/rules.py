"""Modes of steps, and tasks as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cauce.kernel.errors import Conflict


class Mode(StrEnum):
    """Who does a step: a person, the product after a person's approval, or the product by itself."""

    MANUAL = "manual"
    ASSISTED = "assisted"
    AUTOMATIC = "automatic"


class TaskOver(Conflict):
    """The task is done or was dropped already."""

    code = "task_over"


@dataclass(frozen=True, slots=True)
class NewTask:
    """A step that waits for a person. `work` is row or job; `source` and `key` find what waits; `at`: org time."""

    id: str
    step: str
    mode: Mode
    work: str
    source: str
    key: str
    object_id: str
    customer_id: str | None
    plan_key: str
    at: datetime
    opened_at: datetime


def mode_of(modes: Mapping[tuple[str, str], Mode], step: str, plan_key: str) -> Mode:
    """The mode of a step for a plan: its own line, else the line for every plan, else automatic."""
    return modes.get((step, plan_key), modes.get((step, ""), Mode.AUTOMATIC))
