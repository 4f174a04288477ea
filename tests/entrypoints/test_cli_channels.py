"""`cauce channels` from the shell: contracts that the product can work with, and those it refuses before it stores them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cauce.channels import service as channels
from cauce.marketplace.reconciliation.daily import dailies
from cauce.providers.kit.registry import installed
from cauce.providers.wechat import PROVIDER as WECHAT
from cauce.settings.masterkey import read_master_keys
from cauce.storage.database import Database
from cauce.storage.directory.orgs import oldest_org
from cauce.storage.sealing import Sealer
from tests.support.shell import Answer, cauce

Run = Callable[..., Answer]
STRIPE = {"api_key": "sk_test_river", "webhook_secret": "whsec_cml2ZXI="}


@pytest.fixture
def run(dsn: str, tmp_path: Path) -> Run:
    """Runs `cauce …` on the test's database, behind a public address."""
    environ = {"CAUCE_DATABASE_URL": dsn, "CAUCE_PUBLIC_URL": "https://pay.example.com"}
    return lambda *words: cauce(*words, home=tmp_path, environ=environ)


def _file(folder: Path, settings: dict[str, str]) -> str:
    file = folder / "channel.json"
    file.write_text(json.dumps(settings))
    return str(file)


async def test_a_stripe_account_is_connected_from_a_file_listed_and_its_secrets_are_sealed(
    database: Database, run: Run, tmp_path: Path
) -> None:
    run("org", "create", "Río")
    assert "channels add" in run("channels", "list").out
    made = run("channels", "add", "stripe", "--name", "Cards", "--file", _file(tmp_path, STRIPE), "--json").data
    assert made["notices_url"].startswith("https://pay.example.com/v1/inbound/")
    [listed] = run("channels", "list", "--json").data
    assert {name: listed[name] for name in ("id", "name", "provider", "notices_url")} == {
        "id": made["id"], "name": "Cards", "provider": "stripe", "notices_url": made["notices_url"]
    }  # fmt: skip
    assert "river" not in json.dumps([made, listed])
    later = {"webhook_secret": "whsec_bWFy"}  # known only after the provider was told our address
    assert run("channels", "change", made["id"], "--file", _file(tmp_path, later)).code == 0
    assert run("channels", "change", made["id"], "--file", _file(tmp_path, {"api_key": "sk_live_river"})).code == 1
    async with database.transaction() as tx:
        org = await oldest_org(tx)
    async with database.transaction(org.id) as tx:
        sealer = Sealer.of(*read_master_keys(tmp_path / "master.key"))
        opened = await channels.open_channel(tx, sealer, made["id"], livemode=False)
    assert opened.secrets == {**STRIPE, **later}


async def test_the_channels_of_a_live_organization_are_read_and_reconciled_from_the_beginning(
    database: Database, run: Run, tmp_path: Path
) -> None:
    run("org", "create", "Río", "--live")
    live = {**STRIPE, "api_key": "sk_live_river"}
    made = run("channels", "add", "stripe", "--file", _file(tmp_path, live), "--json").data
    assert made["notices_due_at"] is not None and made["notices_due_at"] == made["notices_read_to"]
    assert made["last_notice_at"] is None
    async with database.transaction() as tx:
        org = await oldest_org(tx)
    async with database.transaction(org.id) as tx:
        (daily,) = await dailies(tx)
    assert (daily["channel_id"], daily["due_at"] is not None) == (made["id"], True)


def test_a_wechat_contract_takes_its_key_from_a_pem_file_and_our_own_address_for_notices(
    database: Database, run: Run, tmp_path: Path
) -> None:
    run("org", "create", "河")
    face = WECHAT.sandbox_channel("org_1", "http://127.0.0.1:9/wechat", "unused")  # type: ignore[misc]
    (tmp_path / "apiclient_key.pem").write_text(face.secrets["merchant_private_key"])
    contract = {**face.settings, **face.secrets, "merchant_private_key": f"file:{tmp_path / 'apiclient_key.pem'}"}
    del contract["notify_url"]
    made = run("channels", "add", "wechat", "--file", _file(tmp_path, contract), "--json").data
    assert made["name"] == "WeChat Pay"
    assert made["settings"]["notify_url"] == made["notices_url"]
    (tmp_path / "apiclient_key.pem").unlink()
    gone = run("channels", "add", "wechat", "--file", _file(tmp_path, contract))
    assert (gone.code, "merchant_private_key" in gone.err) == (1, True)


def test_what_a_provider_cannot_work_with_is_refused_and_nothing_is_stored(
    database: Database, run: Run, tmp_path: Path
) -> None:
    run("org", "create", "Río")
    refused = {
        "webhook_secret": {"api_key": "sk_test_river"},  # missing
        "test mode": {**STRIPE, "api_key": "sk_live_river"},  # a live key in a sandbox
        "no setting colour": {**STRIPE, "colour": "blue"},
    }
    for words, settings in refused.items():
        answer = run("channels", "add", "stripe", "--file", _file(tmp_path, settings))
        assert (answer.code, words in answer.err) == (1, True), answer.err
    (tmp_path / "channel.json").write_text("[1]")
    assert run("channels", "add", "stripe", "--file", str(tmp_path / "channel.json")).code == 1
    assert "stripe" in run("channels", "add", "nobody", "--file", "x").err
    assert run("channels", "list", "--json").data == []


def test_without_a_file_nothing_is_made_up_where_nobody_can_be_asked(database: Database, run: Run) -> None:
    run("org", "create", "Río")
    assert run("channels", "add", "stripe").code != 0
    assert run("channels", "list", "--json").data == []


def test_compare_shows_every_provider_and_each_limit_with_its_source(tmp_path: Path) -> None:
    rows = {row["provider"]: row for row in cauce("channels", "compare", "--json", home=tmp_path).data}
    assert set(rows) == set(installed())
    most = rows["wechat"]["receivers_per_call_max"]
    assert most["value"] == 50 and most["source"] and most["read_on"]
    assert "collects" in rows["stripe"]["can"]
    assert "api_key" in rows["stripe"]["settings_missing"]
