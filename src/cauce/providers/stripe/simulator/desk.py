"""One request (or timer) at the simulated Stripe: whose it is, what was sent, and how objects are made and found.

An object is a dictionary as Stripe sends it, plus keys that begin with `_` and stay inside. `_account` is the
connected account that it belongs to, "" for the platform: nobody else sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.stripe.simulator import events
from cauce.providers.stripe.simulator.errors import missing

Obj = dict[str, Any]

_PREFIXES = {
    "customer": "cus", "payment_method": "pm", "setup_intent": "seti", "payment_intent": "pi", "charge": "ch",
    "refund": "re", "dispute": "du", "checkout.session": "cs_test", "balance_transaction": "txn", "mandate": "mandate",
    "webhook_endpoint": "we", "account": "acct", "transfer": "tr", "transfer_reversal": "trr",
    "application_fee": "fee", "fee_refund": "fr", "payout": "po", "bank_account": "ba", "setup_attempt": "setatt",
    "product": "prod", "price": "price", "subscription": "sub", "subscription_item": "si", "invoice": "in",
}  # fmt: skip
_WITHOUT_LIVEMODE = frozenset(
    {"refund", "subscription_item", "transfer_reversal", "balance_transaction", "fee_refund", "account"}
)
ID_LENGTH = 24


@dataclass(slots=True)
class Desk:
    """`account` is "" for the platform; `key` and `request_id` are those of the API call, "" in a timer."""

    tenant: Tenant
    account: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    path_ids: tuple[str, ...] = ()
    key: str = ""
    request_id: str = ""
    base_url: str = ""
    operation: str = ""
    text: str = ""
    public: bool = False  # called with a publishable key

    @property
    def now(self) -> int:
        """The simulated instant in Unix seconds."""
        return int(self.tenant.now().timestamp())

    @property
    def id(self) -> str:
        """The id in the request's path."""
        return self.path_ids[0]

    def acting_for(self, account: str) -> Desk:
        """The same request, on behalf of another account."""
        return Desk(self.tenant, account, {}, (), self.key, self.request_id, self.base_url)

    def make(self, kind: str, fields: Obj, *, prefix: str = "", account: str | None = None) -> Obj:
        """A new object of `kind` with an id, `created` and `metadata`, kept."""
        id = f"{prefix or _PREFIXES[kind]}_{self.tenant.token(ID_LENGTH)}"
        made: Obj = {"id": id, "object": kind, "created": self.now}
        if kind not in _WITHOUT_LIVEMODE:
            made["livemode"] = False
        made |= {"metadata": {}, "_account": self.account if account is None else account, **fields}
        self.tenant.shelf(kind)[id] = made
        return made

    def find(self, kind: str, id: str, *, account: str | None = None) -> Obj | None:
        """The object, if it exists and belongs to this account."""
        found = self.tenant.shelf(kind).get(id)
        owner = self.account if account is None else account
        return found if found is not None and found["_account"] == owner else None

    def get(self, kind: str, id: str, param: str = "id") -> Obj:
        """The object, or 404 that names `param`."""
        found = self.find(kind, id)
        if found is None:
            raise missing(kind, id, param)
        return found

    def all(self, kind: str) -> Iterator[Obj]:
        """This account's objects of a kind, newest first."""
        return (o for o in reversed(self.tenant.shelf(kind).values()) if o["_account"] == self.account)

    def emit(self, type: str, obj: Obj, previous: Obj | None = None) -> None:
        """Write an event about `obj` and send it to the endpoints that want it."""
        events.emit(self.tenant, type, obj, previous, request_id=self.request_id, key=self.key)

    def page(self, rest: str) -> str:
        """The address of a page for people."""
        return f"{self.base_url or self.tenant.facts.get('base_url', '')}/_sim/pages/{self.tenant.name}/{rest}"

    def fault(self, kind: str) -> Any:
        """The waiting fault of Stripe's own `kind` for this call, taken; None if there is none."""
        return self.tenant.faults.take(self.operation, self.text, {kind})


Handler = Callable[[Desk], Obj]


def merge_metadata(obj: Obj, given: Any) -> None:
    """Merge as Stripe does: a key with empty text goes, empty `metadata` clears all."""
    if given == "":
        obj["metadata"] = {}
    elif given:
        merged = {**obj["metadata"], **given}
        obj["metadata"] = {key: value for key, value in merged.items() if value != ""}


def update_fields(obj: Obj, given: dict[str, Any], names: tuple[str, ...]) -> Obj:
    """Set the given ones of `names` (empty text unsets); the old values of what changed."""
    before: Obj = {}
    for name in names:
        if name in given:
            value = None if given[name] == "" else given[name]
            if obj.get(name) != value:
                before[name] = obj.get(name)
                obj[name] = value
    if "metadata" in given:
        old = dict(obj["metadata"])
        merge_metadata(obj, given["metadata"])
        if old != obj["metadata"]:
            before["metadata"] = {k: old.get(k) for k in old.keys() | obj["metadata"].keys()}
    return before
