"""One adapter per kind, grouped as the sections of the cases' README; importing this package registers them all."""

from __future__ import annotations

from tests.cases.adapters import allocation, invoices, limits, movement, periods, recurring, usage

__all__ = ["allocation", "invoices", "limits", "movement", "periods", "recurring", "usage"]
