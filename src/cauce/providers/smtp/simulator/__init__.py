"""A relay that keeps every mail instead of delivering it: a real SMTP listener per tenant, and an inbox to look into.

`listener` speaks SMTP and asks `inbox` about each step, over the sandbox's own HTTP, so that faults, the wire log,
snapshots and the clock work as for every other simulator.
"""

from __future__ import annotations

from cauce.providers.smtp.simulator.inbox import smtp_face

__all__ = ["smtp_face"]
