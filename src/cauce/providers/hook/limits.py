"""Every number of signed webhooks to instance runners, with its source and the day of reading."""

from __future__ import annotations

from datetime import date

from cauce.gateway.capabilities import Sourced

TIMEOUT_SECONDS_MAX = Sourced(60, "seconds", "ours: a page waits for a pre hook no longer", date(2026, 11, 20))
SIGNATURE_AGE_SECONDS = Sourced(300, "seconds", "Standard Webhooks specification: five minutes", date(2026, 11, 20))
SECRETS_MAX = Sourced(5, "secrets", "ours: as many as one rotation can ever need", date(2026, 11, 20))
URL_LENGTH_MAX = Sourced(2000, "characters", "ours: what proxies and logs carry whole", date(2026, 11, 20))
ASK_AFTER_SECONDS = Sourced(30, "seconds", "ours: a runner that restarts is back by then", date(2026, 11, 20))
