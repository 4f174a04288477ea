"""The demo application: really running, found again, in three languages, and gone when it should be."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cauce.gateway.errors import ChannelSettingsError
from cauce.gateway.outcome import Declined, Done, Refusal
from cauce.gateway.provider import Channel, Kit
from cauce.gateway.reaching import InstanceAnswer, InstanceRequest, InstanceVerb
from cauce.kernel.clock import wall_now
from cauce.kernel.ids import new_id
from cauce.providers.demo_app import PROVIDER, mapping
from cauce.providers.demo_app.registry import Registry
from cauce.providers.kit.cache import MemoryCache
from cauce.providers.kit.transport import HttpTransport

PAYLOAD: dict[str, object] = json.loads(files("cauce.providers.demo_app").joinpath("fixtures/payload.json").read_text())
PROVISION, CHANGE, SUSPEND = InstanceVerb.PROVISION, InstanceVerb.CHANGE, InstanceVerb.SUSPEND


class Applications:
    """A channel of demo applications in the test's own folder."""

    def __init__(self, home: Path, http: httpx2.AsyncClient) -> None:
        self.http = http
        self.registry = Registry(home / "demo_app" / "shop")
        self.restart_cauce()

    def restart_cauce(self) -> None:
        channel = Channel("ch_1", 1, "demo_app", False, "", {"group": "shop"})
        transport = HttpTransport(channel, self.http)
        self.gateway = PROVIDER.connect(channel, Kit(transport, MemoryCache(), wall_now, new_id))

    async def run(
        self, verb: InstanceVerb, key: str = "", payload: dict[str, object] | None = None, instance_id: str = "ins_1"
    ) -> InstanceAnswer:
        request = InstanceRequest(
            key or new_id("op"), verb, "post", instance_id, PAYLOAD if payload is None else payload
        )
        outcome = await self.gateway.run(request)
        assert isinstance(outcome, Done), outcome
        answer: InstanceAnswer = outcome.value
        return answer

    async def refused(self, verb: InstanceVerb, instance_id: str = "ins_1") -> Declined:
        outcome = await self.gateway.run(InstanceRequest(new_id("op"), verb, "post", instance_id, PAYLOAD))
        assert isinstance(outcome, Declined), outcome
        return outcome

    def kill(self) -> None:
        os.kill(self.known()["pid"], signal.SIGKILL)

    def known(self) -> dict[str, Any]:
        found = self.registry.running("ins_1")
        assert found is not None
        return found


@pytest.fixture
async def applications(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, http: httpx2.AsyncClient
) -> AsyncIterator[Applications]:
    monkeypatch.setenv("CAUCE_HOME", str(tmp_path))
    made = Applications(tmp_path, http)
    yield made
    for record in made.registry.listed():
        made.registry.stop(record["instance_id"])


async def _ended(pid: int) -> bool:
    for _ in range(100):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        await asyncio.sleep(0.1)
    return False


async def test_the_page_shows_customer_plan_and_state_in_three_languages(applications: Applications) -> None:
    url = (await applications.run(PROVISION)).redirect_url
    own = await applications.http.get(url)
    assert own.status_code == 200
    assert "Ana Pérez" in own.text and "Pro" in own.text and "lista" in own.text and "prueba" in own.text
    assert 'lang="es"' in own.text and "http://127.0.0.1:8420/embed.js" in own.text
    assert "http://127.0.0.1:8420;" in own.headers["content-security-policy"]
    for language, words in (("en", ("ready", "trial")), ("zh", ("可以使用", "试用中"))):
        page = (await applications.http.get(url, params={"lang": language})).text
        assert all(word in page for word in words)


async def test_a_suspended_application_says_so_and_opens_again_with_its_data(applications: Applications) -> None:
    url = (await applications.run(PROVISION)).redirect_url
    assert (await applications.http.post(f"{url}notes", data={"note": "buy <paper>"})).status_code == 303
    assert "buy &lt;paper&gt;" in (await applications.http.get(url)).text
    assert (await applications.run(SUSPEND)).redirect_url == url
    closed = await applications.http.get(url)
    assert closed.status_code == 403 and "suspendida" in closed.text and "http://127.0.0.1:8420/portal" in closed.text
    assert "buy" not in closed.text
    assert (await applications.http.post(f"{url}notes", data={"note": "more"})).status_code == 403
    await applications.run(InstanceVerb.RESTORE)
    assert "buy &lt;paper&gt;" in (await applications.http.get(url)).text


async def test_a_changed_plan_is_on_the_page_at_once(applications: Applications) -> None:
    url = (await applications.run(PROVISION)).redirect_url
    await applications.run(CHANGE, payload={"plan": {"name": "Team"}, "status": "active"})
    page = (await applications.http.get(url)).text
    assert "Team" in page and "activa" in page and "Ana Pérez" in page


async def test_a_name_cannot_break_out_of_the_page(applications: Applications) -> None:
    payload: dict[str, object] = {
        "customer": {"name": "<script>alert(1)</script>"},
        "plan": "$t_title",
        "portal_url": "javascript:alert(1)",
        "embed_script": 'https://e.example/"><script>',
    }
    page = (await applications.http.get((await applications.run(PROVISION, payload=payload)).redirect_url)).text
    assert "<script" not in page and "$t_title" in page


