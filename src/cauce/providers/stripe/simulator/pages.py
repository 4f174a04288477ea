"""Pages of the simulated Stripe that people see: checkout, a card form, 3-D Secure, a seller's onboarding.

Plain HTML without scripts. Each shows choices as buttons; the answer to a button is a redirect to where the caller
asked, as Stripe does it.
"""

from __future__ import annotations

from html import escape
from importlib.resources import files
from urllib.parse import parse_qs, urlencode, urlsplit

from cauce.providers.kit.simulator.face import Answer, Call
from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.stripe.simulator import accounts, checkout, stage
from cauce.providers.stripe.simulator.desk import Desk, Obj
from cauce.providers.stripe.simulator.errors import StripeError
from cauce.providers.stripe.simulator.magic import BY_ID

CARDS = (
    ("pm_card_visa", "Visa 4242: works"),
    ("pm_card_mastercard", "Mastercard 4444: works"),
    ("pm_card_authenticationRequiredOnSetup", "Visa 3155: asks for authentication, then works"),
    ("pm_card_chargeCustomerFail", "Visa 0341: can be saved, later charges are declined"),
    ("pm_card_visa_chargeDeclined", "Visa 0002: declined"),
)
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:28rem;margin:3rem auto;padding:0 1rem;color:#1a1f36}"
    "button{display:block;width:100%;margin:.5rem 0;padding:.7rem 1rem;text-align:left;font:inherit;border:1px solid #ccd;"
    "border-radius:.4rem;background:#fff;cursor:pointer}button:hover{border-color:#635bff}.note{color:#697386}"
    "[role=alert]{color:#b00020}"
)


def page(tenant: Tenant, call: Call) -> Answer:
    """Serve `/_sim/pages/<tenant>/<kind>/<id>`: GET shows, POST acts."""
    kind, _, id = call.path.split("/", 4)[4].partition("/")
    desk = Desk(tenant, base_url=call.base_url)
    chosen = {k: v[0] for k, v in parse_qs(call.body.decode()).items()}.get("choice", "")
    asked = {k: v[0] for k, v in parse_qs(call.query).items()}
    acting = call.method == "POST"
    match kind:
        case "element.js":
            return Answer(200, files(__package__).joinpath("element.js").read_bytes(), "text/javascript; charset=utf-8")
        case "checkout":
            session = tenant.shelf("checkout.session")[id]
            return _checkout(desk, session, chosen) if acting else _show_checkout(desk, session, _failed(desk, session))
        case "element":
            intent = _by_secret(tenant, id)
            return _element(desk, intent, chosen, asked) if acting else _show_element(intent)
        case "3ds":
            intent = tenant.shelf("payment_intent").get(id) or tenant.shelf("setup_intent")[id]
            return _authenticate(desk, intent, chosen) if acting else _show_3ds(intent)
        case "onboarding":
            account = tenant.shelf("account")[id]
            return _onboard(desk, account, chosen) if acting else _show_onboarding(account)
    raise KeyError(kind)


def _html(title: str, body: str, status: int = 200) -> Answer:
    text = f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">' \
           f"<title>{escape(title)}</title><style>{_STYLE}</style><h1>{escape(title)}</h1>{body}" \
           f'<p class="note">Sandbox: no real money, no real card.</p></html>'  # fmt: skip
    return Answer(status, text.encode(), "text/html; charset=utf-8")


def _buttons(choices: list[tuple[str, str]]) -> str:
    inner = "".join(f'<button name="choice" value="{escape(v)}">{escape(text)}</button>' for v, text in choices)
    return f'<form method="post">{inner}</form>'


def _redirect(url: str, query: dict[str, str] | None = None) -> Answer:
    if query:
        url += ("&" if urlsplit(url).query else "?") + urlencode(query)
    return Answer(303, b"", "text/plain", {"location": url})


def _price(obj: Obj) -> str:
    amount = obj.get("amount_total") or obj.get("amount")
    return f"<p>{amount} minor units of {escape(str(obj['currency']).upper())}</p>" if amount else "<p>Save a card</p>"


def _show_checkout(desk: Desk, session: Obj, error: str = "") -> Answer:
    if session["status"] != "open":
        return _html("This page is closed", f"<p>The session is {session['status']}.</p>", 410)
    alert = f'<p role="alert">{escape(error)}</p>' if error else ""
    choices = [*CARDS, *([("back", "Go back without paying")] if session["cancel_url"] else [])]
    return _html("Checkout", _price(session) + alert + _buttons(choices))


