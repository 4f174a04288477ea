"""What an organization sets of its mail: which channel, from whom, where answers go, whether marketing needs a yes."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields

from cauce.channels import service as channels
from cauce.flows.context import Context
from cauce.gateway.capabilities import Can
from cauce.kernel.errors import InvalidRequest
from cauce.storage import audit
from cauce.storage.database import Tx
from cauce.storage.directory.orgs import Org, change_settings, read_org

SETTINGS = "outreach"
"""The organization's settings of outreach stand under this name."""

ANSWER_LOCAL_CHARACTERS_MAX = 12
"""RFC 5321 4.5.3.1.1 gives the part before the @ 64; a plus, the organization, the message and the signature are 52."""

_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")


class BadMailbox(InvalidRequest):
    """This is no address that mail of an organization comes from or goes to."""

    code = "bad_mailbox"


@dataclass(frozen=True, slots=True)
class MailSettings:
    """`mail_channel`: "" for the first that sends mail. `answers_to`: the mailbox whose `+…` addresses reach Cauce."""

    mail_channel: str = ""
    from_address: str = ""
    reply_to: str = ""
    answers_to: str = ""
    marketing_opt_in: bool = False


def settings_of(org: Org) -> MailSettings:
    """What this organization has set."""
    kept = org.settings.get(SETTINGS, {})
    return MailSettings(**{one.name: kept[one.name] for one in fields(MailSettings) if one.name in kept})


async def save_settings(tx: Tx, context: Context, wanted: MailSettings) -> MailSettings:
    """Set all of it; `BadMailbox` for what is no address, `NotFound` or `CapabilityMissing` for a channel without mail."""
    for name in ("from_address", "reply_to", "answers_to"):
        address: str = getattr(wanted, name)
        if address and (len(address) > 254 or not _ADDRESS.fullmatch(address)):
            raise BadMailbox(f"{address!r} is no address", param=name)
    local = wanted.answers_to.partition("@")[0]
    if "+" in local or len(local) > ANSWER_LOCAL_CHARACTERS_MAX:
        raise BadMailbox(
            f"before the @ it has at most {ANSWER_LOCAL_CHARACTERS_MAX} characters and no plus", param="answers_to"
        )
    if wanted.mail_channel:
        org = await read_org(tx, tx.org)
        channel = await channels.open_channel(tx, context.runtime.sealer, wanted.mail_channel, livemode=org.livemode)
        context.runtime.gateways.capabilities(channel).require(Can.SENDS_MESSAGES, what="mail")
    await change_settings(tx, tx.org, {SETTINGS: asdict(wanted)})
    await audit.record(tx, context.actor, "outreach.set_mail", SETTINGS, after=asdict(wanted))
    return wanted
