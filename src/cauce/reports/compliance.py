"""The rules K1–K22 as questions to the database: every row that breaks one, whatever wall it came around.

Guard-rails derived from published screening points, not legal advice. K19 is `ledger verify`; K20 (exit control of
instructed custody) has nothing to ask while no channel is instructed by files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cauce.storage.database import Tx
from cauce.storage.sql import load_queries

QUERIES = load_queries(__package__, "compliance.sql")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its number, what it says, which wall keeps it first."""

    id: str
    says: str
    first_wall: str
    query: str = ""
    by_time: bool = False


RULES: tuple[Rule, ...] = (
    Rule(
        "K1",
        "Buyers' money never reaches an account of the platform first.",
        "CHECK on the collection's destination",
        QUERIES.k1_no_pooling,
    ),
    Rule(
        "K2",
        "Members' balances change only with a provider's evidence.",
        "CHECK on custody journals",
        QUERIES.k2_no_self_clearing,
    ),
    Rule(
        "K3",
        "A payout goes to the merchant's own, verified account.",
        "foreign key from payout to the owner's instrument",
        QUERIES.k3_own_account_payout,
    ),
    Rule(
        "K4",
        "In each custody book assets equal liabilities.",
        "the posting function balances each book and currency",
        QUERIES.k4_conservation,
    ),
    Rule("K5", "No account falls below its floor.", "CHECK on the balance row", QUERIES.k5_no_overdraft),
    Rule(
        "K6",
        "An order's parts never exceed what was collected for it.",
        "CHECKs on escrow and released amounts, trigger on parts",
        QUERIES.k6_split_bound,
    ),
    Rule(
        "K7",
        "Whoever is paid was declared with the order and has an agreement.",
        "planning, again at release, trigger on parts",
        QUERIES.k7_party_bound,
    ),
    Rule(
        "K8",
        "The platform receives typed fees within its contract's rate.",
        "planning against the rate table",
        QUERIES.k8_typed_fees,
    ),
    Rule(
        "K9",
        "Only the fee sweep touches both books.",
        "CHECK on the journal and the posting function",
        QUERIES.k9_cross_book,
    ),
    Rule(
        "K10",
        "Nobody is credited without a real name and consent.",
        "CHECK on active accounts, guard at planning",
        QUERIES.k10_real_name,
    ),
    Rule(
        "K11",
        "Recharging, spending with others and withdrawing never meet in one balance.",
        "no recipe from a credit to a member; capability of the channel",
        QUERIES.k11_no_stored_value,
    ),
    Rule(
        "K12",
        "A refund goes to the payer of its collection, within what he paid.",
        "CHECKs on refunded amounts",
        QUERIES.k12_original_route,
    ),
    Rule("K13", "Every custody movement names what it belongs to.", "NOT NULL reference", QUERIES.k13_order_backed),
    Rule(
        "K14",
        "Nothing stays in transit or frozen beyond its time unseen.",
        "due rows and sweeps, told every day",
        QUERIES.k14_timeliness,
        by_time=True,
    ),
    Rule(
        "K15",
        "Unknown credits stand in suspense until two persons assign them.",
        "only three recipes touch suspense",
        QUERIES.k15_suspense,
    ),
    Rule(
        "K16",
        "New collections need the holder's licence in force.",
        "guard before every new order",
        QUERIES.k16_licence,
    ),
    Rule("K17", "One command has one effect at the provider.", "unique key of instructions", QUERIES.k17_idempotent),
    Rule("K18", "Two persons where money or rules change.", "CHECK approver is not maker", QUERIES.k18_two_persons),
    Rule("K19", "The journal is append-only and sealed.", "no UPDATE or DELETE grant, triggers"),
    Rule("K20", "What was exported is what was approved and settled.", "no channel is instructed by files yet"),
    Rule(
        "K21",
        "Every line names its seller; the platform sells nothing here.",
        "CHECK on the line",
        QUERIES.k21_seller_of_record,
    ),
    Rule(
        "K22",
        "A live organization takes no order before its signed self-check.",
        "guard before every new order",
        QUERIES.k22_gate,
    ),
)


@dataclass(frozen=True, slots=True)
class Violation:
    """One row that breaks a rule."""

    rule: str
    subject: str
    problem: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.subject}: {self.problem}"


async def overdue(tx: Tx, now: datetime) -> list[Violation]:
    """What has taken too long by K14, at most ten rows."""
    rows = await tx.rows(QUERIES.k14_timeliness, tx.org, now)
    return [Violation("K14", row["subject"], row["problem"]) for row in rows]


async def violations(tx: Tx, now: datetime) -> list[Violation]:
    """What breaks a rule in the organization of the transaction, at most ten rows a rule; K19 is the ledger's to verify."""
    found: list[Violation] = []
    for rule in RULES:
        if rule.query:
            rows = await tx.rows(rule.query, tx.org, *((now,) if rule.by_time else ()))
            found += [Violation(rule.id, row["subject"], row["problem"]) for row in rows]
    return found
