"""The control surface's own verbs for Stripe: what payers, sellers, banks and Stripe's staff do out of band.

`payer` and `merchant` are the verbs that every face has; the others are `disputes`, `disputes/<id>/decide`,
`refunds/<id>/fail`, `payouts/<id>/pay|fail`, `payouts/automatic`, `payment_intents/<id>/settle`,
`subscriptions/<id>/set`, `customers/<id>/set`, `accounts/<id>/requirements|capabilities|onboard`, `payment_methods/<id>/behave|auto_update`, `topup`, `settings`,
`rotate_secret` and `check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.stripe.simulator import (
    accounts,
    balance,
    billing,
    checkout,
    confirming,
    disputes,
    methods,
    payouts,
    refunds,
    setups,
)
from cauce.providers.stripe.simulator.desk import Desk, Obj
from cauce.providers.stripe.simulator.errors import StripeError
from cauce.providers.stripe.simulator.magic import BEHAVIOURS, BY_ID
from cauce.providers.stripe.simulator.views import public

_PAYABLE = ("checkout.session", "payment_intent", "setup_intent")
KEY_IN_METADATA = "cauce_key"


def control(tenant: Tenant, verb: str, body: Mapping[str, Any], base_url: str) -> dict[str, Any]:
    """Serve one verb; KeyError for one that is not known, ValueError when Stripe's own rules refuse it."""
    desk = Desk(tenant, base_url=base_url)
    try:
        return public(_do(desk, verb.split("/"), body))
    except StripeError as error:
        raise ValueError(f"{error.body.get('code', '')}: {error}") from error


def _do(desk: Desk, verb: list[str], body: Mapping[str, Any]) -> dict[str, Any]:
    match verb:
        case ["payer"]:
            return payer(desk, body)
        case ["merchant"]:
            return merchant(desk, body)
        case ["disputes"]:
            return disputes.by_control(desk, body["charge"], body.get("reason", "fraudulent"))
        case ["disputes", id, "decide"]:
            return disputes.decide(desk, desk.get("dispute", id), body["verdict"])
        case ["refunds", id, "fail"]:
            return refunds.fail(desk, desk.get("refund", id))
        case ["payouts", "automatic"]:
            return payouts.automatic(Desk(desk.tenant, body.get("account", "")), body["currency"]) or {}
        case ["payouts", id, outcome]:
            return _payout(desk, id, outcome)
        case ["payment_intents", id, "settle"]:
            return confirming.processed(desk, desk.get("payment_intent", id), body.get("result") == "succeed")
        case ["accounts", id, what]:
            return _account(desk, desk.get("account", id), what, body)
        case ["payment_methods", id, what]:
            return _method(desk, desk.get("payment_method", id), what, body)
        case ["subscriptions", id, "set"]:
            return billing.by_control(desk, desk.get("subscription", id), dict(body))
        case ["customers", id, "set"]:
            return billing.balance_by_control(desk.get("customer", id), body)
        case ["topup"]:
            return _top_up(desk, body)
        case ["settings"]:
            desk.tenant.facts |= body
            return dict(body)
        case ["rotate_secret"]:
            return _rotate(desk, body)
        case ["check"]:
            return {"wrong": balance.check(desk.tenant)}
    raise KeyError("/".join(verb))


def payer(desk: Desk, body: Mapping[str, Any]) -> Obj:
    """The payer acts on what waits for him: `ref` or our `key`; `act` approve, decline or abandon; `method`.

    `choose` gives the card and leaves the bank's question open.

    `method` is a behaviour (good, insufficient_funds, hard, expired, needs_authentication, …) or a `pm_card_…` id.
    """
    target = _waiting(desk, body)
    desk.account = target["_account"]
    act = body.get("act", "approve")
    intent = target
    if target["object"] == "checkout.session":
        kind = "setup_intent" if target["mode"] == "setup" else "payment_intent"
        intent = desk.get(kind, target[kind])
        if act == "abandon":
            return checkout.expired(desk, target)
    if intent["status"] == "requires_payment_method" and act != "abandon":
        _choose(desk, target, intent, _card(desk, body.get("method", "good")))
    if intent["status"] == "requires_action" and act != "choose":
        flow: Any = setups if intent["object"] == "setup_intent" else confirming
        flow.authenticated(desk, intent, act == "approve")
    if target["object"] == "checkout.session":
        checkout.finish(desk, target, intent)
    return {"ref": target["id"], "status": target["status"], "intent": intent["id"], "intent_status": intent["status"]}


