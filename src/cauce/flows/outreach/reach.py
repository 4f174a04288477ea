"""Which channels of an organization reach people: one that sends mail, help desks that track contacts.

A capability decides, never a name: whatever sends messages and tracks nobody is mail.
"""

from __future__ import annotations

from dataclasses import dataclass

from cauce.channels import service as channels
from cauce.flows.context import Context
from cauce.flows.outreach.mail_settings import settings_of
from cauce.gateway.capabilities import Can
from cauce.kernel.errors import CauceError
from cauce.storage.directory.orgs import Org, read_org


@dataclass(frozen=True, slots=True)
class Reach:
    """The channels found: `mail` ("" for none), every help desk (`direct` also sends messages), and all that send mail."""

    org: Org
    mail: str = ""
    desks: tuple[str, ...] = ()
    direct: str = ""
    mails: tuple[str, ...] = ()

    @property
    def reaches_nobody(self) -> bool:
        """True where no channel leads to people."""
        return not self.mail and not self.desks


async def find_reach(context: Context) -> Reach:
    """The channels to people. Opens channels, so it is called outside transactions."""
    async with context.transaction() as tx:
        org = await read_org(tx, context.org_id)
        rows = await channels.list_channels(tx)
    wanted = settings_of(org).mail_channel
    mails: list[str] = []
    desks: list[str] = []
    direct = ""
    for row in rows:
        try:
            channel, _ = await context.gateway(row["id"])
        except CauceError:  # a channel that is set up wrongly reaches nobody; it says so where it is used
            continue
        can = context.runtime.gateways.capabilities(channel).can
        if Can.TRACKS_CONTACTS in can:
            desks.append(row["id"])
            direct = row["id"] if Can.SENDS_MESSAGES in can and not direct else direct
        elif Can.SENDS_MESSAGES in can:
            mails.append(row["id"])
    mail = wanted if wanted in mails else (mails[0] if mails else "")
    return Reach(org, mail, tuple(desks), direct, tuple(mails))
