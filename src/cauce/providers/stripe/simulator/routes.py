"""Every operation that the simulated Stripe knows: method, path, its name, its parameters, its handler."""

from __future__ import annotations

import re
from dataclasses import dataclass

from cauce.providers.stripe.simulator import (
    accounts,
    balance,
    billing,
    charges,
    checkout,
    customers,
    disputes,
    fees,
    hooks,
    intents,
    methods,
    payouts,
    refunds,
    setups,
    transfers,
)
from cauce.providers.stripe.simulator.desk import Desk, Handler, Obj
from cauce.providers.stripe.simulator.errors import StripeError
from cauce.providers.stripe.simulator.params import Params


@dataclass(frozen=True, slots=True)
class Route:
    """`operation` names it for faults and logs (`payment_intents.create`)."""

    method: str
    pattern: re.Pattern[str]
    operation: str
    params: Params
    handler: Handler


def _mandate(desk: Desk) -> Obj:
    return desk.get("mandate", desk.id)


def _no_charges(_: Desk) -> Obj:
    raise StripeError(400, "Creating charges directly is not supported; use PaymentIntents.")


_NONE = customers.NONE
_TABLE: list[tuple[str, str, str, Params, Handler]] = [
    ("POST", "customers", "customers.create", customers.CREATE, customers.create),
    ("GET", "customers", "customers.list", customers.LIST, customers.list_all),
    ("GET", "customers/*", "customers.retrieve", _NONE, customers.retrieve),
    ("POST", "customers/*", "customers.update", customers.UPDATE, customers.update),
    ("DELETE", "customers/*", "customers.delete", _NONE, customers.delete),
    ("GET", "customers/*/payment_methods", "customers.payment_methods", methods.LIST, methods.list_all),
    ("POST", "payment_methods", "payment_methods.create", methods.CREATE, methods.create),
    ("GET", "payment_methods", "payment_methods.list", methods.LIST, methods.list_all),
    ("GET", "payment_methods/*", "payment_methods.retrieve", _NONE, methods.retrieve),
    ("POST", "payment_methods/*", "payment_methods.update", methods.UPDATE, methods.update),
    ("POST", "payment_methods/*/attach", "payment_methods.attach", methods.ATTACH, methods.attach),
    ("POST", "payment_methods/*/detach", "payment_methods.detach", _NONE, methods.detach),
    ("POST", "setup_intents", "setup_intents.create", setups.CREATE, setups.create),
    ("GET", "setup_intents", "setup_intents.list", setups.LIST, setups.list_all),
    ("GET", "setup_intents/*", "setup_intents.retrieve", setups.RETRIEVE, setups.retrieve),
    ("POST", "setup_intents/*", "setup_intents.update", setups.UPDATE, setups.update),
    ("POST", "setup_intents/*/confirm", "setup_intents.confirm", setups.CONFIRM, setups.confirm),
    ("POST", "setup_intents/*/cancel", "setup_intents.cancel", setups.CANCEL, setups.cancel),
    ("GET", "mandates/*", "mandates.retrieve", _NONE, _mandate),
    ("POST", "payment_intents", "payment_intents.create", intents.CREATE, intents.create),
    ("GET", "payment_intents", "payment_intents.list", intents.LIST, intents.list_all),
    ("GET", "payment_intents/*", "payment_intents.retrieve", intents.RETRIEVE, intents.retrieve),
    ("POST", "payment_intents/*", "payment_intents.update", intents.UPDATE, intents.update),
    ("POST", "payment_intents/*/confirm", "payment_intents.confirm", intents.CONFIRM, intents.confirm),
    ("POST", "payment_intents/*/capture", "payment_intents.capture", intents.CAPTURE, intents.capture),
    ("POST", "payment_intents/*/cancel", "payment_intents.cancel", intents.CANCEL, intents.cancel),
    ("POST", "charges", "charges.create", Params({}, ()), _no_charges),
    ("GET", "charges", "charges.list", charges.LIST, charges.list_all),
    ("GET", "charges/*", "charges.retrieve", _NONE, charges.retrieve),
    ("POST", "refunds", "refunds.create", refunds.CREATE, refunds.create),
    ("GET", "refunds", "refunds.list", refunds.LIST, refunds.list_all),
    ("GET", "refunds/*", "refunds.retrieve", _NONE, refunds.retrieve),
    ("POST", "refunds/*", "refunds.update", refunds.UPDATE, refunds.update),
    ("POST", "refunds/*/cancel", "refunds.cancel", _NONE, refunds.cancel),
    ("GET", "disputes", "disputes.list", disputes.LIST, disputes.list_all),
    ("GET", "disputes/*", "disputes.retrieve", _NONE, disputes.retrieve),
    ("POST", "disputes/*", "disputes.update", disputes.UPDATE, disputes.update),
    ("POST", "disputes/*/close", "disputes.close", _NONE, disputes.close),
    ("POST", "checkout/sessions", "checkout.sessions.create", checkout.CREATE, checkout.create),
    ("GET", "checkout/sessions", "checkout.sessions.list", checkout.LIST, checkout.list_all),
    ("GET", "checkout/sessions/*", "checkout.sessions.retrieve", _NONE, checkout.retrieve),
    ("GET", "checkout/sessions/*/line_items", "checkout.sessions.line_items", checkout.LIST, checkout.line_items),
    ("POST", "checkout/sessions/*/expire", "checkout.sessions.expire", _NONE, checkout.expire),
    ("GET", "balance", "balance.retrieve", _NONE, balance.retrieve_balance),
    ("GET", "balance_settings", "balance_settings.retrieve", _NONE, accounts.settings),
    ("GET", "balance_transactions", "balance_transactions.list", balance.LIST, balance.list_all),
    ("GET", "balance_transactions/*", "balance_transactions.retrieve", _NONE, balance.retrieve),
    ("GET", "events", "events.list", hooks.LIST_EVENTS, hooks.list_events),
    ("GET", "events/*", "events.retrieve", _NONE, hooks.retrieve_event),
    ("POST", "webhook_endpoints", "webhook_endpoints.create", hooks.CREATE, hooks.create),
    ("POST", "products", "products.create", billing.PRODUCT, billing.create_product),
    ("GET", "products", "products.list", billing.LIST, billing.list_products),
    ("POST", "prices", "prices.create", billing.PRICE, billing.create_price),
    ("GET", "prices", "prices.list", billing.LIST_PRICES, billing.list_prices),
    ("POST", "subscriptions", "subscriptions.create", billing.SUBSCRIBE, billing.create_subscription),
    ("GET", "subscriptions", "subscriptions.list", billing.LIST_SUBSCRIPTIONS, billing.list_subscriptions),
    ("GET", "subscriptions/*", "subscriptions.retrieve", _NONE, billing.retrieve_subscription),
    ("POST", "subscriptions/*", "subscriptions.update", billing.CHANGE, billing.change_subscription),
    ("GET", "invoices", "invoices.list", billing.LIST_INVOICES, billing.list_invoices),
    ("GET", "webhook_endpoints", "webhook_endpoints.list", hooks.LIST, hooks.list_all),
    ("GET", "webhook_endpoints/*", "webhook_endpoints.retrieve", _NONE, hooks.retrieve),
    ("POST", "webhook_endpoints/*", "webhook_endpoints.update", hooks.UPDATE, hooks.update),
    ("DELETE", "webhook_endpoints/*", "webhook_endpoints.delete", _NONE, hooks.delete),
    ("GET", "account", "account.retrieve", _NONE, accounts.retrieve_own),
    ("POST", "accounts", "accounts.create", accounts.CREATE, accounts.create),
    ("GET", "accounts", "accounts.list", accounts.LIST, accounts.list_all),
    ("GET", "accounts/*", "accounts.retrieve", _NONE, accounts.retrieve),
    ("POST", "accounts/*", "accounts.update", accounts.UPDATE, accounts.update),
    ("DELETE", "accounts/*", "accounts.delete", _NONE, accounts.delete),
    ("POST", "accounts/*/reject", "accounts.reject", accounts.REJECT, accounts.reject),
    ("POST", "accounts/*/login_links", "accounts.login_links", _NONE, accounts.login_link),
    ("GET", "accounts/*/capabilities/*", "capabilities.retrieve", _NONE, accounts.retrieve_capability),
    ("POST", "accounts/*/capabilities/*", "capabilities.update", accounts.CAPABILITY, accounts.update_capability),
    ("POST", "accounts/*/external_accounts", "external_accounts.create", accounts.EXTERNAL, accounts.add_bank),
    ("GET", "accounts/*/external_accounts", "external_accounts.list", accounts.LIST_EXTERNAL, accounts.list_banks),
    ("DELETE", "accounts/*/external_accounts/*", "external_accounts.delete", _NONE, accounts.delete_bank),
    ("POST", "account_links", "account_links.create", accounts.LINK, accounts.link),
    ("POST", "transfers", "transfers.create", transfers.CREATE, transfers.create),
    ("GET", "transfers", "transfers.list", transfers.LIST, transfers.list_all),
    ("GET", "transfers/*", "transfers.retrieve", _NONE, transfers.retrieve),
    ("POST", "transfers/*", "transfers.update", transfers.UPDATE, transfers.update),
    ("POST", "transfers/*/reversals", "transfers.reverse", transfers.REVERSE, transfers.reverse),
    ("GET", "transfers/*/reversals", "reversals.list", transfers.LIST_REVERSALS, transfers.list_reversals),
    ("GET", "transfers/*/reversals/*", "reversals.retrieve", _NONE, transfers.retrieve_reversal),
    ("GET", "application_fees", "application_fees.list", fees.LIST, fees.list_all),
    ("GET", "application_fees/*", "application_fees.retrieve", _NONE, fees.retrieve),
    ("POST", "application_fees/*/refunds", "application_fees.refund", fees.REFUND, fees.refund),
    ("POST", "payouts", "payouts.create", payouts.CREATE, payouts.create),
    ("GET", "payouts", "payouts.list", payouts.LIST, payouts.list_all),
    ("GET", "payouts/*", "payouts.retrieve", _NONE, payouts.retrieve),
    ("POST", "payouts/*", "payouts.update", payouts.UPDATE, payouts.update),
    ("POST", "payouts/*/cancel", "payouts.cancel", _NONE, payouts.cancel),
]

ROUTES = [
    Route(method, re.compile("/v1/" + path.replace("*", "([^/]+)")), operation, allowed, handler)
    for method, path, operation, allowed, handler in _TABLE
]
_BY_HEAD: dict[tuple[str, str], list[Route]] = {}
for _route, (_method, _path, *_) in zip(ROUTES, _TABLE, strict=True):
    _BY_HEAD.setdefault((_method, _path.split("/")[0]), []).append(_route)

PUBLIC = frozenset(
    {"setup_intents.retrieve", "setup_intents.confirm", "payment_intents.retrieve", "payment_intents.confirm"}
)
"""What a publishable key may call, with the intent's client secret."""


def find(method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
    """The route for a request and the ids in its path."""
    parts = path.split("/")
    for route in _BY_HEAD.get((method, parts[2] if len(parts) > 2 else ""), []):
        match = route.pattern.fullmatch(path)
        if match:
            return route, match.groups()
    return None
