"""What somebody typed when he subscribes, read against what the plan offers: quantities, options, a promotion code.

Only fields of the plan are read; what a choice costs is computed by the catalogue, never taken from the form. Private
options are for a host page's server, which signs them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request

from cauce.billing.customers.rules import CustomerData
from cauce.entrypoints.portal.offers import Offer
from cauce.flows.billing.options import BadOption, require_offered
from cauce.flows.billing.signup import Signup
from cauce.kernel.errors import InvalidRequest

TRIAL_DAYS_MAX = 730
QUANTITY, OPTION, _WHERE = "quantity_", "option_", "options"


@dataclass(frozen=True, slots=True)
class Field:
    """One option as a form shows it; `choices` for a list, else the type of the field."""

    name: str
    label: str
    type: str
    required: bool
    choices: tuple[str, ...] = ()


def option_fields(options: Sequence[Mapping[str, Any]]) -> list[Field]:
    """The options that a visitor chooses himself."""
    return [
        Field(
            f"{OPTION}{one['key']}",
            str(one.get("label") or one["key"]),
            str(one.get("type", "select")),
            bool(one.get("required")),
            tuple(str(choice["value"]) for choice in one.get("choices", ())),
        )
        for one in options
        if not one.get("private")
    ]


def command_of(customer: CustomerData, offer: Offer, form: Mapping[str, str], **signed: Any) -> Signup:
    """The sign-up that a form asks for; `signed` is what a host page's server decided, which goes above the form."""
    quantities = {
        unit.name: form.get(f"{QUANTITY}{unit.name}") or "1" for unit in offer.units if unit.amount_minor is not None
    }
    chosen = {**options_of(offer, form), **signed.pop("options", {})}
    quantities |= signed.pop("quantities", {})
    coupon = form.get("coupon", "")
    return Signup(
        customer, offer.key, offer.currency, quantities=quantities, options=chosen, **{"coupon": coupon, **signed}
    )


def options_of(offer: Offer, form: Mapping[str, str]) -> dict[str, Any]:
    """The chosen options in the types of the plan; `BadOption` for what it does not offer to visitors."""
    public = {one["key"]: one for one in offer.options if not one.get("private")}
    found: dict[str, Any] = {}
    for name, typed in form.items():
        if not name.startswith(OPTION) or typed == "":
            continue
        key = name.removeprefix(OPTION)
        if key not in public:
            raise BadOption(f"plan {offer.key} has no option {key}", param=f"{_WHERE}.{key}")
        found[key] = _typed(key, str(public[key].get("type", "select")), typed, public[key])
    return found


def _typed(key: str, kind: str, typed: str, option: Mapping[str, Any]) -> Any:
    if kind == "boolean":
        return typed == "yes"
    if kind == "number":
        if not typed.isascii() or not typed.isdigit() or len(typed) > 9:
            raise BadOption(f"option {key} is a whole number", param=f"{_WHERE}.{key}")
        return int(typed)
    if kind == "select":
        # A choice's value may be a number or a text; its name in a form is always text.
        return next((one["value"] for one in option.get("choices", ()) if str(one["value"]) == typed), typed)
    return typed


class BadOverrides(InvalidRequest):
    """The overrides in the identity token cannot be used."""

    code = "bad_overrides"


def signed_of(request: Request, offer: Offer) -> dict[str, Any]:
    """What the host page's server decided for this plan, from the token that it signed; nothing of it comes from a form."""
    embed = getattr(request.state, "embed", None)
    claims = embed.claims if embed is not None else {}
    if not claims or claims.get("plan") not in ("", offer.key):
        return {}
    given = claims["overrides"]
    if not isinstance(given, dict) or set(given) - {"quantities", "options", "trial_days", "trial_end", "coupon"}:
        raise BadOverrides("overrides are quantities, options, trial_days or trial_end, and coupon", param="overrides")
    quantities, options = given.get("quantities", {}), given.get("options", {})
    days, coupon = given.get("trial_days"), given.get("coupon", "")
    if not isinstance(quantities, dict) or not all(isinstance(one, str) for one in quantities.values()):
        raise BadOverrides("quantities are decimal texts by price key", param="overrides.quantities")
    if not isinstance(options, dict) or not isinstance(coupon, str):
        raise BadOverrides("options are values by key, a coupon is a text", param="overrides.options")
    if days is not None and (type(days) is not int or not 0 <= days <= TRIAL_DAYS_MAX):
        raise BadOverrides(f"trial_days is a whole number up to {TRIAL_DAYS_MAX}", param="overrides.trial_days")
    found: dict[str, Any] = {"quantities": quantities, "options": options, "trial_days": days}
    if given.get("trial_end") is not None:
        found["trial_end"] = _instant(given["trial_end"])
    return {**found, "coupon": coupon} if coupon else found


def _instant(said: object) -> datetime:
    """An instant with its offset from UTC; how far it may lie says the sign-up."""
    try:
        found = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise BadOverrides("trial_end is an instant with its offset from UTC", param="overrides.trial_end")
    return found


def wants_card(request: Request, offer: Offer) -> bool:
    """Whether a card comes first: the plan says so, or the host page; a page may only ask for more than the plan."""
    embed = getattr(request.state, "embed", None)
    return offer.force_card or (embed is not None and embed.force_card)


def check(offer: Offer, form: Mapping[str, str]) -> None:
    """Refuse what the plan does not offer before a card is asked for; private options are decided later."""
    public = tuple(one for one in offer.options if not one.get("private"))
    require_offered(offer.key, public, options_of(offer, form))


def carried(offer: Offer, form: Mapping[str, str]) -> dict[str, str]:
    """The fields of a sign-up that waits for a card."""
    kept = {name: value for name, value in form.items() if value and name.startswith((QUANTITY, OPTION))}
    coupon = {"coupon": form["coupon"]} if form.get("coupon") else {}
    return {"plan": offer.key, "currency": offer.currency, **kept, **coupon}
