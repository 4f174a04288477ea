"""Connected accounts, their bank accounts, payouts and balances (`OpensAccounts`, `BindsInstruments`, `PaysOut`)."""

from __future__ import annotations

from dataclasses import replace

from cauce.gateway.accounts import (
    Account,
    AccountRequest,
    BankSeen,
    Instrument,
    InstrumentRequest,
    Payout,
    PayoutRequest,
    SubBalance,
)
from cauce.gateway.errors import ChannelSettingsError
from cauce.gateway.funding import Funded, FundsRequest
from cauce.gateway.outcome import Declined, Done, Outcome, Pending, Refusal
from cauce.providers.stripe import finding, mapping
from cauce.providers.stripe.wire import AskingFailed, Json, Wire, settled, understood

_COMPANY_FORMS = frozenset({"enterprise", "institution", "other_organisation", "company"})
"""Legal forms that Stripe knows as a company; sole traders and natural persons are individuals."""


async def open_account(wire: Wire, request: AccountRequest) -> Outcome[Account]:
    """Open an account whose owner proves himself on Stripe's pages; payouts wait for our word."""
    if request.existing_ref:
        return await read_account(wire, request.existing_ref)
    fields: Json = {
        "country": request.country.upper(),
        "email": request.email or None,
        "business_type": "company" if request.legal_form in _COMPANY_FORMS else "individual",
        "business_profile": {"name": request.name},
        "capabilities": {"transfers": {"requested": True}},
        "controller": {
            "stripe_dashboard": {"type": "express"},
            "fees": {"payer": "application"},
            "losses": {"payments": "application"},
            "requirement_collection": "stripe",
        },
        "settings": {"payouts": {"schedule": {"interval": "manual"}}},
        "metadata": mapping.metadata(request.details, request.key, cauce_merchant=request.merchant_id),
    }
    answer = await wire.post("accounts.create", "/v1/accounts", fields, key=request.key)
    outcome = await settled(answer, mapping.account_outcome, lambda: find_account(wire, request.key))
    return outcome if not isinstance(answer, dict) else await _with_link(wire, answer, request)


async def _with_link(wire: Wire, account: Json, request: AccountRequest) -> Outcome[Account]:
    """The account with the address of its onboarding page, where the channel says whither that page returns."""
    back = wire.channel.settings.get("onboarding_return_url", "")
    if not back:
        return mapping.account_outcome(account)
    fields = {"account": account["id"], "type": "account_onboarding", "return_url": back, "refresh_url": back}
    link = await wire.post("account_links.create", "/v1/account_links", fields, key=f"{request.key}:link")
    return mapping.account_outcome(account, link["url"] if isinstance(link, dict) else "")


async def find_account(wire: Wire, key: str, ref: str = "") -> Outcome[Account]:
    """What became of an account."""
    if ref:
        return await read_account(wire, ref)
    found = await finding.by_key(wire, "accounts.list", "/v1/accounts", key)
    return mapping.account_outcome(found) if found else mapping.not_found(key)


async def read_account(wire: Wire, ref: str) -> Outcome[Account]:
    """An account as it stands, with its bank accounts."""
    outcome = understood(await wire.get("accounts.retrieve", f"/v1/accounts/{ref}", {}), _seen)
    if not isinstance(outcome, Done | Pending) or outcome.value.banks is not None:
        return outcome
    page = await wire.read("external_accounts.list", f"/v1/accounts/{ref}/external_accounts", {"limit": 100})
    banks = tuple(_bank_seen(bank) for bank in (page or {}).get("data", ()))
    return replace(outcome, value=replace(outcome.value, banks=banks))


def _seen(account: Json) -> Outcome[Account]:
    """The account with its bank accounts, where the answer has them all."""
    outcome = Declined("deleted", Refusal.NOT_FOUND, "") if account.get("deleted") else mapping.account_outcome(account)
    listed = account.get("external_accounts") or {"has_more": True}
    if listed.get("has_more") or not isinstance(outcome, Done | Pending):
        return outcome
    banks = tuple(_bank_seen(bank) for bank in listed["data"])
    return replace(outcome, value=replace(outcome.value, banks=banks))


async def close_account(wire: Wire, ref: str) -> Outcome[Account]:
    """Delete an account without balance."""
    answer = await wire.delete("accounts.delete", f"/v1/accounts/{ref}")
    return understood(answer, lambda gone: Done(Account(gone["id"], can_receive=False, can_pay_out=False)))


