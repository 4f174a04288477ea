"""One request at the simulated WeChat Pay: whose it is, what it asks, and the looking-up that every handler does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat import signing
from cauce.providers.wechat.simulator.errors import ApiError, bad_param

Obj = dict[str, Any]
SHANGHAI = timezone(timedelta(hours=8))
NUMBER = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}")
CURRENCY = "cny"


@dataclass(frozen=True, slots=True)
class Desk:
    """One request. `body` and `query` are decoded, `ids` come from the path, `serial` names the key of encrypted names."""

    tenant: Tenant
    body: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    serial: str = ""
    base_url: str = ""
    operation: str = ""
    path: str = ""

    @property
    def caller(self) -> str:
        """The merchant number of the contract."""
        return str(self.tenant.facts["mchid"])

    @property
    def is_ecommerce(self) -> bool:
        """Whether the address is one of the platform dialect."""
        return self.path.startswith("/v3/ecommerce/")

    @property
    def now(self) -> datetime:
        """The tenant's instant."""
        return self.tenant.now()

    def text(self, name: str, length_max: int = 64, source: Mapping[str, Any] | None = None) -> str:
        """A required text of the body."""
        value = (self.body if source is None else source).get(name)
        if not isinstance(value, str) or not 0 < len(value) <= length_max:
            raise bad_param(name, f"1 to {length_max} characters", value)
        if any(c > "\uffff" for c in value):
            raise bad_param(name, "only characters of up to three bytes")
        return value

    def number(self, name: str, length_max: int = 64) -> str:
        """A required number minted by the caller."""
        value = self.text(name, length_max)
        if not NUMBER.fullmatch(value):
            raise bad_param(name, "digits, letters, _ - | * @", value, "订单号格式不正确")
        return value

    def fen(self, name: str, source: Mapping[str, Any] | None = None) -> int:
        """A required positive amount."""
        value = (self.body if source is None else source).get(name)
        if type(value) is not int or value <= 0:
            raise bad_param(name, "a positive integer of fen", value)
        return value

    def flag(self, name: str) -> bool:
        """A required boolean."""
        value = self.body.get(name)
        if not isinstance(value, bool):
            raise bad_param(name, "a boolean", value)
        return value

    def merchant(self, mchid: str) -> Obj:
        """A merchant of the tenant; 400 for one that does not exist."""
        found = self.tenant.shelf("merchant").get(mchid)
        if found is None:
            raise ApiError(400, "MCH_NOT_EXISTS", "商户号不存在")
        return found

    def sharer(self, source: Mapping[str, Any] | None = None) -> Obj:
        """The order's own merchant: the named sub-merchant, else the caller itself."""
        named = str((self.body if source is None else source).get("sub_mchid") or "")
        merchant = self.merchant(named or self.caller)
        if named and merchant["parent"] != self.caller:
            raise ApiError(403, "NO_AUTH", "非服务商下的签约子商户")
        return merchant

    def opened(self, sealed: str) -> str:
        """A name that was encrypted for WeChat Pay."""
        facts = self.tenant.facts
        key = facts["public_key_private"] if self.serial == facts["public_key_id"] else facts["certificate_private"]
        try:
            return signing.decrypt_bytes(key, sealed).decode()
        except signing.BrokenCipher as exc:
            raise bad_param("name", "cannot be decrypted with the key of Wechatpay-Serial") from exc


def at_text(at: datetime | str) -> str:
    """An instant as WeChat Pay writes it."""
    moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    return moment.astimezone(SHANGHAI).replace(microsecond=0).isoformat()


def day_of(at: datetime) -> str:
    """The Shanghai day of an instant."""
    return at.astimezone(SHANGHAI).date().isoformat()


def serial(tenant: Tenant, prefix: str, length: int) -> str:
    """A fresh look-alike number: prefix, Shanghai day, a counter, `length` digits in all."""
    count = tenant.facts.get("serial", 0) + 1
    tenant.facts["serial"] = count
    day = day_of(tenant.now()).replace("-", "")
    return f"{prefix}{day}{count:0{length - len(prefix) - len(day)}d}"
