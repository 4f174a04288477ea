"""Offline entitlement tokens over real HTTP, read by the published reader and by nothing of ours but the public keys."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from cauce.client.offline import NotGenuine, UnknownKey, read_token
from cauce.kernel.clock import wall_now
from tests.entrypoints.test_api_billing import Caller, shop, subscribed
from tests.support.runtime import BEGIN, World, world


@pytest.fixture(scope="module")
async def product(shared_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world(shared_dsn, tmp_path_factory.mktemp("home")) as one:
        yield one


async def test_a_token_says_what_the_check_says_and_needs_nobody_to_be_read(product: World) -> None:
    me = await shop(product)
    await subscribed(me)
    await me.done("POST", "/customers/u1/grants", {"reason": "beta", "feature": "beta", "value": True})
    made = await me.get("/customers/u1/entitlements/token", seconds=600)
    keys = await public_keys(product, me)
    head, claims, signature = made["token"].split(".")
    (key,) = keys["keys"]
    Ed25519PublicKey.from_public_bytes(plain(key["x"])).verify(plain(signature), f"{head}.{claims}".encode())
    said = read_token(made["token"], keys, organization=me.org.public_id, now=wall_now())
    assert (said.customer, said.level) == ("u1", "full")
    for feature in ("export", "projects", "beta", "none"):
        check = await me.get("/entitlements/check", customer="u1", feature=feature)
        assert (said.allows(feature), said.value(feature)) == (check["allowed"], check["value"]), feature
    assert list(said.products.values()) == [{"level": "full", "features": said.features}]
    assert 590 < said.ends_at - wall_now().timestamp() <= 600
    assert datetime.fromisoformat(made["expires_at"]) == datetime.fromtimestamp(said.ends_at, UTC)


async def test_what_was_changed_is_late_or_is_for_another_is_refused(product: World) -> None:
    me, other = await shop(product), await shop(product)
    await subscribed(me)
    await subscribed(other)
    token = (await me.get("/customers/u1/entitlements/token", seconds=60))["token"]
    keys, org, now = await public_keys(product, me), me.org.public_id, wall_now()
    head, claims, signature = token.split(".")
    more = json.loads(plain(claims)) | {"level": "full", "features": {"everything": True}}
    unsigned = coded({"alg": "none", "kid": keys["keys"][0]["kid"]})
    for wrong in (
        f"{head}.{coded(more)}.{signature}",
        f"{unsigned}.{claims}.",
        f"{head}.{claims}.{signature[:-4]}AAAA",
        f"{head}.{claims}",
        "..",
        "é.é.é",
    ):
        with pytest.raises(NotGenuine):
            read_token(wrong, keys, organization=org, now=now)
    with pytest.raises(NotGenuine, match="ended"):
        read_token(token, keys, organization=org, now=now + timedelta(seconds=61))
    with pytest.raises(NotGenuine, match="another organization"):
        read_token(token, keys, organization=other.org.public_id, now=now)
    await other.get("/customers/u1/entitlements/token")
    with pytest.raises(UnknownKey):
        read_token(token, await public_keys(product, other), organization=org, now=now)
    assert (await me.client.get("/v1/customers/u1/entitlements/token?seconds=3601")).status_code == 422
    assert (await me.client.get("/v1/customers/nobody/entitlements/token")).status_code == 404


async def test_a_key_is_rotated_with_overlap_or_ended_at_once(product: World) -> None:
    me = await shop(product)
    await subscribed(me)
    assert await public_keys(product, me) == {"keys": []}
    org = me.org.public_id
    first = (await me.get("/customers/u1/entitlements/token"))["token"]
    new = await me.done("POST", "/entitlements/keys", {})
    second = await me.get("/customers/u1/entitlements/token")
    assert second["key"] == new["kid"]
    keys = await public_keys(product, me)
    assert keys["keys"][0]["kid"] == new["kid"]
    for token in (first, second["token"]):
        assert read_token(token, keys, organization=org, now=wall_now()).allows("export")
    await me.done("POST", "/entitlements/keys", {})
    assert len((await public_keys(product, me))["keys"]) == 3
    await me.done("POST", "/entitlements/keys", {"at_once": True})
    keys = await public_keys(product, me)
    assert len(keys["keys"]) == 1
    for token in (first, second["token"]):
        with pytest.raises(UnknownKey):
            read_token(token, keys, organization=org, now=wall_now())


async def test_a_token_ends_with_a_grant_and_says_nothing_of_who_is_suspended(product: World) -> None:
    me = await shop(product)
    await subscribed(me)
    soon = (BEGIN + timedelta(seconds=90)).isoformat()
    await me.done("POST", "/customers/u1/grants", {"reason": "a minute more", "level": "full", "ends_at": soon})
    made = await me.get("/customers/u1/entitlements/token")
    assert datetime.fromisoformat(made["expires_at"]) <= wall_now() + timedelta(seconds=90)
    await me.done("POST", "/customers/u1/suspend", {})
    made = await me.get("/customers/u1/entitlements/token")
    said = read_token(made["token"], await public_keys(product, me), organization=me.org.public_id, now=wall_now())
    assert (said.level, said.features) == ("none", {})


async def public_keys(product: World, me: Caller) -> dict[str, Any]:
    """The keys as anybody gets them: without an API key."""
    answer = await product.app.client.get(f"{product.url}/v1/entitlements/keys/{me.org.public_id}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "public, max-age=300"
    found: dict[str, Any] = answer.json()
    return found


def plain(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def coded(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()
