"""Money at the simulated Stripe: balance transactions over double-entry books, pending and then available.

Every movement is one row of an account and one posting: `<account>/pending` or `<account>/available` against the
outside (payers, banks, Stripe's fees) or against `outside/transit` between two accounts of the platform. A row that
becomes available later does so by a timer per account, currency and day.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from cauce.kernel.money import half_up
from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.stripe.simulator.desk import Desk, Obj
from cauce.providers.stripe.simulator.params import LISTED, params
from cauce.providers.stripe.simulator.views import listed, source_of

FEE_BPS = 290
FEE_FIXED_MINOR = 30
DISPUTE_FEE_MINOR = 1500
SETTLEMENT_DAYS = 2

LIST = params(f"{LISTED} currency payout source type available_on:any")
NONE = params("")

_CATEGORY = {
    "charge": "charge", "payment": "charge", "refund": "refund", "payment_refund": "refund",
    "refund_failure": "refund_failure", "transfer": "transfer", "transfer_refund": "transfer_reversal",
    "application_fee": "platform_earning", "application_fee_refund": "platform_earning_refund", "payout": "payout",
    "payout_cancel": "payout_reversal", "payout_failure": "payout_reversal", "topup": "topup",
    "stripe_fee": "fee",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rate:
    """What the platform's balance takes for a currency: `text` units of `currency` for one ("": its own)."""

    currency: str
    text: str = ""

    def into(self, amount: int) -> int:
        """`amount` at this rate, in wire units (currencies with equally many decimals)."""
        return half_up(amount * Fraction(self.text)) if self.text else amount

    def fees(self, details: list[Obj]) -> list[Obj]:
        """Fee lines at this rate."""
        return [{**one, "amount": self.into(one["amount"]), "currency": self.currency} for one in details]


def settles(tenant: Tenant, account: str, currency: str) -> Rate:
    """The rate at which the platform settles a currency that it keeps no balance in: `settings` name it, as
    `{"settles": {"eur": ["usd", "1.083"]}}`; sellers are settled in their own.
    """
    told = {} if account else tenant.facts.get("settles", {})
    return Rate(*told[currency]) if currency in told else Rate(currency)


def path(account: str) -> str:
    """The account's place in the books."""
    return account or "platform"


def processing_fee(tenant: Tenant, amount: int) -> int:
    """Stripe's fee for a charge, in minor units: 2.9 % and 30 unless the tenant was told otherwise."""
    bps, fixed = tenant.facts.get("fee_bps", FEE_BPS), tenant.facts.get("fee_fixed_minor", FEE_FIXED_MINOR)
    return min(half_up(Fraction(amount * bps, 10_000)) + int(fixed), amount)


def settlement_at(tenant: Tenant) -> int:
    """When a charge made now becomes available: midnight UTC, two days on."""
    midnight = tenant.now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((midnight + timedelta(days=SETTLEMENT_DAYS)).timestamp())


def row(
    desk: Desk,
    *,
    account: str,
    type: str,
    amount: int,
    currency: str,
    source: str,
    against: str,
    fee: int = 0,
    fee_details: list[Obj] | None = None,
    application_fee: int = 0,
    available_on: int = 0,
    category: str = "",
    description: str | None = None,
    memo: str = "",
) -> Obj:
    """Book `amount` less `fee` on `account`'s balance `against` another; of the fee `application_fee` is the platform's."""
    available_on = available_on or desk.now
    rate = settles(desk.tenant, account, currency)
    amount, fee, currency = rate.into(amount), rate.into(fee), rate.currency
    status = "available" if available_on <= desk.now else "pending"
    made = desk.make(
        "balance_transaction",
        {
            "amount": amount,
            "available_on": available_on,
            "balance_type": "payments",
            "currency": currency,
            "description": description,
            "exchange_rate": rate.text or None,
            "fee": fee,
            "fee_details": rate.fees(fee_details or []),
            "net": amount - fee,
            "reporting_category": category or _CATEGORY[type],
            "source": source,
            "status": status,
            "type": type,
            "_payout": "",
        },
        account=account,
    )
    del made["metadata"]
    legs = [(f"{path(account)}/{status}", amount - fee), (against, -amount), *_fee_legs(fee, application_fee)]
    desk.tenant.books.post(desk.tenant.now(), memo or type, currency, legs, source, force=True)
    if status == "pending":
        _arrange_release(desk, account, currency, available_on)
    return made


def _fee_legs(fee: int, application_fee: int) -> list[tuple[str, int]]:
    parts = (("outside/stripe_fees", fee - application_fee), ("outside/transit", application_fee))
    return [(receiver, part) for receiver, part in parts if part]


def stripe_fee_details(fee: int, currency: str) -> list[Obj]:
    """The usual single fee line."""
    line = {"amount": fee, "application": None, "currency": currency, "description": "Stripe processing fees"}
    return [{**line, "type": "stripe_fee"}] if fee else []


