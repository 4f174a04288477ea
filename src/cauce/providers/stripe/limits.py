"""Every number of Stripe's that Cauce relies on, with its source and the day of reading."""

from __future__ import annotations

from datetime import date

from cauce.gateway.capabilities import Sourced

_READ = date(2026, 11, 1)
_CODE = "stripe-python 16.1.0 (API 2026-10-28.endive)"

REQUESTS_PER_SECOND = Sourced(25, "requests", "docs.stripe.com/rate-limits: default per endpoint and sandbox", _READ)
IDEMPOTENCY_HOURS = Sourced(24, "hours", "docs.stripe.com/api/idempotent_requests: kept at least 24 h", _READ)
RECEIVERS_PER_TRANSFER = Sourced(1, "receivers", "docs.stripe.com/api/transfers/create: one destination", _READ)
EVENTS_DAYS = Sourced(30, "days", f"{_CODE}: GET /v1/events", _READ)
AMOUNT_MAX = Sourced(99_999_999, "minor units", f"{_CODE}: eight digits", _READ)
SIGNATURE_TOLERANCE_SECONDS = Sourced(300, "seconds", f"{_CODE}: webhook tolerance", _READ)
DESCRIPTOR_LENGTH = Sourced(22, "characters", f"{_CODE}: statement_descriptor_suffix", _READ)
PAGE_LENGTH = Sourced(100, "objects", f"{_CODE}: limit of lists", _READ)
METADATA_VALUE_LENGTH = Sourced(500, "characters", "docs.stripe.com/api/metadata", _READ)
METADATA_KEYS = Sourced(50, "keys", "docs.stripe.com/api/metadata", _READ)
KEY_LENGTH = Sourced(255, "characters", "docs.stripe.com/api/idempotent_requests", _READ)
REFUND_DAYS = Sourced(180, "days", "docs.stripe.com/refunds: card networks may refuse later ones", _READ)

# Smallest charge per currency, in Stripe's units: docs.stripe.com/currencies, read 2026-11; all but USD assumed.
AMOUNT_MIN_MINOR = {"usd": 50, "eur": 50, "gbp": 30, "brl": 50, "mxn": 1000, "jpy": 50, "cad": 50, "aud": 50}
