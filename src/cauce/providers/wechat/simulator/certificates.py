"""The simulated WeChat Pay's own keys: the list of platform certificates, each sealed with the APIv3 key."""

from __future__ import annotations

import base64

from cryptography import x509

from cauce.providers.wechat import signing
from cauce.providers.wechat.simulator.desk import Desk, Obj, at_text
from cauce.providers.wechat.simulator.errors import not_found
from cauce.providers.wechat.simulator.knobs import knob


def listed(desk: Desk) -> Obj:
    """`GET /v3/certificates`; a contract that has only a public key has none."""
    if not knob(desk.tenant, "certificates_offered"):
        raise not_found("无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥")
    facts = desk.tenant.facts
    pem = facts["certificate"]
    certificate = x509.load_pem_x509_certificate(pem.encode())
    nonce = desk.tenant.token(12)
    sealed = signing.seal(facts["api_v3_key"].encode(), nonce, pem.encode(), "certificate")
    entry = {
        "serial_no": facts["certificate_serial"],
        "effective_time": at_text(certificate.not_valid_before_utc),
        "expire_time": at_text(certificate.not_valid_after_utc),
        "encrypt_certificate": {
            "algorithm": "AEAD_AES_256_GCM",
            "nonce": nonce,
            "associated_data": "certificate",
            "ciphertext": base64.b64encode(sealed).decode(),
        },
    }
    return {"data": [entry]}
