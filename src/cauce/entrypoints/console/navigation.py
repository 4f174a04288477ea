"""What the console offers, in the order of the side bar. A page that exists stands here; nothing else is shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the side bar; `text` is a key of the catalogues."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """Lines that belong together."""

    text: str
    entries: tuple[Entry, ...]


GROUPS: tuple[Group, ...] = (
    Group("nav.overview", (Entry("/console", "nav.home"),)),
    Group(
        "nav.books",
        (Entry("/console/ledger", "nav.ledger"), Entry("/console/events", "nav.events")),
    ),
    Group(
        "nav.machine",
        (
            Entry("/console/jobs", "nav.jobs"),
            Entry("/console/webhooks", "nav.webhooks"),
            Entry("/console/clock", "nav.clock"),
        ),
    ),
)
