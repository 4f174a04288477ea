"""Connected accounts at the simulated Stripe: opened, onboarded on a page, with bank accounts."""

from __future__ import annotations

import hashlib

from cauce.providers.stripe.simulator import balance
from cauce.providers.stripe.simulator.desk import Desk, Obj, merge_metadata, update_fields
from cauce.providers.stripe.simulator.errors import StripeError
from cauce.providers.stripe.simulator.params import LISTED, flag, params
from cauce.providers.stripe.simulator.views import listed

_LINE = (
    "type country email business_type business_profile:map capabilities:map settings:map tos_acceptance:map "
    "metadata:map controller:map company:map individual:map default_currency external_account:any"
)
CREATE = params(_LINE)
UPDATE = params(_LINE)
LIST = params(LISTED)
LINK = params("account! type! refresh_url return_url collection_options:map collect")
CAPABILITY = params("requested:bool")
EXTERNAL = params("external_account!:any default_for_currency:bool metadata:map")
LIST_EXTERNAL = params(f"{LISTED} object")
REJECT = params("reason!")
NONE = params("")

LINK_SECONDS = 300
_CURRENCY = {"US": "usd", "GB": "gbp", "BR": "brl", "MX": "mxn", "JP": "jpy", "CN": "cny", "HK": "hkd", "SG": "sgd"}


def create(desk: Desk) -> Obj:
    """POST /v1/accounts: nothing works until onboarding is complete."""
    given = desk.params
    country = given.get("country", "US")
    account = desk.make(
        "account",
        {
            "business_profile": given.get("business_profile") or {},
            "business_type": given.get("business_type"),
            "capabilities": {name: "inactive" for name, want in _requested(given).items() if want},
            "charges_enabled": False,
            "controller": {"type": "application", "is_controller": True, **(given.get("controller") or {})},
            "country": country,
            "default_currency": given.get("default_currency") or _CURRENCY.get(country, "eur"),
            "details_submitted": False,
            "email": given.get("email"),
            "external_accounts": {"object": "list", "data": [], "has_more": False, "url": ""},
            "future_requirements": {"currently_due": []},
            "payouts_enabled": False,
            "requirements": _requirements(["business_profile.url", "external_account", "tos_acceptance.date"]),
            "settings": {
                "payouts": {"schedule": {"interval": "daily", "delay_days": 2}, "debit_negative_balances": True}
            },
            "tos_acceptance": given.get("tos_acceptance") or {},
            "type": "none",
        },
    )
    account["external_accounts"]["url"] = f"/v1/accounts/{account['id']}/external_accounts"
    merge_metadata(account, given.get("metadata"))
    _merge_settings(account, given)
    desk.emit("account.updated", _seen_from_outside(account), {})
    return account


def _requested(given: Obj) -> dict[str, bool]:
    return {name: flag(want.get("requested")) for name, want in (given.get("capabilities") or {}).items()}


def _requirements(due: list[str], disabled: str | None = "requirements.past_due") -> Obj:
    return {
        "alternatives": [], "current_deadline": None, "currently_due": due, "disabled_reason": disabled if due else None,
        "errors": [], "eventually_due": due, "past_due": due, "pending_verification": [],
    }  # fmt: skip


def _merge_settings(account: Obj, given: Obj) -> None:
    schedule = ((given.get("settings") or {}).get("payouts") or {}).get("schedule")
    if schedule:
        account["settings"]["payouts"]["schedule"] |= schedule


def _seen_from_outside(account: Obj) -> Obj:
    """An account's events carry the account itself."""
    return {**account, "_account": account["id"]}


def onboard(desk: Desk, account: Obj) -> Obj:
    """The seller completed the hosted form: capabilities become active."""
    before = {"charges_enabled": account["charges_enabled"], "payouts_enabled": account["payouts_enabled"]}
    account |= {"details_submitted": True, "charges_enabled": True, "payouts_enabled": True}
    account["requirements"] = _requirements([])
    account["capabilities"] = dict.fromkeys(account["capabilities"] or {"transfers": ""}, "active")
    for name in account["capabilities"]:
        desk.emit(
            "capability.updated", {**capability(account, name), "_account": account["id"]}, {"status": "inactive"}
        )
    desk.emit("account.updated", _seen_from_outside(account), before)
    return account


