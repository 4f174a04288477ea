"""Nouns of a conversation and the bounds of what is said in one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cauce.kernel.errors import Conflict, InvalidRequest
from cauce.kernel.machine import BEGIN, Machine, Transition

BODY_CHARACTERS_MAX = 4_000
SILENCE_SECONDS = 120
"""An answer that was not looked at for so long goes out by mail."""

CONVERSATION = Machine(
    "conversation",
    ("open", "closed"),
    (
        Transition("open", BEGIN, "open", "open"),
        Transition("say", "open", "say", "open"),
        Transition("close", "open", "close", "closed"),
        Transition("reopen", "closed", "say", "open"),
    ),
)
"""A closed conversation opens again with the next word."""


class BadWords(InvalidRequest):
    """A message has words, and not too many of them."""

    code = "bad_words"


class HeldElsewhere(Conflict):
    """This conversation is held in the help desk; answer it there."""

    code = "held_elsewhere"


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation with a customer, or with a visitor whom we know by his browser alone."""

    id: str
    customer_id: str
    visitor: str
    visitor_name: str
    visitor_email: str
    channel_id: str
    state: str
    assignee: str
    last_side: str
    last_at: datetime
    waiting_since: datetime | None
    answer_seconds: int | None
    read_at: datetime | None
    opened_at: datetime

    @property
    def is_own(self) -> bool:
        """Held in our own chat; else in a help desk, and answered there."""
        return not self.channel_id


@dataclass(frozen=True, slots=True)
class Person:
    """Who writes from outside: a customer, or a visitor with the hash of his browser's token."""

    customer_id: str = ""
    visitor: str = ""
    name: str = ""
    email: str = ""
    standing: str = ""  # trial or paying, when a conversation begins

    @property
    def key(self) -> str:
        """What names the person in the log: never an address."""
        return self.customer_id or f"visitor:{self.visitor[:12]}"


@dataclass(frozen=True, slots=True)
class Outside:
    """Where a help desk holds a conversation, and its id of the message."""

    channel_id: str = ""
    ref: str = ""
    message_ref: str = ""


def checked(text: str) -> str:
    """The words of a message; `BadWords` for none or too many."""
    words = text.replace("\x00", "").strip()
    if not 1 <= len(words) <= BODY_CHARACTERS_MAX:
        raise BadWords(f"a message has 1 to {BODY_CHARACTERS_MAX} characters", param="text")
    return words


def standing_of(statuses: list[str]) -> str:
    """How the report counts a person: paying, on trial, or neither. Nothing else may look at it (D7)."""
    if any(one in ("active", "past_due", "unpaid") for one in statuses):
        return "paying"
    return "trial" if "trialing" in statuses else ""
