"""The campaigns that ship, on from the start: on-boarding, trial conversion, lead recovery, and the system's own sequences."""

from __future__ import annotations

from cauce.billing.outreach.campaigns import Campaign, Step
from cauce.billing.outreach.rules import Category, Condition

_NO_METHOD = Condition("has_method", "is", False)
_TRIALING = Condition("status", "is", "trialing")
_ENDED = Condition("status", "in", ["canceled", "expired", "paused"])
_BEHIND = Condition("status", "in", ["past_due", "unpaid", "incomplete"])
_PAST_DUE = Condition("status", "is", "past_due")
_PAUSED = Condition("status", "is", "paused")
_GONE = (Condition("suspended"), Condition("erased"))

ONBOARDING = Campaign(
    key="onboarding",
    title="On-boarding",
    triggers=("subscription.trial_started", "subscription.activated"),
    period="product",
    stops=(Condition("goals_done"), Condition("access", "is", "none"), Condition("status", "is", "canceled"), *_GONE),
    steps=(
        Step("o1", "welcome", offset="10m", hastened_by=("instance.ready",)),
        Step(
            "o2", "first_login", Category.ONBOARDING, "1d", conditions=(Condition("events", "has_not", "first_login"),)
        ),
        Step("o3", "goal", Category.ONBOARDING, "3d", conditions=(Condition("goal", "is_not", ""),)),
        Step("o4", "goal_help", Category.ONBOARDING, "7d", conditions=(Condition("goal", "is_not", ""),)),
    ),
)
"""§7.1: from the first day of a product to its goals."""

TRIAL = Campaign(
    key="trial",
    title="Trial conversion",
    triggers=("subscription.trial_started",),
    moves=("subscription.trial_extended",),
    stops=(Condition("cancel_at_period_end"), *_GONE),
    steps=(
        Step(
            "c1", "trial_ending", offset="-3d", anchor="trial_end", short_span="3d", short_after="1h",
            conditions=(_TRIALING, _NO_METHOD),
        ),
        Step(
            "c1b", "trial_ending_card", offset="-3d", anchor="trial_end", short_span="3d", short_after="1h",
            conditions=(_TRIALING, Condition("has_method")),
        ),
        Step(
            "c2", "call_offer", Category.MARKETING, "-2d", anchor="trial_end", short_span="3d",
            conditions=(_TRIALING, _NO_METHOD, Condition("used")),
        ),
        Step(
            "c3", "trial_last_day", offset="-1d", anchor="trial_end", short_span="3d",
            conditions=(_TRIALING, _NO_METHOD),
        ),
        Step("c4", "trial_ended", triggers=("subscription.trial_expired",), conditions=(_ENDED,)),
        Step("c5", "trial_converted", triggers=("subscription.trial_converted",), conditions=(Condition("status", "is", "active"),)),
    ),
)  # fmt: skip
"""§7.2: before, at and after the end of a trial."""

RECOVERY = Campaign(
    key="recovery",
    title="Lead recovery",
    triggers=("subscription.trial_expired", "subscription.canceled"),
    period="ending",
    stops=(Condition("status", "in", ["active", "trialing", "past_due"]), Condition("other_live"), Condition("dispute_open"), *_GONE),
    steps=(
        Step("r1", "feedback", Category.MARKETING, "7d", conditions=(_ENDED, Condition("owes", "is", False))),
        Step("r1pay", "pay_to_return", Category.MARKETING, "7d", conditions=(_ENDED, Condition("owes"))),
        Step(
            "r2", "whats_new", Category.MARKETING, "30d",
            conditions=(_ENDED, Condition("owes", "is", False), Condition("cancel_reason", "is_not", "missing_feature")),
        ),
        Step(
            "r2feature", "whats_new", Category.MARKETING, "30d",
            conditions=(_ENDED, Condition("cancel_reason", "is", "missing_feature"), Condition("data.news", "not_in", [None, ""])),
        ),
        Step("r3", "digest", Category.MARKETING, "90d", conditions=(_ENDED,), enabled=False),
    ),
)  # fmt: skip
"""§7.3: after a trial or subscription has ended."""

DUNNING = Campaign(
    key="dunning",
    title="Failed payments",
    triggers=("dunning.started",),
    held=False,
    period="object",
    stops=(Condition("erased"),),
    steps=(
        Step("d1", "payment_failed", conditions=(_BEHIND,)),
        Step(
            "d1first", "payment_failed", triggers=("invoice.payment_failed",),
            when=(Condition("status", "is", "incomplete"),), conditions=(Condition("owes"),),
        ),
        Step("d1over", "card_refused", triggers=("invoice.payment_failed",), when=(_PAUSED,), conditions=(_PAUSED,), period="event"),
        Step("d1action", "payment_failed", triggers=("invoice.payment_action_required",), conditions=(Condition("owes"),), period="event"),
        Step(
            "d2", "retry_soon", offset="-12h", anchor="next_try", triggers=("dunning.started", "dunning.step_executed"),
            conditions=(_PAST_DUE, Condition("method_is_new", "is", False)), period="event",
        ),
        Step("d3", "grace_ending", offset="-1d", anchor="grace_ends", conditions=(_PAST_DUE,)),
        Step("d4", "access_restricted", triggers=("access.restricted",), when=(_PAST_DUE,), conditions=(_PAST_DUE,), period="event"),
        Step("d4unpaid", "access_restricted", triggers=("subscription.unpaid",), conditions=(Condition("status", "is", "unpaid"),), period="event"),
        Step(
            "d5", "ended_unpaid", triggers=("subscription.canceled",), when=(Condition("event.reason", "is", "dunning_exhausted"),),
            conditions=(Condition("owes"),), period="subscription",
        ),
        Step("d6", "payment_recovered", triggers=("dunning.recovered",), conditions=(Condition("status", "is", "active"),)),
    ),
)  # fmt: skip
"""§7.4: one case of recovery, told in plain words."""

