"""Intercom behind the capability Protocols: one object per channel, every method one call to the module of its noun."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cauce.gateway.capabilities import Can, Capabilities
from cauce.gateway.errors import ChannelSettingsError
from cauce.gateway.outcome import Done, Outcome
from cauce.gateway.provider import Channel, Kit
from cauce.gateway.reaching import ChatPerson, ChatWidget, Contact, ContactRecord, Message, SentMessage, TrackedEvent
from cauce.gateway.reporting import ParsedNotice
from cauce.providers.intercom import attributes, companies, contacts, inbound, limits, messages, messenger
from cauce.providers.intercom.wire import Wire


def capabilities(channel: Channel) -> Capabilities:
    """The capability record. Messages are sent only where an admin to write them from is named."""
    can = {Can.TRACKS_CONTACTS, Can.NOTIFIES}
    if channel.settings.get("messages_from_admin"):
        can.add(Can.SENDS_MESSAGES)
    if channel.settings.get("app_id") and channel.secrets.get("messenger_secret"):
        can.add(Can.SHOWS_CHAT)
    return Capabilities(
        can=frozenset(can), requests_per_second_max=limits.REQUESTS_PER_SECOND, notice_is_final=True, id_max_len=255
    )


def connect(channel: Channel, kit: Kit) -> IntercomGateway:
    """The gateway of a channel with its credentials; `ChannelSettingsError` otherwise."""
    admin = channel.settings.get("messages_from_admin", "")
    if admin and not (admin.isascii() and admin.isdigit()):
        raise ChannelSettingsError("an admin's id is a number", param="messages_from_admin")
    channel.setting("client_secret")
    return IntercomGateway(channel, kit)


class IntercomGateway:
    """Speaks for one channel; holds nothing of its own."""

    def __init__(self, channel: Channel, kit: Kit) -> None:
        self._wire = Wire(channel, kit)

    async def upsert_contact(self, contact: Contact) -> Outcome[ContactRecord]:
        """See `TracksContacts`."""
        return await contacts.upsert(self._wire, contact)

    async def upsert_company(
        self, company_id: str, name: str, attributes: dict[str, str | int]
    ) -> Outcome[ContactRecord]:
        """See `TracksContacts`."""
        return await companies.upsert(self._wire, company_id, name, attributes)

    async def join(self, contact_ref: str, company_ref: str) -> Outcome[ContactRecord]:
        """See `TracksContacts`."""
        return await companies.join(self._wire, contact_ref, company_ref)

    async def leave(self, contact_ref: str, company_ref: str) -> Outcome[ContactRecord]:
        """See `TracksContacts`."""
        return await companies.leave(self._wire, contact_ref, company_ref)

    async def track(self, event: TrackedEvent) -> Outcome[ContactRecord]:
        """See `TracksContacts`."""
        return await companies.track(self._wire, event)

    async def tag(self, contact_ref: str, tag: str, *, remove: bool) -> Outcome[ContactRecord]:
        """See `TracksContacts`."""
        return await contacts.tag(self._wire, contact_ref, tag, remove=remove)

    async def note(self, contact_ref: str, text: str) -> Outcome[ContactRecord]:
        """See `TracksContacts`."""
        return await contacts.note(self._wire, contact_ref, text)

    async def archive(self, contact_ref: str) -> Outcome[ContactRecord]:
        """See `TracksContacts`."""
        return await contacts.archive(self._wire, contact_ref)

    async def erase(self, contact_ref: str) -> Outcome[ContactRecord]:
        """See `TracksContacts`."""
        return await contacts.erase(self._wire, contact_ref)

    async def send(self, message: Message) -> Outcome[SentMessage]:
        """See `SendsMessages`; `to_address` is the contact's ref or our id of the customer."""
        return await messages.send(self._wire, message)

    def parse_notice(self, headers: Mapping[str, str], body: bytes, received_at: datetime) -> ParsedNotice:
        """See `Notifies`."""
        return inbound.parse(self._wire.channel, headers, body, received_at)

    async def ensure_attributes(self) -> Outcome[int]:
        """Make the custom attributes that the workspace lacks, at set-up; how many. Believed: they must exist first."""
        made = await attributes.ensure(self._wire, "contact")
        if not isinstance(made, Done):
            return made
        also = await attributes.ensure(self._wire, "company")
        return Done(made.value + also.value) if isinstance(also, Done) else also

    def chat(self, person: messenger.Person | None, now: datetime) -> dict[str, Any] | None:
        """What a page needs to show the Messenger: `script_url`, `settings`, `policy`; None while it is not set up.

        A person is booted with a token signed now (wall time), a visitor (None) without one.
        """
        channel = self._wire.channel
        app_id, secret = channel.settings.get("app_id", ""), channel.secrets.get("messenger_secret", "")
        if not app_id or not secret:
            return None
        token = messenger.token(secret, person, now) if person is not None else ""
        base_url = channel.base_url.rstrip("/")
        return {
            "script_url": f"{base_url}/widget/{app_id}/script" if base_url else messenger.script_url(app_id),
            "settings": messenger.settings(app_id, base_url or self._wire.messenger_host, token),
            "policy": messenger.policy(channel.settings.get("region", ""), base_url),
        }

    def show_chat(self, person: ChatPerson | None, now: datetime, *, left: bool = False) -> ChatWidget | None:
        """See `ShowsChat`."""
        found = self.chat(person, now)
        if found is None:
            return None
        return ChatWidget(messenger.boot(found["script_url"], found["settings"], left=left), found["policy"])
