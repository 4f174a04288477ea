"""Bills of the simulated WeChat Pay: applying for a day, and the download by token."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cauce.providers.kit.simulator.face import Answer
from cauce.providers.kit.simulator.tenant import Tenant
from cauce.providers.wechat import limits, signing
from cauce.providers.wechat.simulator import billtext
from cauce.providers.wechat.simulator.desk import SHANGHAI, Desk, Obj
from cauce.providers.wechat.simulator.errors import ApiError, bad_param, invalid
from cauce.providers.wechat.simulator.knobs import knob

_LIVES_SECONDS = {"split": 30, "merchant_fund_flow": 30}
_OTHER_LIVES_SECONDS = 300


def trade(desk: Desk) -> Obj:
    """`GET /v3/bill/tradebill`."""
    kind = desk.query.get("bill_type", "ALL")
    if kind not in ("ALL", "SUCCESS", "REFUND", "RECHARGE_REFUND"):
        raise bad_param("bill_type", "ALL, SUCCESS, REFUND or RECHARGE_REFUND", kind)
    only = desk.query.get("sub_mchid", "")
    return _applied(desk, "trade", lambda day: billtext.trade(desk.tenant, day, kind, only))


def fund_flow(desk: Desk) -> Obj:
    """`GET /v3/bill/fundflowbill`: the caller's own account."""
    return _applied(desk, "fund_flow", lambda day: billtext.fund_flow(desk.tenant, day, desk.caller))


def split(desk: Desk) -> Obj:
    """`GET /v3/profitsharing/bills`."""
    only = desk.query.get("sub_mchid", "")
    return _applied(desk, "split", lambda day: billtext.split(desk.tenant, day, only))


def merchant_fund_flow(desk: Desk) -> Obj:
    """`GET /v3/ecommerce/bill/fundflowbill`: all second-level merchants, sealed, in numbered files."""
    return _sealed(desk, "")


def one_merchant_fund_flow(desk: Desk) -> Obj:
    """`GET /v3/bill/sub-merchant-fundflowbill`: one sub-merchant, sealed."""
    return _sealed(desk, str(desk.sharer(desk.query)["mchid"]))


def _sealed(desk: Desk, mchid: str) -> Obj:
    if desk.query.get("algorithm") != "AEAD_AES_256_GCM":
        raise bad_param("algorithm", "AEAD_AES_256_GCM", desk.query.get("algorithm"))
    plain = _applied(desk, "merchant_fund_flow", lambda day: billtext.fund_flow(desk.tenant, day, mchid))
    file = desk.tenant.shelf("bill")[plain["download_url"].partition("token=")[2]]
    key, nonce = hashlib.sha256(file["hash"].encode()).digest(), desk.tenant.token(12)
    file |= {"sealed_with": base64.b64encode(key).decode(), "nonce": nonce}
    entry = {"bill_sequence": 1, **plain, "encrypt_key": _for_merchant(desk.tenant, key), "nonce": nonce}
    return {"download_bill_count": 1, "download_bill_list": [entry]}


def _applied(desk: Desk, kind: str, text_of: Callable[[str], str]) -> Obj:
    day = _checked_day(desk)
    text = text_of(day)
    if not text:
        raise ApiError(400, "NO_STATEMENT_EXIST", "账单文件不存在")
    plain = text.encode()
    token = desk.tenant.token(40)
    digest = hashlib.sha1(plain).hexdigest()  # noqa: S324 - the vendor's hash
    desk.tenant.shelf("bill")[token] = {
        "text": text,
        "hash": digest,
        "gzip": desk.query.get("tar_type") == "GZIP",
        "until": (desk.now + timedelta(seconds=_LIVES_SECONDS.get(kind, _OTHER_LIVES_SECONDS))).isoformat(),
    }
    if knob(desk.tenant, "bill_url_expired"):
        desk.tenant.shelf("bill")[token]["until"] = desk.now.isoformat()
    shown = ("0" * 40) if knob(desk.tenant, "bill_bad_hash") else digest
    url = f"{desk.base_url}/v3/billdownload/file?token={token}"
    return {"hash_type": "SHA1", "hash_value": shown, "download_url": url}


def _checked_day(desk: Desk) -> str:
    text = desk.query.get("bill_date", "")
    try:
        day = date.fromisoformat(text)
    except ValueError as exc:
        raise bad_param("bill_date", "YYYY-MM-DD", text) from exc
    today = desk.now.astimezone(SHANGHAI).date()
    ready = datetime.combine(day + timedelta(days=1), time(limits.BILL_READY_HOUR), SHANGHAI)
    if day >= today or desk.now < ready or knob(desk.tenant, "bill_late"):
        raise invalid("请求的账单正在生成中")
    if (today - day).days > limits.BILL_KEPT_MONTHS.value * 31:
        raise invalid("请求的账单日期已过期")
    return day.isoformat()


def download(desk: Desk) -> Answer:
    """`GET /v3/billdownload/file`: unsigned."""
    token = desk.query.get("token", "")
    file = desk.tenant.shelf("bill").get(token)
    if file is None or desk.now >= datetime.fromisoformat(file["until"]):
        return ApiError(400, "INVALID_REQUEST", "下载链接已失效").answer()
    raw = file["text"].encode()
    if file["gzip"]:
        raw = gzip.compress(raw, mtime=0)
    if file.get("sealed_with"):
        raw = signing.seal(base64.b64decode(file["sealed_with"]), file["nonce"], raw)
    if not _is_followed_by_wall(desk.tenant):
        del desk.tenant.shelf("bill")[token]
    return Answer(200, raw, "application/octet-stream")


def _is_followed_by_wall(tenant: Tenant) -> bool:
    """On a clock that stands still no token ever expires, so each is good for one download."""
    return tenant.clock.frozen_at is None


def _for_merchant(tenant: Tenant, key: bytes) -> str:
    """The file's key, encrypted for the merchant's certificate."""
    certificate = x509.load_pem_x509_certificate(tenant.facts["merchant_certificate"].encode())
    pem = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return signing.encrypt_bytes(pem, key)