CARD = Campaign(
    key="card",
    title="Card expiring",
    triggers=("payment_method.expiring",),
    held=False,
    period="event",
    stops=_GONE,
    steps=(Step("expiring", "card_expiring", conditions=(Condition("any_live"),)),),
)

RENEWAL = Campaign(
    key="renewal",
    title="Upcoming renewal",
    triggers=("subscription.activated", "subscription.renewed", "subscription.trial_converted"),
    held=False,
    period="event",
    stops=_GONE,
    steps=(
        Step(
            "yearly", "renewal_upcoming", offset="-30d", anchor="period_end", when=(Condition("interval_unit", "is", "year"),),
            conditions=(Condition("status", "is", "active"), Condition("cancel_at_period_end", "is", False)),
        ),
        Step(
            "monthly", "renewal_upcoming", offset="-3d", anchor="period_end", when=(Condition("interval_unit", "is", "month"),),
            conditions=(Condition("status", "is", "active"), Condition("cancel_at_period_end", "is", False)), enabled=False,
        ),
    ),
)  # fmt: skip

PRICE_CHANGE = Campaign(
    key="price_change",
    title="Price change",
    triggers=("subscription.change_scheduled",),
    when=(Condition("event.notice", "is", "price_change"),),
    held=False,
    period="object",
    stops=_GONE,
    steps=(
        Step("p1", "price_change", offset="-30d", anchor="effective_on", period="event"),
        Step("p2", "price_change", offset="-7d", anchor="effective_on", period="event"),
    ),
)

APPROVALS = Campaign(
    key="approvals",
    title="Offers to approve",
    triggers=("quote.sent",),
    held=False,
    period="object",
    stops=(Condition("status", "is_not", "draft"), *_GONE),
    steps=(
        Step("q1", "quote_sent"),
        Step("q2", "quote_reminder", offset="3d"),
        Step("q3", "quote_expiring", offset="-3d", anchor="lapses_at"),
    ),
)

_STAFF = ("owner", "admin", "support")

NOTICES = Campaign(
    key="notices",
    title="Notices",
    triggers=("subscription.created",),
    held=False,
    period="event",
    stops=(Condition("erased"),),
    steps=(
        Step("registered", "registered", triggers=("customer.created",), enabled=False),
        Step("trial_requested", "trial_requested", triggers=("subscription.trial_started",), when=(Condition("event.actor_kind", "is", "person"),), enabled=False),
        Step("subscribed", "subscribed", triggers=("subscription.activated",), when=(Condition("trial_end", "is", None),), enabled=False),
        Step("trial_changed", "trial_changed", triggers=("subscription.trial_extended",), conditions=(_TRIALING,)),
        Step("subscription_updated", "subscription_updated", triggers=("subscription.changed",)),
        Step("charge_added", "charge_added", triggers=("pending_line.added",), when=(Condition("event.state", "is_not", "proposed"),)),
        Step("charge_approval", "charge_approval", triggers=("pending_line.added",), when=(Condition("event.state", "is", "proposed"),)),
        Step("cancellation_requested", "cancellation_requested", triggers=("subscription.cancellation_requested",)),
        Step("cancellation_approved", "cancellation_approved", triggers=("subscription.cancellation_approved",)),
        Step("cancellation_rejected", "cancellation_rejected", triggers=("subscription.cancellation_rejected",)),
        Step("suspended", "suspended", triggers=("customer.suspended",), conditions=(Condition("suspended"),)),
        Step("instance_ready", "instance_ready", triggers=("instance.ready",), enabled=False),
        Step("invoice", "invoice", triggers=("invoice.finalized",), when=(Condition("collection", "is", "send_invoice"),)),
        Step("receipt", "receipt", triggers=("invoice.paid",), when=(Condition("first_after_trial", "is", False), Condition("event.total", "is_not", 0))),
        Step("refund", "refund", triggers=("refund.succeeded",)),
        Step("staff_cancellation", "staff_alert", triggers=("subscription.cancellation_requested",), roles=_STAFF),
        Step("staff_charge", "staff_alert", triggers=("pending_line.rejected",), roles=("owner", "admin", "finance")),
        Step("staff_dispute", "staff_alert", triggers=("dispute.opened", "dispute.lost"), roles=("owner", "admin", "finance")),
        Step("staff_unresolved", "staff_alert", triggers=("payment.unresolved",), roles=("owner", "admin", "finance")),
    ),
)  # fmt: skip
"""What a customer is told at once, and copies for staff by role."""

SHIPPED: dict[str, Campaign] = {
    one.key: one for one in (ONBOARDING, TRIAL, RECOVERY, DUNNING, CARD, RENEWAL, PRICE_CHANGE, APPROVALS, NOTICES)
}
"""Every campaign of the product by key."""