def _arrange_release(desk: Desk, account: str, currency: str, available_on: int) -> None:
    target = f"{account}|{currency}|{available_on}"
    arranged = desk.tenant.facts.setdefault("releases", {})
    if target not in arranged:
        arranged[target] = True
        desk.tenant.timers.set(datetime.fromtimestamp(available_on, UTC), "funds", target)


def release(desk: Desk, target: str) -> None:
    """The timer `funds`: what is due moves from pending to available."""
    account, currency, at = target.split("|")
    desk.tenant.facts["releases"].pop(target, None)
    due = [
        r
        for r in desk.acting_for(account).all("balance_transaction")
        if r["status"] == "pending" and r["currency"] == currency and r["available_on"] <= int(at)
    ]
    net = sum(r["net"] for r in due)
    for r in due:
        r["status"] = "available"
    if net:
        legs = [(f"{path(account)}/pending", -net), (f"{path(account)}/available", net)]
        desk.tenant.books.post(desk.tenant.now(), "funds available", currency, legs, force=True)
    desk.emit("balance.available", {**balance_of(desk, account), "_account": account})


def held(desk: Desk, account: str, currency: str, kind: str) -> int:
    """Minor units of a balance; `kind` is pending or available."""
    return desk.tenant.books.balance(f"{path(account)}/{kind}", currency)


def balance_of(desk: Desk, account: str) -> Obj:
    """The balance object of an account."""
    shown: dict[str, Any] = {"object": "balance", "livemode": False, "connect_reserved": [], "instant_available": []}
    for kind in ("available", "pending"):
        entries = desk.tenant.books.balances(f"{path(account)}/{kind}")
        shown[kind] = [
            {"amount": b["balance_minor"], "currency": b["currency"], "source_types": {"card": b["balance_minor"]}}
            for b in entries
            if b["account"] == f"{path(account)}/{kind}"
        ] or [{"amount": 0, "currency": "usd", "source_types": {"card": 0}}]
    return shown


def retrieve_balance(desk: Desk) -> Obj:
    """GET /v1/balance."""
    return balance_of(desk, desk.account)


def retrieve(desk: Desk) -> Obj:
    """GET /v1/balance_transactions/{id}."""
    return desk.get("balance_transaction", desk.id)


def list_all(desk: Desk) -> Obj:
    """GET /v1/balance_transactions."""
    given = desk.params
    wanted = {n: given[n] for n in ("currency", "source", "type") if n in given}
    items = (r for r in desk.all("balance_transaction") if all(r[n] == v for n, v in wanted.items()))
    if "payout" in given:
        payout = desk.get("payout", given["payout"], "payout")
        items = (r for r in desk.all("balance_transaction") if r["_payout"] == payout["id"])
    edits = desk.tenant.facts.get("statement_edits") if not wanted and "payout" not in given else None
    return listed(desk.tenant, edited(desk, items, edits) if edits else items, given, "/v1/balance_transactions")


def edited(desk: Desk, rows: Iterable[Obj], edits: list[dict[str, Any]]) -> list[Obj]:
    """Rows that lie: those whose source carries the key `find` are dropped, doubled, copied for another `key`, or off."""
    by_key = {edit["find"]: edit for edit in edits}
    found: list[Obj] = []
    for one in rows:
        source = source_of(desk.tenant, one["source"]) or {}
        edit = by_key.get((source.get("metadata") or {}).get("cauce_key", ""))
        match edit["act"] if edit else "":
            case "drop":
                continue
            case "double":
                found.append(one)
            case "copy":
                assert edit is not None
                other = {"id": f"{source['id']}7", "object": source["object"], "metadata": {"cauce_key": edit["key"]}}
                found.append({**one, "id": f"{one['id']}7", "source": other})
            case "change":
                assert edit is not None
                fee = one["fee"] + edit.get("fee_minor", 0)
                one = {**one, "amount": one["amount"] + edit.get("amount_minor", 0), "fee": fee}
        found.append(one)
    return found


def check(tenant: Tenant) -> list[str]:
    """Rows against books, per account and currency: empty when they agree."""
    sums: dict[tuple[str, str], int] = {}
    for r in tenant.shelf("balance_transaction").values():
        place = (f"{path(r['_account'])}/{r['status']}", r["currency"])
        sums[place] = sums.get(place, 0) + r["net"]
    wrong = tenant.books.check()
    for entry in tenant.books.balances():
        if not entry["account"].startswith("outside/"):
            expected = sums.get((entry["account"], entry["currency"]), 0)
            if expected != entry["balance_minor"]:
                wrong.append(f"{entry['account']} {entry['currency']}: books {entry['balance_minor']}, rows {expected}")
    return wrong