def require(desk: Desk, account: Obj, due: list[str]) -> Obj:
    """Stripe wants more from the seller: payouts stop."""
    account["requirements"] = _requirements(due)
    account["payouts_enabled"] = not due
    desk.emit("account.updated", _seen_from_outside(account), {})
    return account


def set_capability(desk: Desk, account: Obj, name: str, status: str) -> Obj:
    """Stripe changes a capability."""
    account["capabilities"][name] = status
    desk.emit("capability.updated", {**capability(account, name), "_account": account["id"]}, {})
    desk.emit("account.updated", _seen_from_outside(account), {})
    return account


def update(desk: Desk) -> Obj:
    """POST /v1/accounts/{id}."""
    account = desk.get("account", desk.id)
    before = update_fields(account, desk.params, ("email", "business_type", "business_profile", "default_currency"))
    for name, want in _requested(desk.params).items():
        if want and name not in account["capabilities"]:
            account["capabilities"][name] = "active" if account["details_submitted"] else "inactive"
    _merge_settings(account, desk.params)
    desk.emit("account.updated", _seen_from_outside(account), before)
    return account


def retrieve(desk: Desk) -> Obj:
    """GET /v1/accounts/{id}."""
    account = desk.get("account", desk.id)
    if account.get("_revoked"):
        raise StripeError(400, "Application access may have been revoked.", code="account_invalid")
    return account


def retrieve_own(desk: Desk) -> Obj:
    """GET /v1/account: the platform itself, or the account acted for."""
    if desk.account:
        return desk.tenant.shelf("account")[desk.account]
    return {"id": f"acct_{desk.tenant.name}", "object": "account", "charges_enabled": True, "payouts_enabled": True,
            "details_submitted": True, "country": "US", "default_currency": "usd", "capabilities": {},
            "settings": desk.tenant.facts.get("settings", {"payouts": {"schedule": {"interval": "manual"}}})}  # fmt: skip


def list_all(desk: Desk) -> Obj:
    """GET /v1/accounts."""
    return listed(desk.tenant, desk.all("account"), desk.params, "/v1/accounts")


def delete(desk: Desk) -> Obj:
    """DELETE /v1/accounts/{id}: only with nothing on its balance."""
    account = desk.get("account", desk.id)
    if any(b["balance_minor"] for b in desk.tenant.books.balances(f"{account['id']}/")):
        raise StripeError(400, "The account still has a balance.", code="account_invalid")
    del desk.tenant.shelf("account")[account["id"]]
    return {"id": account["id"], "object": "account", "deleted": True}


def reject(desk: Desk) -> Obj:
    """POST /v1/accounts/{id}/reject."""
    account = desk.get("account", desk.id)
    account |= {"charges_enabled": False, "payouts_enabled": False}
    account["capabilities"] = dict.fromkeys(account["capabilities"], "inactive")
    account["requirements"]["disabled_reason"] = f"rejected.{desk.params['reason']}"
    desk.emit("account.updated", _seen_from_outside(account), {})
    return account


def link(desk: Desk) -> Obj:
    """POST /v1/account_links: a short-lived address of the onboarding page."""
    account = desk.get("account", desk.params["account"], "account")
    url = desk.page(f"onboarding/{account['id']}")
    account["_return_url"] = desk.params.get("return_url", "")
    return {"object": "account_link", "created": desk.now, "expires_at": desk.now + LINK_SECONDS, "url": url}


def login_link(desk: Desk) -> Obj:
    """POST /v1/accounts/{id}/login_links."""
    account = desk.get("account", desk.id)
    return {"object": "login_link", "created": desk.now, "url": desk.page(f"onboarding/{account['id']}")}


def capability(account: Obj, name: str) -> Obj:
    """One capability as an object."""
    status = account["capabilities"].get(name, "unrequested")
    return {"id": name, "object": "capability", "account": account["id"], "requested": status != "unrequested",
            "requested_at": account["created"], "requirements": account["requirements"], "status": status}  # fmt: skip


def retrieve_capability(desk: Desk) -> Obj:
    """GET /v1/accounts/{id}/capabilities/{name}."""
    return capability(desk.get("account", desk.id), desk.path_ids[1])


