"""What can be turned at the simulated WeChat Pay: every assumption has a knob, and every business rule that varies."""

from __future__ import annotations

from typing import Any

from cauce.providers.kit.simulator.tenant import Tenant

DEFAULTS: dict[str, Any] = {
    "fee_bp": 60,
    "max_ratio": 3000,
    "freeze_days": 0,  # 0: 30 in the direct and partner dialects, 180 in ecommerce
    "latency_s": 1,
    "refund_latency_s": 5,
    "withdraw_latency_s": 7200,
    "prepay_ttl_s": 0,  # how long a code can be paid with; 0: as long as the order is open (the vendor: 7200, A13)
    "clock_skew_s": 300,
    "duplicate_receivers": "reject",
    "ratio_counts_closed": False,
    "ratio_restored_by_return": False,
    "ratio_error_style": 400,
    "return_short_status": 403,
    "refund_short_status": 403,
    "expired_status": 403,
    "self_with_release": "reject",
    "split_bill_header": "default",
    "split_notify_url": "",
    "split_aad": "profitsharing",
    "callback_wrong_event_type": False,
    "public_key_percent": 100,  # how many callbacks are signed with the public key; the rest with the certificate
    "certificates_offered": True,
    "omit_signature_type": False,
    "response_serial": "",  # "public_key" or "certificate": sign answers with it whatever the request says
    "unknown_serial": False,
    "answer_age_seconds": 0,  # answers are signed as if made so long ago
    "reuse_split_no_for_unfreeze": "",
    "bill_missing_backticks": False,
    "bill_bad_hash": False,
    "bill_url_expired": False,
    "bill_late": False,
    "bill_extra_column": False,
    "bill_drop_row": 0,  # so many of the first rows are left out
    "bill_double_row": False,
    "bill_fee_off_minor": 0,  # the first row's fee differs by so much
    "bill_amount_off_minor": 0,  # the first row's amount differs by so much
    "bill_count_off": 0,  # the bills announce so many rows more than they have
    "bill_edits": [],  # single rows: {bill: trade|flow|split, find: a value, act: drop|double|change|copy, …}
    "return_processing": "",  # "", "stuck" or what a return becomes: "SUCCESS", "FAILED"
}


def knob(tenant: Tenant, name: str) -> Any:
    """The present value of a knob."""
    return tenant.facts.get("knobs", {}).get(name, DEFAULTS[name])


def turn(tenant: Tenant, values: dict[str, Any]) -> dict[str, Any]:
    """Set knobs; KeyError for one that does not exist."""
    for name in values:
        if name not in DEFAULTS:
            raise KeyError(name)
    knobs: dict[str, Any] = tenant.facts.setdefault("knobs", {})
    knobs.update(values)
    return knobs
