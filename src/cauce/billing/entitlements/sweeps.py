"""Grants by hand that end."""

from __future__ import annotations

from cauce.storage.due_rows import sweep_over

GRANT = sweep_over("entitlements.grant", 40, "entitlements.hand_grant")
