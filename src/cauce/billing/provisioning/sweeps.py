"""Instances whose data were kept long enough."""

from __future__ import annotations

from cauce.storage.due_rows import sweep_over

DELETE = sweep_over("provisioning.delete", 50, "provisioning.instance", may_wait="x.wanted = 'suspended'")
