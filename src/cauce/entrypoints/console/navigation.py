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


def _entries(*names: str) -> tuple[Entry, ...]:
    return tuple(Entry(f"/console/{name}", f"nav.{name}") for name in names)


def _group(text: str, *names: str) -> Group:
    return Group(text, _entries(*names))


GROUPS: tuple[Group, ...] = (
    Group("nav.overview", (Entry("/console", "nav.home"), *_entries("tasks", "automation"))),
    _group(
        "nav.billing",
        "customers",
        "subscriptions",
        "quotes",
        "plans",
        "coupons",
        "invoices",
        "billing_run",
        "analytics",
        "instances",
    ),
    _group("nav.people", "conversations", "todos", "segments", "pipeline", "campaigns", "automations", "messages"),
    _group(
        "nav.marketplace",
        "orders",
        "merchants",
        "split_rules",
        "payouts",
        "payout_schedules",
        "fundings",
        "suspense",
        "breaks",
        "statements",
        "holidays",
        "compliance",
    ),
    _group("nav.books", "ledger", "events", "audit"),
    _group("nav.machine", "jobs", "webhooks", "requests", "clock", "settings"),
)