def _choose(desk: Desk, target: Obj, intent: Obj, method: Obj) -> None:
    """A card that is refused leaves the intent as it is; the payer sees it on the page."""
    try:
        if target["object"] == "checkout.session":
            checkout.complete(desk, target, method)
        elif intent["object"] == "setup_intent":
            setups.confirm_with(desk, intent, {"payment_method": method["id"]})
        else:
            confirming.confirm(desk, intent, {"payment_method": method["id"]})
    except StripeError as refused:
        if refused.status != 402:
            raise


def _waiting(desk: Desk, body: Mapping[str, Any]) -> Obj:
    for kind in _PAYABLE:
        shelf = desk.tenant.shelf(kind)
        if body.get("ref") in shelf:
            return shelf[body["ref"]]
        if body.get("key"):
            for obj in reversed(shelf.values()):
                if obj["metadata"].get(KEY_IN_METADATA) == body["key"]:
                    return obj
    raise KeyError(f"payment or setup {body.get('ref') or body.get('key')}")


def _card(desk: Desk, method: str) -> Obj:
    if method in BEHAVIOURS:
        return methods.from_card(desk, BEHAVIOURS[method], behaves=method)
    if method in BY_ID:
        return methods.from_card(desk, BY_ID[method])
    return desk.get("payment_method", method)


def merchant(desk: Desk, body: Mapping[str, Any]) -> dict[str, Any]:
    """A seller who is onboarded and has a bank account: `{"ref": acct_…, "instrument_ref": ba_…}`."""
    country = body.get("country", "US")
    maker = Desk(
        desk.tenant,
        params={
            "country": country,
            "email": body.get("email", ""),
            "capabilities": {"transfers": {"requested": "true"}},
            "settings": {"payouts": {"schedule": {"interval": "manual"}}},
            "metadata": {"name": body.get("name", "")},
            **({"default_currency": body["currency"]} if "currency" in body else {}),
        },
    )
    account = accounts.create(maker)
    number = body.get("account_number", "000123456789")
    fields = {"account_number": number, "country": country, "currency": account["default_currency"]}
    bank = accounts.add_bank(Desk(desk.tenant, params={"external_account": fields}, path_ids=(account["id"],)))
    accounts.onboard(desk, account)
    return {"ref": account["id"], "instrument_ref": bank["id"]}


def _payout(desk: Desk, id: str, outcome: str) -> Obj:
    payout = desk.tenant.shelf("payout")[id]
    there = Desk(desk.tenant, payout["_account"])
    if outcome == "fail":
        return payouts.fail(there, payout)
    payouts.leaves(there, payout)
    payouts.arrives(there, payout)
    return payout


def _account(desk: Desk, account: Obj, what: str, body: Mapping[str, Any]) -> Obj:
    if what == "onboard":
        return accounts.onboard(desk, account)
    if what == "requirements":
        return accounts.require(desk, account, list(body.get("currently_due", [])))
    if what == "bank":
        return accounts.replace_bank(desk, account, dict(body))
    if what == "deauthorize":
        return accounts.deauthorize(desk, account)
    if what == "reauthorize":
        del account["_revoked"]
        return account
    if what == "reject":
        return accounts.reject(Desk(desk.tenant, params={"reason": "fraud"}, path_ids=(account["id"],)))
    if what == "capabilities":
        for name, status in body.items():
            accounts.set_capability(desk, account, name, status)
        return account
    raise KeyError(what)


def _method(desk: Desk, method: Obj, what: str, body: Mapping[str, Any]) -> Obj:
    if what == "behave":
        if body["as"] not in BEHAVIOURS:
            raise ValueError(f"a card can behave as {', '.join(BEHAVIOURS)}")
        method["_behaves"] = body["as"]
        return method
    if what == "auto_update":
        before = {"card": dict(method["card"])}
        method["card"] |= {name: int(body[name]) for name in ("exp_year", "exp_month") if name in body}
        desk.emit("payment_method.automatically_updated", method, before)
        return method
    raise KeyError(what)


def _top_up(desk: Desk, body: Mapping[str, Any]) -> Obj:
    return balance.row(
        desk, account=body.get("account", ""), type="topup", amount=int(body["amount"]), currency=body["currency"],
        source=f"tu_{desk.tenant.token(24)}", against="outside/banks",
    )  # fmt: skip


def _rotate(desk: Desk, body: Mapping[str, Any]) -> Obj:
    """A second secret for an endpoint: for a while both sign."""
    endpoint = desk.get("webhook_endpoint", body.get("endpoint", "we_account"))
    endpoint["_secrets"] = [body["secret"], endpoint["_secrets"][0]]
    return endpoint
