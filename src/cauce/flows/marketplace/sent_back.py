"""Money that left for a bank and came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cauce.storage.database import Row


@dataclass(frozen=True, slots=True)
class Returned:
    """A payout or a sweep of commission that came back: its locked row, what proves it, why, and when."""

    row: Row
    evidence: str
    failure: str
    at: datetime
