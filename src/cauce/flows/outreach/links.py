"""Where the links of messages lead: one place that knows the addresses of the hosted pages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable

from cauce.kernel.errors import NotFound
from cauce.storage.directory.orgs import Org
from cauce.storage.sealing import Sealer

_PURPOSE = b"cauce unsubscribe link"
_TAG_BYTES = 18
_ANSWER_PURPOSE = b"cauce answer by mail"
_ANSWER_TAG_BYTES = 10
_MESSAGE = "msg_"
_ANSWER = re.compile(r"\+(?P<org>[0-9]{1,15})-(?P<message>[0-9a-z]{26})(?P<tag>[a-z2-7]{16})@")


class BadUnsubscribeLink(NotFound):
    """The address to unsubscribe at is not one of ours."""

    code = "bad_unsubscribe_link"


class BadAnswerAddress(NotFound):
    """No address of this mail is one that answers come to."""

    code = "bad_answer_address"


def page_links(public_url: str, org: Org, *, subscription_id: str = "", invoice_id: str = "") -> dict[str, str]:
    """The links that any message may use. They name no person and open nothing without signing in."""
    home = f"{public_url}/portal/{org.public_id}"
    account = f"{home}/account"
    subscription = f"{account}?subscription={subscription_id}" if subscription_id else account
    return {
        "portal_link": account,
        "card_link": account,
        "cancel_link": subscription,
        "reactivate_link": subscription,
        "pricing_link": home,
        "approve_link": account,
        "quote_link": account,
        "pay_link": f"{home}/invoices/{invoice_id}" if invoice_id else account,
    }


def unsubscribe_link(public_url: str, sealer: Sealer, org_id: int, customer_id: str, category: str) -> str:
    """An address that refuses one category for one customer when it is posted to; good for ever."""
    content = f"{org_id}.{customer_id}.{category}"
    tag = _tag(sealer.keys[sealer.current], content)
    return f"{public_url}/unsubscribe/{_text(content.encode())}.{_text(tag)}"


def read_unsubscribe_link(sealer: Sealer, token: str) -> tuple[int, str, str]:
    """(organization, customer, category) of a link's last part; `BadUnsubscribeLink` for any other text."""
    body, _, tag = token.partition(".")
    try:
        content, given = _bytes(body).decode("ascii"), _bytes(tag)
        org_id, customer_id, category = content.split(".")
        number = int(org_id)
    except ValueError as exc:
        raise BadUnsubscribeLink() from exc
    if not any(hmac.compare_digest(_tag(key, content), given) for key in sealer.keys.values()):
        raise BadUnsubscribeLink()
    return number, customer_id, category


def answer_address(mailbox: str, sealer: Sealer, org_id: int, message_id: str) -> str:
    """The address that answers to one message come to: `mailbox` with a signed part behind a plus.

    Lower-case letters and digits alone, for mail programs may change the case of an address; at most 56 characters.
    """
    local, _, domain = mailbox.rpartition("@")
    content = f"{org_id}-{message_id.removeprefix(_MESSAGE)}"
    return f"{local}+{content}{_answer_tag(sealer.keys[sealer.current], content)}@{domain}"


def read_answer_address(sealer: Sealer, addresses: Iterable[str]) -> tuple[int, str]:
    """(organization, message) of the first of these addresses that we made; `BadAnswerAddress` when none is."""
    for address in addresses:
        found = _ANSWER.search(address.lower())
        if found is None:
            continue
        content = f"{found['org']}-{found['message']}"
        if any(hmac.compare_digest(_answer_tag(key, content), found["tag"]) for key in sealer.keys.values()):
            return int(found["org"]), _MESSAGE + found["message"]
    raise BadAnswerAddress(param="recipient")


def _answer_tag(master: bytes, content: str) -> str:
    return base64.b32encode(_tag(master, content, _ANSWER_PURPOSE)[:_ANSWER_TAG_BYTES]).decode().lower()


def _tag(master: bytes, content: str, purpose: bytes = _PURPOSE) -> bytes:
    """A key of its own for this purpose, made of the master key (S8)."""
    own = hmac.new(master, purpose, hashlib.sha256).digest()
    return hmac.new(own, content.encode(), hashlib.sha256).digest()[:_TAG_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
