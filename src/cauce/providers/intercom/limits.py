"""Every number of Intercom's that Cauce relies on, with its source and the day of reading."""

from __future__ import annotations

from datetime import date

from cauce.gateway.capabilities import Sourced

_READ = date(2026, 11, 1)
_RATES = "developers.intercom.com, rate limiting"
_CODE = "python-intercom 5.0.1"

REQUESTS_PER_MINUTE = Sourced(10_000, "requests", f"{_RATES}: one private app", _READ)
REQUESTS_PER_SECOND = Sourced(150, "requests", "ours: below a tenth of a 10-second window of 1,666", _READ)
METADATA_KEYS = Sourced(10, "keys", f"{_CODE}: tracked per event; help pages say 20", _READ)
MONTHLY_SPEND_MAX = Sourced(2**31 - 1, "whole units", f"{_CODE}: companies, monthly_spend", _READ)
TOKEN_SECONDS_MAX = Sourced(3600, "seconds", "ours: a Messenger token is for one visit", _READ)
NOTICE_AGE_DAYS = Sourced(8, "days", "developers.intercom.com, webhooks: suspended after 7 days of errors", _READ)
TIMEOUT_SECONDS = Sourced(10, "seconds", "ours: the library waits 60", _READ)
ASK_AFTER_SECONDS = Sourced(10, "seconds", "ours: one window of the rate limit", _READ)
WAIT_SECONDS_MAX = Sourced(600, "seconds", "ours: a reset further away is not believed", _READ)
WINDOW_SECONDS = Sourced(10, "seconds", f"{_RATES}: the minute is spread over windows", _READ)
MINUTE_SECONDS = Sourced(60, "seconds", f"{_RATES}: limits are per minute", _READ)
CONTACT_READY_SECONDS = Sourced(5, "seconds", "protocol notes: /messages to a younger contact answers 404", _READ)
SEARCH_LAG_SECONDS = Sourced(60, "seconds", f"{_CODE}: search lags up to minutes after creation", _READ)


def window(requests_per_minute: int) -> int:
    """Requests that one 10-second window takes. Believed: the windows are even parts of the minute."""
    return requests_per_minute * WINDOW_SECONDS.value // MINUTE_SECONDS.value
