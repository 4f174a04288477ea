"""Guard-rails, not legal advice: the self-check that opens the gate, the licence of whoever holds the money, the rules K1–K22.

Each question of the self-check names the rule it concerns. A live organization takes no order of another seller
before every question is answered and a person has signed; the check is repeated yearly and at every new channel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cauce.kernel.errors import Conflict, Forbidden, InvalidRequest

VALID_FOR = timedelta(days=365)
NOTICE_DAYS = (90, 30, 7)
"""How many days before a licence ends somebody is told (K16)."""


class GateClosed(Forbidden):
    """A live organization takes no order of another seller before its self-check is answered and signed (K22)."""

    code = "gate_closed"


class LicenceNotInForce(Forbidden):
    """The licence of the holder behind this channel is not in force: no new collections, open orders finish (K16)."""

    code = "licence_not_in_force"


class SelfCheckIncomplete(InvalidRequest):
    """Every question of the self-check needs an answer and its evidence."""

    code = "self_check_incomplete"


class PooledMoney(Forbidden):
    """Other sellers' money may not reach an account of the platform's own first (K1)."""

    code = "pooled_money"


class SelfCheckNeedsPerson(Forbidden):
    """A person signs the self-check, never an API key or a script (K22)."""

    code = "self_check_needs_person"


class RulesBroken(Conflict):
    """Rows of this organization break rules of compliance; the gate opens when they are mended (K22)."""

    code = "compliance_rules_broken"


class FeeAboveContract(Conflict):
    """The platform's parts of the order are more than its contract with this channel allows (K8)."""

    code = "fee_above_contract"


class RateNeedsSecondPerson(Forbidden):
    """A second person approves what the platform may take (K18)."""

    code = "rate_needs_second_person"


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the self-check: the rule it concerns and the answer that stops the gate, if any does."""

    number: int
    text: str
    rule: str
    stops: str = ""


QUESTIONS: tuple[Question, ...] = (
    Question(1, "Whose account does the buyer's money reach first?", "K1", "platform"),
    Question(2, "Who computes, and who executes the settlement to merchants?", "K2"),
    Question(3, "Is any channel one big merchant for several sellers?", "K1", "yes"),
    Question(4, "Can anyone recharge, spend and withdraw?", "K11", "yes"),
    Question(5, "Are coins, points or tokens accepted by more than one seller?", "K11", "yes"),
    Question(6, "Does terminal money pass through us or a service company?", "K1", "yes"),
    Question(7, "Is the holder licensed for this, and until when?", "K16", "no"),
    Question(8, "By which clearing institution or bank?", "K16"),
    Question(9, "Is the payout relayed through a reserve account?", "K16"),
    Question(10, "Do merchants hold agreements and verified accounts of their own?", "K10", "no"),
    Question(11, "Are refunds made to the original payer only?", "K12", "no"),
    Question(12, "Who may change a payout account?", "K18"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered, and what proves it."""

    answer: str
    evidence: str


@dataclass(frozen=True, slots=True)
class NewLicence:
    """The licence of a channel's holder. `clearing_route` is the bank itself, UnionPay, NetsUnion or another."""

    channel_id: str
    holder: str
    provider_class: str
    kind: str
    number: str
    authority: str
    clearing_route: str
    valid_from: date
    valid_until: date
    scopes: tuple[str, ...] = ()
    document: str = ""


def check_answers(answers: Mapping[int, Answer]) -> None:
    """`SelfCheckIncomplete` for a missing answer, `PooledMoney` or `GateClosed` for one that rules the business out."""
    for question in QUESTIONS:
        given = answers.get(question.number)
        if given is None or not given.answer.strip() or not given.evidence.strip():
            raise SelfCheckIncomplete(f"question {question.number} is not answered: {question.text}", param="answers")
        if question.stops and given.answer.strip().casefold() == question.stops:
            refusal = PooledMoney if question.rule == "K1" else GateClosed
            raise refusal(
                f"{question.text} {given.answer}: not with this product ({question.rule})", rule=question.rule
            )


def check_signer(actor: str) -> None:
    """`SelfCheckNeedsPerson` unless a person acts."""
    if not actor.startswith("person:"):
        raise SelfCheckNeedsPerson(f"{actor} is no person", param="signed_by")


def check_fee(fee_minor: int, collected_minor: int, rate_bps: int) -> None:
    """`FeeAboveContract` when the platform's parts are more than `rate_bps` of what is collected."""
    if fee_minor * 10_000 > collected_minor * rate_bps:
        raise FeeAboveContract(fee_minor=fee_minor, allowed_minor=collected_minor * rate_bps // 10_000)


def next_notice(valid_until: date, today: date) -> date | None:
    """The day of the next notice that a licence ends; None when all were given."""
    coming = [valid_until - timedelta(days=days) for days in NOTICE_DAYS]
    return min((day for day in coming if day > today), default=None)


def in_force(licences: Sequence[tuple[date, date]], at: datetime) -> bool:
    """Whether one of the licences (from, until, both inclusive) covers the day of `at`."""
    return any(first <= at.date() <= last for first, last in licences)
