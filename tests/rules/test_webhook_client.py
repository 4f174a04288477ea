"""The verifier that we publish for receivers of our webhooks (S9): genuine and fresh, or nothing."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from cauce.client.webhooks import TOLERANCE_SECONDS, NotGenuine, read_event
from cauce.webhooks.rules import signed_headers

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
OLD, NEW = (f"whsec_{base64.b64encode(part * 24).decode()}" for part in (b"a", b"b"))
BODY = b'{"type": "invoice.paid", "sequence": 4}'


def _now(seconds: int = 0) -> int:
    return int((AT + timedelta(seconds=seconds)).timestamp())


def test_a_genuine_delivery_is_read_also_while_the_secret_is_rotated() -> None:
    headers = signed_headers([OLD, NEW], "evt_1", AT, BODY)
    for secrets in ([OLD], [NEW], [NEW, OLD]):
        assert read_event(secrets, headers, BODY, now=_now(20))["sequence"] == 4
    assert read_event([NEW], {name.upper(): value for name, value in headers.items()}, BODY, now=_now())


@pytest.mark.parametrize("seconds", [TOLERANCE_SECONDS + 1, -TOLERANCE_SECONDS - 1])
def test_s9_a_delivery_that_is_played_back_later_is_refused(seconds: int) -> None:
    headers = signed_headers([OLD], "evt_1", AT, BODY)
    with pytest.raises(NotGenuine, match="another time"):
        read_event([OLD], headers, BODY, now=_now(seconds))


def test_a_stamp_that_was_made_young_again_no_longer_fits() -> None:
    headers = signed_headers([OLD], "evt_1", AT, BODY)
    later = {**headers, "webhook-timestamp": str(_now(900))}
    with pytest.raises(NotGenuine, match="no signature"):
        read_event([OLD], later, BODY, now=_now(900))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_whatever_is_missing_or_changed_is_refused(name: str) -> None:
    headers = dict(signed_headers([OLD], "evt_1", AT, BODY))
    for wrong in ("", "évt", "v1,AAAA"):
        with pytest.raises(NotGenuine):
            read_event([OLD], {**headers, name: wrong}, BODY, now=_now())
    with pytest.raises(NotGenuine):
        read_event([OLD], headers, BODY + b" ", now=_now())
    with pytest.raises(NotGenuine):
        read_event([NEW], headers, BODY, now=_now())
