"""An independent client, the `wechatpayv3` library, drives the simulator: our reading of the protocol is not only ours."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from wechatpayv3 import WeChatPay, WeChatPayType, utils

from cauce.providers.wechat import PROVIDER, signing
from cauce.providers.wechat.simulator import wechat_face
from tests.providers.running import running_sandbox

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
URL = "https://shop.example/notices"


class Oracle:
    """One contract at the simulator, spoken to by the library."""

    def __init__(self, url: str, tenant: str, certificates: Path | None = None, **options: Any) -> None:
        assert PROVIDER.sandbox_channel is not None
        self.base, self.tenant = f"{url}/wechat", tenant
        self.http = httpx2.Client(trust_env=False, timeout=20)
        self.face = PROVIDER.sandbox_channel(tenant, self.base, options.pop("notify_url", URL), **options)
        self.http.post(f"{self.base}/_sim/tenants/{tenant}", json=dict(self.face.registration))
        self.sim("clock", now=START.isoformat())
        settings, secrets = self.face.settings, self.face.secrets
        keys: dict[str, str] = json.loads(settings["verify_keys"])
        known: dict[str, Any] = {"public_key_id": next(iter(keys), None), "public_key": next(iter(keys.values()), None)}
        if certificates is not None:
            pem = self.face.registration["certificate"]
            (certificates / "platform.pem").write_text(pem, encoding="utf-8")
            known = {"cert_dir": str(certificates)}
        self.client = WeChatPay(
            wechatpay_type=WeChatPayType.NATIVE,
            mchid=settings["mchid"],
            private_key=secrets["merchant_private_key"],
            cert_serial_no=settings["merchant_cert_serial"],
            appid=settings["appid"],
            apiv3_key=secrets["api_v3_key"],
            notify_url=URL,
            partner_mode=settings["dialect"] == "partner",
            **known,
        )
        self.client._core._gate_way = self.base

    def sim(self, verb: str, **body: Any) -> Any:
        reply = self.http.post(f"{self.base}/_sim/{verb}", params={"tenant": self.tenant}, json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def ok(self, answer: tuple[int, Any]) -> Any:
        assert answer[0] in (200, 204), answer
        return json.loads(answer[1]) if answer[1] else {}

    def paid(self, number: str, total: int = 10_000, **fields: Any) -> str:
        self.ok(
            self.client.pay(
                description="灯具",
                out_trade_no=number,
                amount={"total": total, "currency": "CNY"},
                settle_info={"profit_sharing": True},
                pay_type=WeChatPayType.NATIVE,
                **fields,
            )
        )
        paid: str = self.sim("payer", key=number, act="approve")["transaction_id"]
        self.sim("clock", advance="60s")
        return paid


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running_sandbox({"wechat": wechat_face()}) as running:
        yield running


def test_the_library_collects_splits_returns_unfreezes_and_refunds_as_an_ordinary_merchant(url: str) -> None:
    oracle = Oracle(url, "oracle_direct", dialect="direct")
    client = oracle.client
    receiver = oracle.sim("merchant", name="供货商", related=False)["ref"]
    transaction = oracle.paid("ORDER_1")
    found = oracle.ok(client.query(out_trade_no="ORDER_1"))
    assert (found["trade_state"], found["transaction_id"]) == ("SUCCESS", transaction)
    added = oracle.ok(client.profitsharing_add_receiver("MERCHANT_ID", receiver, "SUPPLIER", name="供货商"))
    assert added["account"] == receiver
    leg = {"type": "MERCHANT_ID", "account": receiver, "amount": 1_000, "description": "goods", "name": "供货商"}
    split = oracle.ok(client.profitsharing_order(transaction, "SPLIT_1", [leg], False))
    assert split["state"] == "PROCESSING"
    oracle.sim("clock", advance="2s")
    split = oracle.ok(client.profitsharing_order_query(transaction, "SPLIT_1"))
    assert (split["state"], split["receivers"][0]["result"]) == ("FINISHED", "SUCCESS")
    assert oracle.ok(client.profitsharing_amount_query(transaction))["unsplit_amount"] == 8_940
    back = oracle.ok(client.profitsharing_return("RETURN_1", receiver, 300, "damaged", out_order_no="SPLIT_1"))
    assert back["result"] == "SUCCESS"
    assert oracle.ok(client.profitsharing_return_query("SPLIT_1", "RETURN_1"))["amount"] == 300
    oracle.ok(client.profitsharing_unfreeze(transaction, "FINISH_1", "delivered"))
    oracle.sim("clock", advance="2s")
    assert oracle.ok(client.profitsharing_amount_query(transaction))["unsplit_amount"] == 0
    refund = oracle.ok(
        client.refund("REFUND_1", {"refund": 500, "total": 10_000, "currency": "CNY"}, transaction_id=transaction)
    )
    assert refund["status"] == "PROCESSING"
    oracle.sim("clock", advance="1m")
    assert oracle.ok(client.query_refund("REFUND_1"))["status"] == "SUCCESS"
    oracle.ok(client.profitsharing_delete_receiver("MERCHANT_ID", receiver))
    assert oracle.sim("check") == {"wrong": []}


def test_the_library_reads_bills(url: str) -> None:
    oracle = Oracle(url, "oracle_bills", dialect="direct")
    transaction = oracle.paid("ORDER_1")
    oracle.sim("clock", advance="1d")
    for apply in (oracle.client.trade_bill, oracle.client.fundflow_bill):
        told = oracle.ok(apply("2026-03-02", tar_type="GZIP"))
        status, content = oracle.client.download_bill(told["download_url"])
        assert status == 200
        plain = gzip.decompress(content)
        assert hashlib.sha1(plain).hexdigest() == told["hash_value"]
        assert transaction in plain.decode()


def test_the_library_acts_for_a_sub_merchant_and_reads_his_share_cap(url: str) -> None:
    oracle = Oracle(url, "oracle_partner", dialect="partner")
    sub = oracle.sim("merchant", name="分店", max_ratio=2_000)["ref"]
    transaction = oracle.paid("ORDER_2", sub_mchid=sub)
    assert oracle.ok(oracle.client.profitsharing_config_query(sub))["max_ratio"] == 2_000
    leg = {"type": "MERCHANT_ID", "account": oracle.face.settings["mchid"], "amount": 2_001, "description": "fee"}
    added = oracle.client.profitsharing_add_receiver(
        "MERCHANT_ID", leg["account"], "SERVICE_PROVIDER", name=oracle.face.settings["merchant_name"], sub_mchid=sub
    )
    oracle.ok(added)
    status, refused = oracle.client.profitsharing_order(transaction, "SPLIT_2", [dict(leg)], True, sub_mchid=sub)
    assert status == 400 and "超出最大分账比例" in refused
    taken = oracle.client.profitsharing_order(transaction, "SPLIT_3", [{**leg, "amount": 2_000}], True, sub_mchid=sub)
    oracle.ok(taken)
    oracle.sim("clock", advance="2s")
    found = oracle.ok(oracle.client.profitsharing_order_query(transaction, "SPLIT_3", sub_mchid=sub))
    assert [leg["amount"] for leg in found["receivers"]] == [2_000, 7_940]


def test_the_library_pays_several_merchants_at_once_and_opens_the_callback(url: str) -> None:
    oracle = Oracle(url, "oracle_combined", dialect="partner")
    subs = [oracle.sim("merchant", name=f"s{n}")["ref"] for n in range(2)]
    orders = [
        {
            "mchid": oracle.face.settings["mchid"],
            "sub_mchid": sub,
            "attach": f"a{n}",
            "amount": {"total_amount": 1_000 * (n + 1), "currency": "CNY"},
            "out_trade_no": f"PART_{n}",
            "description": "part",
            "settle_info": {"profit_sharing": True},
        }
        for n, sub in enumerate(subs)
    ]
    told = oracle.ok(
        oracle.client.combine_pay(combine_out_trade_no="COMBINED_1", sub_orders=orders, pay_type=WeChatPayType.NATIVE)
    )
    assert told["code_url"].startswith("weixin://")
    oracle.sim("payer", key="COMBINED_1", act="approve")
    found = oracle.ok(oracle.client.combine_query("COMBINED_1"))
    assert [part["trade_state"] for part in found["sub_orders"]] == ["SUCCESS", "SUCCESS"]


def test_the_library_closes_an_unpaid_order(url: str) -> None:
    oracle = Oracle(url, "oracle_close", dialect="direct")
    oracle.ok(
        oracle.client.pay(description="x", out_trade_no="ORDER_9", amount={"total": 1}, pay_type=WeChatPayType.NATIVE)
    )
    assert oracle.client.close("ORDER_9")[0] == 204
    assert oracle.ok(oracle.client.query(out_trade_no="ORDER_9"))["trade_state"] == "CLOSED"


def test_the_library_works_by_certificates_too(url: str, tmp_path: Path) -> None:
    oracle = Oracle(url, "oracle_certificates", certificates=tmp_path, dialect="direct", by_public_key=False)
    oracle.paid("ORDER_1")
    oracle.client._core._update_certificates()
    [downloaded] = oracle.client._core._certificates
    assert f"{downloaded.serial_number:040X}" == oracle.face.registration["certificate_serial"]
    assert oracle.ok(oracle.client.query(out_trade_no="ORDER_1"))["trade_state"] == "SUCCESS"


def test_library_and_adapter_agree_on_every_signature_and_cipher() -> None:
    assert PROVIDER.sandbox_channel is not None
    face = PROVIDER.sandbox_channel("vectors", "http://localhost/wechat", URL)
    private, certificate = face.secrets["merchant_private_key"], face.registration["merchant_certificate"]
    public = utils.load_public_key(next(iter(json.loads(face.settings["verify_keys"]).values())))
    message = signing.request_message("GET", "/v3/x?a=1", "1763856000", "n" * 32, b"")
    assert message == b"GET\n/v3/x?a=1\n1763856000\n" + b"n" * 32 + b"\n\n"
    theirs = utils.rsa_sign(utils.load_private_key(private), message.decode())
    assert theirs == signing.sign(private, message)
    assert signing.is_signed_by(certificate, message, theirs)
    sealed_name = utils.rsa_encrypt("明日商贸", public)
    assert signing.decrypt_bytes(face.registration["public_key_private"], sealed_name).decode() == "明日商贸"
    key = face.secrets["api_v3_key"]
    sealed = base64.b64encode(signing.seal(key.encode(), "n" * 12, b"{}", "transaction")).decode()
    assert utils.aes_decrypt("n" * 12, sealed, "transaction", key) == "{}"
