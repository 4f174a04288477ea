"""The life of an instance as a table (J2); the database holds the same rows, and a test compares the two."""

from __future__ import annotations

from cauce.kernel.machine import BEGIN, Machine, steps

STATES = ("requested", "provisioning", "ready", "failed", "suspended", "deleted")

MACHINE = Machine(
    "instance",
    STATES,
    (
        *steps("request", (BEGIN,), "requested"),
        *steps("adopt", (BEGIN,), "ready"),
        *steps("start", ("requested", "failed", "deleted"), "provisioning"),
        *steps("succeed", ("provisioning",), "ready"),
        *steps("fail", ("provisioning", "requested"), "failed"),
        *steps("suspend", ("ready",), "suspended"),
        *steps("restore", ("suspended",), "ready"),
        *steps("delete", ("requested", "ready", "failed", "suspended"), "deleted"),
    ),
)