async def attach_instrument(wire: Wire, request: InstrumentRequest) -> Outcome[Instrument]:
    """Attach a bank account by token, or by number (`routing number-account number` where banks need one)."""
    routing, _, number = request.number.rpartition("-")
    bank: Json | str = request.token or {
        "object": "bank_account",
        "country": request.country.upper(),
        "currency": request.currency,
        "account_holder_name": request.holder_name,
        "account_number": number,
        "routing_number": routing or None,
    }
    fields = {"external_account": bank, "metadata": mapping.metadata({}, request.key)}
    path = f"/v1/accounts/{request.account_ref}/external_accounts"
    answer = await wire.post("external_accounts.create", path, fields, key=request.key)
    return await settled(answer, _bank, lambda: find_instrument(wire, request.key, request.account_ref))


async def find_instrument(wire: Wire, key: str, account_ref: str) -> Outcome[Instrument]:
    """What became of an attachment."""
    page = await wire.read("external_accounts.list", f"/v1/accounts/{account_ref}/external_accounts", {"limit": 100})
    found = next((bank for bank in (page or {}).get("data", ()) if mapping.key_of(bank) == key), None)
    return _bank(found) if found else mapping.not_found(key)


async def detach_instrument(wire: Wire, account_ref: str, instrument_ref: str) -> Outcome[Instrument]:
    """Remove a bank account."""
    path = f"/v1/accounts/{account_ref}/external_accounts/{instrument_ref}"
    return understood(await wire.delete("external_accounts.delete", path), _bank)


def _bank(bank: Json) -> Outcome[Instrument]:
    return Done(mapping.instrument(bank))


async def payout(wire: Wire, request: PayoutRequest) -> Outcome[Payout]:
    """Send an account's available money to its bank; `account_ref` "" pays out the platform's own."""
    fields: Json = {
        "amount": mapping.wire_amount(request.amount),
        "currency": request.amount.currency,
        "destination": request.instrument_ref or None,
        "description": request.description or None,
        "metadata": mapping.metadata(request.metadata, request.key),
    }
    answer = await wire.post("payouts.create", "/v1/payouts", fields, key=request.key, account=request.account_ref)
    return await settled(answer, mapping.payout_outcome, lambda: find_payout(wire, request.key, request.account_ref))


async def find_payout(wire: Wire, key: str, account_ref: str, ref: str = "") -> Outcome[Payout]:
    """What became of a payout."""
    if ref:
        answer = await wire.get("payouts.retrieve", f"/v1/payouts/{ref}", {}, account=account_ref)
        return understood(answer, mapping.payout_outcome)
    found = await finding.by_key(wire, "payouts.list", "/v1/payouts", key, account=account_ref)
    return mapping.payout_outcome(found) if found else mapping.not_found(key)


async def fee_sweep(wire: Wire, request: FundsRequest) -> Outcome[Funded]:
    """Pay the platform's own part of its balance out to its own bank account."""
    asked = PayoutRequest(request.key, "", "", request.amount, request.description, request.metadata)
    return _swept(await payout(wire, asked))


async def find_sweep(wire: Wire, key: str, ref: str = "") -> Outcome[Funded]:
    """What became of a sweep."""
    return _swept(await find_payout(wire, key, "", ref))


def _swept(outcome: Outcome[Payout]) -> Outcome[Funded]:
    if isinstance(outcome, Done):
        return Done(Funded(outcome.value.ref, outcome.value.amount, outcome.value.paid_at))
    if isinstance(outcome, Pending):
        return Pending(Funded(outcome.value.ref, outcome.value.amount), outcome.ask_after_seconds)
    return outcome


async def setup_findings(wire: Wire) -> list[str]:
    """The platform's own balance holds sellers' money for some days: nothing may pay it out by itself."""
    try:
        found = await wire.read("balance_settings.retrieve", "/v1/balance_settings", {})
    except AskingFailed as failed:
        return [f"Stripe does not tell how the platform's payouts are scheduled: {failed.outcome}"]
    payouts = ((found or {}).get("payments") or {}).get("payouts") or {}
    interval = (payouts.get("schedule") or {}).get("interval", "unknown")
    if interval == "manual":
        return []
    return [f"Stripe pays the platform's balance out by itself ({interval}): set its payout schedule to manual"]


async def balances(wire: Wire, account_refs: tuple[str, ...]) -> list[SubBalance]:
    """Pending and available balances of these accounts ("" is the platform's); `AskingFailed` if one cannot be read."""
    found: list[SubBalance] = []
    for ref in account_refs:
        balance = await wire.read("balance.retrieve", "/v1/balance", {}, account=ref)
        if balance is None:
            raise ChannelSettingsError(f"there is no connected account {ref}", param="account_ref")
        found += mapping.sub_balances(ref, balance)
    return found


def _bank_seen(bank: Json) -> BankSeen:
    """A bank account (or debit card) that Stripe keeps for a connected account."""
    holder = str(bank.get("account_holder_name") or "")
    is_default = bool(bank.get("default_for_currency"))
    return BankSeen(bank["id"], bank["currency"], bank.get("last4") or "", holder, is_default, mapping.key_of(bank))
