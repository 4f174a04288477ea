"""What connects a sandbox organization to the simulated WeChat Pay: fresh keys and certificates for both sides."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from cauce.kernel.clock import wall_now
from cauce.providers.kit.channel import SandboxChannel
from cauce.providers.wechat import signing
from cauce.providers.wechat.contract import PUBLIC_KEY_PREFIX, Dialect

KEY_BITS = 2048
CERTIFICATE_LIFE = timedelta(days=1825)
SANDBOX_SHARE_RATIO = 3000
SANDBOX_NAME = "平台"


def sandbox_channel(
    tenant: str,
    face_url: str,
    notify_url: str,
    *,
    dialect: str = Dialect.ECOMMERCE,
    by_public_key: bool = True,
    migrating: bool = False,
) -> SandboxChannel:
    """A contract of `tenant` at the simulator.

    `by_public_key` False makes one of the older kind, by certificates; one that is `migrating` knows the public key
    beside them.
    """
    merchant, public = _key(), _key()
    certificate = _certificate(merchant, "merchant")
    api_v3_key = secrets.token_hex(16)
    key_id = f"{PUBLIC_KEY_PREFIX}{_digits(tenant, 19)}"
    shared = {
        "dialect": str(dialect),
        "mchid": f"19{_digits(tenant, 10)}",
        "appid": f"wx{hashlib.sha256(tenant.encode()).hexdigest()[:16]}",
        "merchant_cert_serial": signing.certificate_serial(certificate),
        "notify_url": notify_url,
    }
    settings = {
        **shared,
        "verify_keys": msgspec.json.encode({key_id: _public(public)} if by_public_key or migrating else {}).decode(),
        "encrypt_serial": key_id if by_public_key else "",
        "merchant_name": SANDBOX_NAME,
        "share_max_ratio": str(SANDBOX_SHARE_RATIO),
    }
    registration = {
        **shared,
        "name": SANDBOX_NAME,
        "merchant_certificate": certificate,
        "api_v3_key": api_v3_key,
        "public_key_id": key_id,
        "public_key_private": _private(public),
        **_platform_certificate(),
        "knobs": {
            "max_ratio": SANDBOX_SHARE_RATIO,
            "certificates_offered": not by_public_key,
            "public_key_percent": 100 if by_public_key else 0,
        },
    }
    own = {"merchant_private_key": _private(merchant), "api_v3_key": api_v3_key}
    return SandboxChannel(tenant, face_url, settings=settings, secrets=own, registration=registration)


def _platform_certificate() -> dict[str, str]:
    key = _key()
    certificate = _certificate(key, "platform")
    serial = signing.certificate_serial(certificate)
    return {"certificate": certificate, "certificate_private": _private(key), "certificate_serial": serial}


def _digits(tenant: str, length: int) -> str:
    """Digits that are always the same for a tenant."""
    return f"{int.from_bytes(hashlib.sha256(tenant.encode()).digest()):078d}"[-length:]


def _key() -> RSAPrivateKey:
    return generate_private_key(65537, KEY_BITS)


def _private(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _public(key: RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _certificate(key: RSAPrivateKey, name: str) -> str:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = wall_now()
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number((1 << 158) | secrets.randbits(157))  # always 40 hex digits
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + CERTIFICATE_LIFE)
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.PEM).decode()