def _failed(desk: Desk, session: Obj) -> str:
    """What went wrong with the card that was tried before; "" for nothing."""
    kind = "setup_intent" if session["mode"] == "setup" else "payment_intent"
    intent = desk.tenant.shelf(kind).get(session[kind] or "")
    error = (intent.get("last_payment_error") or intent.get("last_setup_error")) if intent is not None else None
    return f"{error['message']} Choose another card." if error else ""


def _checkout(desk: Desk, session: Obj, chosen: str) -> Answer:
    desk.account = session["_account"]
    if chosen == "back" and session["cancel_url"]:
        return _redirect(session["cancel_url"])
    if chosen not in BY_ID:
        return _show_checkout(desk, session, "Choose a card.")
    try:
        checkout.pay_card(desk, session, chosen)
    except StripeError as error:
        return _show_checkout(desk, session, str(error))
    return _after(desk, session)


def _after(desk: Desk, session: Obj) -> Answer:
    kind = "setup_intent" if session["mode"] == "setup" else "payment_intent"
    intent = desk.get(kind, session[kind])
    if intent["status"] == "requires_action":
        return _redirect(desk.page(f"3ds/{intent['id']}"))
    return _redirect((session["success_url"] or session["return_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"]))


def _by_secret(tenant: Tenant, secret: str) -> Obj:
    id = secret.split("_secret_")[0]
    intent = tenant.shelf("payment_intent").get(id) or tenant.shelf("setup_intent").get(id)
    if intent is None or intent["client_secret"] != secret:
        raise KeyError("such intent")
    return intent


def _show_element(intent: Obj, error: str = "") -> Answer:
    alert = f'<p role="alert">{escape(error)}</p>' if error else ""
    return _html("Card", _price(intent) + alert + _buttons(list(CARDS)))


def _element(desk: Desk, intent: Obj, chosen: str, asked: dict[str, str]) -> Answer:
    desk.account = intent["_account"]
    intent["_return_url"] = asked.get("return_url", intent["_return_url"])
    if chosen in BY_ID and intent["status"] == "requires_payment_method":
        stage.payer(desk, {"ref": intent["id"], "act": "choose", "method": chosen})
    if intent["status"] == "requires_action":
        return _redirect(desk.page(f"3ds/{intent['id']}"))
    if intent["status"] == "requires_payment_method":
        error = intent.get("last_payment_error") or intent.get("last_setup_error") or {"message": "Choose a card."}
        return _show_element(intent, error["message"])
    return _return(intent)


def _show_3ds(intent: Obj) -> Answer:
    if intent["status"] != "requires_action":
        return _html("Nothing to do", "<p>This step is over.</p>", 410)
    return _html(
        "Your bank asks", "<p>Is it you who pays?</p>" + _buttons([("approve", "Yes, it is me"), ("fail", "No")])
    )


def _authenticate(desk: Desk, intent: Obj, chosen: str) -> Answer:
    if intent["status"] == "requires_action":
        target = intent["_session"] or intent["id"]
        stage.payer(desk, {"ref": target, "act": "approve" if chosen == "approve" else "decline"})
    if intent["_session"]:
        session = desk.tenant.shelf("checkout.session")[intent["_session"]]
        if session["status"] == "open":
            return _redirect(desk.page(f"checkout/{session['id']}"))  # where another card can be chosen
        return _after(desk, session)
    return _return(intent)


def _return(intent: Obj) -> Answer:
    if not intent["_return_url"]:
        return _html("Done", "<p>You can close this page.</p>")
    name = intent["object"]
    status = "succeeded" if intent["status"] in ("succeeded", "requires_capture") else "failed"
    query = {name: intent["id"], f"{name}_client_secret": intent["client_secret"], "redirect_status": status}
    return _redirect(intent["_return_url"], query)


def _show_onboarding(account: Obj) -> Answer:
    choices = [("complete", "Complete everything"), ("later", "Leave it incomplete")]
    return _html(
        "Tell us about your business", f"<p>{escape(account['email'] or account['id'])}</p>" + _buttons(choices)
    )


def _onboard(desk: Desk, account: Obj, chosen: str) -> Answer:
    if chosen == "complete":
        accounts.onboard(desk, account)
    url = account.get("_return_url", "")
    return _redirect(url) if url else _html("Thank you", "<p>You can close this page.</p>")
