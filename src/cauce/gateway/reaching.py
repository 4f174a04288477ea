"""Reaching the customer: messages, contacts in a help desk, and the customer's running instance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from cauce.gateway.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one person, already rendered."""

    key: str
    to_address: str
    to_name: str
    subject: str
    text: str
    html: str
    from_address: str = ""
    reply_to: str = ""
    unsubscribe_url: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SentMessage:
    """The provider's id of a message that it took."""

    ref: str


class SendsMessages(Protocol):
    """A provider that delivers messages."""

    async def send(self, message: Message) -> Outcome[SentMessage]: ...


@dataclass(frozen=True, slots=True)
class Contact:
    """A person as the help desk should know him."""

    external_id: str
    email: str
    name: str
    attributes: dict[str, str | int | bool | None] = field(default_factory=dict)
    unsubscribed: bool | None = None
    ref: str = ""


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """The contact at the help desk."""

    ref: str
    unsubscribed: bool = False


@dataclass(frozen=True, slots=True)
class TrackedEvent:
    """Something that happened to a contact. `key` makes a repeat harmless."""

    key: str
    external_id: str
    name: str
    occurred_at: datetime
    metadata: dict[str, str | int] = field(default_factory=dict)


class TracksContacts(Protocol):
    """A help desk that mirrors customers and what happens to them."""

    async def upsert_contact(self, contact: Contact) -> Outcome[ContactRecord]: ...

    async def upsert_company(
        self, company_id: str, name: str, attributes: dict[str, str | int]
    ) -> Outcome[ContactRecord]: ...

    async def join(self, contact_ref: str, company_ref: str) -> Outcome[ContactRecord]: ...

    async def leave(self, contact_ref: str, company_ref: str) -> Outcome[ContactRecord]: ...

    async def track(self, event: TrackedEvent) -> Outcome[ContactRecord]: ...

    async def tag(self, contact_ref: str, tag: str, *, remove: bool) -> Outcome[ContactRecord]: ...

    async def note(self, contact_ref: str, text: str) -> Outcome[ContactRecord]: ...

    async def archive(self, contact_ref: str) -> Outcome[ContactRecord]: ...

    async def erase(self, contact_ref: str) -> Outcome[ContactRecord]: ...


@dataclass(frozen=True, slots=True)
class ChatPerson:
    """Who is signed in on a page: our id of the customer, and attributes that the help desk may trust (plan, state)."""

    external_id: str
    email: str = ""
    attributes: Mapping[str, str | int | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatWidget:
    """What a page needs to show a help desk's chat. `boot` is a script that the page allows by a nonce of its own.

    `policy`: what the page's Content-Security-Policy must allow besides, per directive.
    """

    boot: str
    policy: Mapping[str, tuple[str, ...]]


class ShowsChat(Protocol):
    """A help desk whose chat stands on our pages. Plain function: it calls nobody."""

    def show_chat(self, person: ChatPerson | None, now: datetime, *, left: bool = False) -> ChatWidget | None:
        """The chat for a person (by a token signed at `now`, wall time) or a visitor; `left`: somebody just signed out.

        None while the chat is not set up.
        """
        ...


class InstanceVerb(StrEnum):
    """What can be done to a customer's instance."""

    PROVISION = "provision"
    CHANGE = "change"
    SUSPEND = "suspend"
    RESTORE = "restore"
    DEPROVISION = "deprovision"
    REACTIVATE = "reactivate"


@dataclass(frozen=True, slots=True)
class InstanceRequest:
    """Do `verb` to one instance. `key` makes a repeat harmless; `stage` is pre or post; `payload` is the stored state."""

    key: str
    verb: InstanceVerb
    stage: str
    instance_id: str
    payload: dict[str, object]
    timeout_seconds: int = 5


@dataclass(frozen=True, slots=True)
class InstanceAnswer:
    """What the runner answered; merged into the API reply. `veto` refuses the operation and says why (pre stage only)."""

    redirect_url: str = ""
    instance_ref: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    veto: str = ""


class RunsInstances(Protocol):
    """A provider that runs customers' instances."""

    async def run(self, request: InstanceRequest) -> Outcome[InstanceAnswer]: ...


@dataclass(frozen=True, slots=True)
class ProgramRequest:
    """Tell a program what happened. `key` is the same on every repeat; `payload` goes to it as JSON."""

    key: str
    payload: dict[str, object]
    timeout_seconds: int = 30


class RunsPrograms(Protocol):
    """A provider that runs a program which the machine's owner has allowed."""

    async def run_program(self, request: ProgramRequest) -> Outcome[None]: ...


class RunsInstancesHere(RunsInstances, Protocol):
    """One whose instances are processes of this machine."""

    async def rest(self) -> None:
        """Let every process end; the next verb of an instance starts its process again."""
