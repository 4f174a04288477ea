"""What a pause that a customer asked for means in a plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PausePolicy:
    """What becomes of what was paid in advance, of access, and of the period when the pause ends (T33, T34)."""

    credit: Literal["credit", "none", "refund"] = (
        "credit"  # the unused part; "none": its days are there when he comes back before their end
    )
    access: Literal["read_only", "none", "full"] = "read_only"
    resume: Literal["rest", "new_period"] = (
        "rest"  # the rest of the period that then runs is billed, or a whole one from that day
    )