def update_capability(desk: Desk) -> Obj:
    """POST /v1/accounts/{id}/capabilities/{name}."""
    account = desk.get("account", desk.id)
    if desk.params.get("requested"):
        account["capabilities"].setdefault(desk.path_ids[1], "active" if account["details_submitted"] else "inactive")
    return capability(account, desk.path_ids[1])


def add_bank(desk: Desk) -> Obj:
    """POST /v1/accounts/{id}/external_accounts."""
    account = desk.get("account", desk.id)
    given = desk.params["external_account"]
    fields = given if isinstance(given, dict) else {"account_number": "000123456789", "country": account["country"]}
    number = fields.get("account_number", "")
    if len(number) < 4:
        raise StripeError(400, "Invalid account number.", code="account_number_invalid", param="external_account")
    currency = str(fields.get("currency") or account["default_currency"]).lower()
    bank = desk.make(
        "bank_account",
        {
            "account": account["id"], "account_holder_name": fields.get("account_holder_name"),
            "account_holder_type": None, "available_payout_methods": ["standard"], "bank_name": "SANDBOX BANK",
            "country": fields.get("country", account["country"]), "currency": currency,
            "default_for_currency": not account["external_accounts"]["data"],
            "fingerprint": hashlib.sha256(number.encode()).hexdigest()[:16], "last4": number[-4:],
            "routing_number": fields.get("routing_number"), "status": "new", "_number": number,
        },
    )  # fmt: skip
    merge_metadata(bank, desk.params.get("metadata"))
    del bank["livemode"]
    account["external_accounts"]["data"].append(bank)
    desk.emit("account.external_account.created", {**bank, "_account": account["id"]})
    return bank


def delete_bank(desk: Desk) -> Obj:
    """DELETE /v1/accounts/{id}/external_accounts/{id}."""
    account = desk.get("account", desk.id)
    bank = desk.get("bank_account", desk.path_ids[1])
    _drop_bank(desk, account, bank)
    return {"id": bank["id"], "object": "bank_account", "deleted": True, "currency": bank["currency"]}


def _drop_bank(desk: Desk, account: Obj, bank: Obj) -> None:
    account["external_accounts"]["data"] = [b for b in account["external_accounts"]["data"] if b["id"] != bank["id"]]
    del desk.tenant.shelf("bank_account")[bank["id"]]
    desk.emit("account.external_account.deleted", {**bank, "_account": account["id"]})


def replace_bank(desk: Desk, account: Obj, given: Obj) -> Obj:
    """The seller changes his bank account on Stripe's pages: a new one in the currency, the old ones go."""
    fields = {"country": account["country"], "currency": account["default_currency"], **given}
    bank = add_bank(Desk(desk.tenant, params={"external_account": fields}, path_ids=(account["id"],)))
    for old in [b for b in account["external_accounts"]["data"] if b["currency"] == bank["currency"] and b is not bank]:
        _drop_bank(desk, account, old)
    bank["default_for_currency"] = True
    desk.emit("account.external_account.updated", {**bank, "_account": account["id"]}, {"default_for_currency": False})
    return bank


def deauthorize(desk: Desk, account: Obj) -> Obj:
    """The seller takes the platform's access away: it cannot read the account any more."""
    account["_revoked"] = True
    application = {"id": "ca_simulated", "object": "application", "name": desk.tenant.name}
    desk.emit("account.application.deauthorized", {**application, "_account": account["id"]})
    return account


def list_banks(desk: Desk) -> Obj:
    """GET /v1/accounts/{id}/external_accounts."""
    account = desk.get("account", desk.id)
    return {**account["external_accounts"], "data": list(account["external_accounts"]["data"])}


def settings(desk: Desk) -> Obj:
    """GET /v1/balance_settings: how payouts are scheduled."""
    own = retrieve_own(desk)
    return {"object": "balance_settings", "payments": {"payouts": own["settings"]["payouts"]}}


def negative(desk: Desk, account: str, currency: str) -> bool:
    """Whether a seller owes money."""
    return sum(balance.held(desk, account, currency, kind) for kind in ("available", "pending")) < 0
