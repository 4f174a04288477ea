"""WeChat Pay's signatures and ciphers, pure: request and answer signatures, sealed resources, encrypted names.

Everything takes bytes or text and keys and returns bytes or text; time and chance are arguments. Source of every
recipe: wechatpay-apiv3/wechatpay-go v0.2.21, recomputed with `cryptography` (read 2026-11).
"""

from __future__ import annotations

import base64
import binascii
import re
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

SCHEME = "WECHATPAY2-SHA256-RSA2048"
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


class BrokenCipher(ValueError):
    """What was sealed cannot be opened with this key."""


def request_message(method: str, target: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """The five lines that a request's signature covers; `target` is path and raw query as on the request line."""
    return f"{method}\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"


def answer_message(timestamp: str, nonce: str, body: bytes) -> bytes:
    """The three lines that the signature of an answer or callback covers; the raw body, never a re-encoded one."""
    return f"{timestamp}\n{nonce}\n".encode() + body + b"\n"


def sign(private_key_pem: str, message: bytes) -> str:
    """RSASSA-PKCS1-v1_5 with SHA-256, in base64."""
    return base64.b64encode(private_key(private_key_pem).sign(message, PKCS1v15(), hashes.SHA256())).decode()


def is_signed_by(public_key_pem: str, message: bytes, signature: str) -> bool:
    """Whether `signature` (base64) of `message` was made with the key of this public key or certificate."""
    try:
        raw = base64.b64decode(signature, validate=True)
        public_key(public_key_pem).verify(raw, message, PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def authorization(mchid: str, serial: str, nonce: str, timestamp: str, signature: str) -> str:
    """The `Authorization` header of a request."""
    parts = {"mchid": mchid, "nonce_str": nonce, "timestamp": timestamp, "serial_no": serial, "signature": signature}
    return f"{SCHEME} " + ",".join(f'{name}="{value}"' for name, value in parts.items())


def read_authorization(header: str) -> dict[str, str]:
    """The parameters of an `Authorization` header, in whatever order; empty when it is of another scheme."""
    scheme, _, parameters = header.partition(" ")
    return dict(_PARAMETER.findall(parameters)) if scheme == SCHEME else {}


def open_sealed(key: bytes, nonce: str, ciphertext: str, associated_data: str) -> bytes:
    """AES-256-GCM, the tag in the last 16 bytes of `ciphertext` (base64). `BrokenCipher` when it does not fit."""
    try:
        raw = base64.b64decode(ciphertext, validate=True)
    except binascii.Error as exc:
        raise BrokenCipher("the ciphertext is not base64") from exc
    return open_file(key, nonce, raw, associated_data)


def open_file(key: bytes, nonce: str, ciphertext: bytes, associated_data: str = "") -> bytes:
    """AES-256-GCM over raw bytes, as encrypted bills are. `BrokenCipher` when it does not fit."""
    try:
        return AESGCM(key).decrypt(nonce.encode(), ciphertext, associated_data.encode() or None)
    except (InvalidTag, ValueError) as exc:
        raise BrokenCipher("the sealed text does not fit the key") from exc


def seal(key: bytes, nonce: str, plain: bytes, associated_data: str = "") -> bytes:
    """AES-256-GCM; the 16 bytes of the tag stand at the end."""
    return AESGCM(key).encrypt(nonce.encode(), plain, associated_data.encode() or None)


def encrypt_text(public_key_pem: str, text: str) -> str:
    """A name or number for a request: RSAES-OAEP in base64."""
    return encrypt_bytes(public_key_pem, text.encode())


def encrypt_bytes(public_key_pem: str, plain: bytes) -> str:
    """RSAES-OAEP in base64, for the holder of the private key."""
    return base64.b64encode(public_key(public_key_pem).encrypt(plain, _oaep())).decode()


def decrypt_bytes(private_key_pem: str, ciphertext: str) -> bytes:
    """What was encrypted for the holder of this key. `BrokenCipher` when it was for somebody else."""
    try:
        return private_key(private_key_pem).decrypt(base64.b64decode(ciphertext, validate=True), _oaep())
    except (ValueError, binascii.Error) as exc:
        raise BrokenCipher("the text was not encrypted for this key") from exc


@lru_cache(maxsize=512)
def private_key(pem: str) -> RSAPrivateKey:
    """The RSA private key in a PEM text."""
    # The key's own consistency check costs tens of milliseconds and was made when the channel was set up.
    key = load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("the key is not an RSA private key")
    return key


@lru_cache(maxsize=512)
def public_key(pem: str) -> RSAPublicKey:
    """The RSA public key in a PEM text, which may be a certificate."""
    if "BEGIN CERTIFICATE" in pem:
        key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    else:
        key = load_pem_public_key(pem.encode())  # type: ignore[assignment]
    if not isinstance(key, RSAPublicKey):
        raise TypeError("the key is not an RSA public key")
    return key


def certificate_serial(pem: str) -> str:
    """The serial number of a certificate as WeChat Pay writes it: 40 upper-case hex digits."""
    return f"{x509.load_pem_x509_certificate(pem.encode()).serial_number:040X}"


def _oaep() -> OAEP:
    # SHA-1 is the vendor's choice for names in requests; nothing else uses it.
    return OAEP(MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303