async def test_a_killed_process_is_noticed_and_started_again_at_its_address(applications: Applications) -> None:
    url = (await applications.run(PROVISION)).redirect_url
    await applications.http.post(f"{url}notes", data={"note": "kept"})
    applications.kill()
    assert await _ended(applications.known()["pid"])
    again = await applications.run(CHANGE)
    assert again.redirect_url == url
    assert "kept" in (await applications.http.get(url)).text


async def test_an_application_at_rest_has_no_process_and_starts_again_with_what_it_held(
    applications: Applications,
) -> None:
    url = (await applications.run(PROVISION)).redirect_url
    await applications.http.post(f"{url}notes", data={"note": "kept"})
    pid = applications.known()["pid"]
    await applications.gateway.rest()
    assert await _ended(pid)
    again = await applications.run(CHANGE)
    assert "kept" in (await applications.http.get(again.redirect_url)).text


async def test_applications_outlive_cauce_and_are_found_again(applications: Applications) -> None:
    await applications.run(PROVISION)
    before = applications.known()
    applications.restart_cauce()
    await applications.run(SUSPEND)
    assert applications.known() == before, "the same process still serves"


async def _taken(port: int) -> socket.socket:
    """The port in our hands; a process that was killed may hold it a moment longer."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            return socket.create_server(("127.0.0.1", port))
        await asyncio.sleep(0.1)
    raise AssertionError(f"port {port} does not become free")


async def test_a_port_that_somebody_took_meanwhile_is_given_up(applications: Applications) -> None:
    await applications.run(PROVISION)
    before = applications.known()
    applications.kill()
    assert await _ended(before["pid"])
    with await _taken(before["port"]):
        moved = await applications.run(CHANGE)
    assert moved.redirect_url and str(before["port"]) not in moved.redirect_url
    assert (await applications.http.get(moved.redirect_url)).status_code == 200


async def test_deprovision_removes_data_name_and_process(applications: Applications) -> None:
    url = (await applications.run(PROVISION, "op_first")).redirect_url
    await applications.http.post(f"{url}notes", data={"note": "secret plan"})
    pid = applications.known()["pid"]
    gone = await applications.run(InstanceVerb.DEPROVISION)
    assert gone.redirect_url == "" and gone.fields == {"state": "deleted"}
    kept = [path.read_text() for path in applications.registry.home("ins_1").rglob("*") if path.is_file()]
    assert kept and not any("secret plan" in text or "Ana" in text or "ana@" in text for text in kept)
    assert await _ended(pid)
    assert (await applications.run(PROVISION, "op_first")).redirect_url == "", "a late repeat revives nothing"
    back = await applications.run(InstanceVerb.REACTIVATE)
    assert "secret plan" not in (await applications.http.get(back.redirect_url)).text


async def test_a_late_repeat_changes_nothing(applications: Applications) -> None:
    await applications.run(PROVISION, "op_first")
    await applications.run(SUSPEND)
    again = await applications.run(PROVISION, "op_first")
    assert again.fields == {"state": "suspended"}


async def test_two_workers_at_once_start_one_process(applications: Applications) -> None:
    answers = await asyncio.gather(*(applications.run(PROVISION, "op_first") for _ in range(4)))
    assert len({answer.redirect_url for answer in answers}) == 1


async def test_its_process_holds_nothing_of_those_who_started_it(applications: Applications) -> None:
    await applications.run(PROVISION)
    home = applications.registry.home("ins_1")
    readable, writable = os.pipe()
    words = [
        sys.executable,
        "-I",
        str(files("cauce.providers.demo_app").joinpath("program/app.py")),
        str(home),
        "b",
        "0",
    ]
    subprocess.run(words, pass_fds=(writable,), capture_output=True, check=True)
    os.close(writable)
    ended, _, _ = select.select([readable], [], [], 60)  # some event loops leave pipes to their children
    assert ended and os.read(readable, 1) == b""
    os.close(readable)


async def test_what_is_not_there_cannot_be_suspended_and_a_path_is_no_instance(applications: Applications) -> None:
    assert (await applications.refused(SUSPEND)).refusal is Refusal.LIFECYCLE
    assert (await applications.refused(PROVISION, "../../etc")).refusal is Refusal.INVALID_REQUEST
    assert not applications.registry.folder.exists() or applications.registry.listed() == []


async def test_pages_of_elsewhere_cannot_speak_to_it_by_a_name_of_their_own(applications: Applications) -> None:
    url = (await applications.run(PROVISION)).redirect_url
    foreign = await applications.http.get(url, headers={"host": "evil.example:80"})
    assert foreign.status_code == 421 and "Ana" not in foreign.text


async def test_a_group_is_a_name_and_never_a_path(http: httpx2.AsyncClient) -> None:
    channel = Channel("ch_1", 1, "demo_app", False, "", {"group": "../elsewhere"})
    with pytest.raises(ChannelSettingsError):
        PROVIDER.connect(channel, Kit(HttpTransport(channel, http), MemoryCache(), wall_now, new_id))


@pytest.mark.parametrize(
    ("locale", "language"), [("es-MX", "es"), ("zh_Hans_CN", "zh"), ("ZH", "zh"), ("fr", "en"), ("", "en")]
)
def test_a_locale_has_a_language(locale: str, language: str) -> None:
    assert mapping.language(locale) == language


def test_every_language_has_every_text() -> None:
    texts = json.loads(files("cauce.providers.demo_app").joinpath("program/texts.json").read_text(encoding="utf-8"))
    assert set(texts) == set(mapping.LANGUAGES)
    assert len({frozenset(words) for words in texts.values()}) == 1
