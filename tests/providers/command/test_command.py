"""Local programs: what they get, what their end means, what they may not do, and which may be run at all."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx2
import pytest

from cauce.gateway.errors import ChannelSettingsError
from cauce.gateway.outcome import Declined, Done, Refusal, Unknown
from cauce.gateway.provider import Channel, Kit
from cauce.gateway.reaching import InstanceAnswer, InstanceRequest, InstanceVerb
from cauce.kernel.clock import wall_now
from cauce.kernel.ids import new_id
from cauce.kernel.scope import transaction_scope
from cauce.providers.command import PROVIDER, allowed, mapping
from cauce.providers.kit.cache import MemoryCache
from cauce.providers.kit.instances import request_body
from cauce.providers.kit.transport import HttpTransport


class Machine:
    """A commands folder with one program in it, written by the test."""

    def __init__(self, home: Path, http: httpx2.AsyncClient) -> None:
        self.folder = home / "commands"
        self.folder.mkdir(mode=0o755)
        self.http = http

    def program(self, body: str, name: str = "runner") -> Path:
        path = self.folder / name
        path.write_text(f"#!{sys.executable} -I\nimport json, os, signal, subprocess, sys, time\n{body}\n")
        path.chmod(0o755)
        return path

    def gateway(self, *, livemode: bool = True, environment: str = "", **settings: str) -> Any:
        secrets = {"environment": environment} if environment else {}
        channel = Channel("ch_1", 1, "command", livemode, "", {"program": "runner", **settings}, secrets)
        return PROVIDER.connect(channel, Kit(HttpTransport(channel, self.http), MemoryCache(), wall_now, new_id))

    async def run(self, body: str, *, stage: str = "post", seconds: int = 10, **settings: Any) -> Any:
        self.program(body)
        return await self.gateway(**settings).run(asked(stage, seconds))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, http: httpx2.AsyncClient) -> Machine:
    monkeypatch.setenv("CAUCE_HOME", str(tmp_path))
    return Machine(tmp_path, http)


def asked(stage: str = "post", seconds: int = 10) -> InstanceRequest:
    return InstanceRequest(
        "op_1", InstanceVerb.SUSPEND, stage, "ins_1", {"customer": {"name": "王 $(id) `id`"}}, seconds
    )


async def test_the_request_stands_on_stdin_and_arguments_are_a_list(machine: Machine) -> None:
    outcome = await machine.run(
        "told = json.load(sys.stdin)\n"
        "print(json.dumps({'instance_id': 'vm-1', 'redirect_url': 'https://ana.example.com/', 'fields':"
        " {'name': told['data']['customer']['name'], 'type': told['type'], 'argv': '|'.join(sys.argv[1:])}}))",
        arguments='["--zone", "eu; rm -rf $HOME", "*"]',
    )
    assert outcome == Done(
        InstanceAnswer(
            "https://ana.example.com/",
            "vm-1",
            {"name": "王 $(id) `id`", "type": "post_suspend", "argv": "--zone|eu; rm -rf $HOME|*|post_suspend"},
        )
    )


async def test_the_environment_is_clean(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAUCE_MASTER_KEY", "secret")
    outcome = await machine.run(
        "print(json.dumps({'fields': {k: v for k, v in os.environ.items() if k != 'LC_CTYPE'}}))",
        environment='{"INSTANCE_TOKEN": "t"}',
    )
    assert isinstance(outcome, Done)
    assert set(outcome.value.fields) == {"PATH", "LANG", "TZ", "INSTANCE_TOKEN"}


async def test_a_veto_counts_before_the_operation_alone(machine: Machine) -> None:
    vetoed = await machine.run('print(\'{"veto": "no room"}\')', stage="pre")
    assert isinstance(vetoed, Done) and vetoed.value.veto == "no room"
    after = await machine.run('print(\'{"veto": "no room"}\')')
    assert after == Done(InstanceAnswer())


async def test_silence_with_success_is_done_also_without_reading(machine: Machine) -> None:
    assert await machine.run("pass") == Done(InstanceAnswer())


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        (3, Refusal.DECLINED),
        (64, Refusal.CONFIG),
        (65, Refusal.INVALID_REQUEST),
        (66, Refusal.NOT_FOUND),
        (77, Refusal.FORBIDDEN),
        (78, Refusal.CONFIG),
    ],
)
async def test_what_a_program_refuses_on_purpose_is_final(machine: Machine, code: int, refusal: Refusal) -> None:
    outcome = await machine.run(f"print('first\\nthe disk is full\\x07', file=sys.stderr); sys.exit({code})")
    assert outcome == Declined(f"exit_{code}", refusal, "the disk is full")


@pytest.mark.parametrize(
    "body",
    [
        "sys.exit(75)",
        "sys.exit(1)",
        "raise RuntimeError('half way')",
        "os.kill(os.getpid(), signal.SIGKILL)",
        "print('<html>')",
        "print('[]')",
        "sys.stdout.buffer.write(b'\\xff')",
    ],
)
async def test_every_other_end_is_unknown(machine: Machine, body: str) -> None:
    outcome = await machine.run(body)
    assert isinstance(outcome, Unknown) and outcome.reason and outcome.ask_after_seconds > 0


async def test_time_is_bounded_and_nothing_that_was_started_is_left(machine: Machine, tmp_path: Path) -> None:
    outcome = await machine.run(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(tmp_path / 'pids')!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(600)",
        seconds=2,
    )
    assert isinstance(outcome, Unknown) and "2 seconds" in outcome.reason
    for pid in (tmp_path / "pids").read_text().split():
        assert await _ended(int(pid))


async def _ended(pid: int) -> bool:
    for _ in range(100):
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        await asyncio.sleep(0.1)
    return False


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_output_is_bounded(machine: Machine, stream: str) -> None:
    outcome = await machine.run(f"[sys.{stream}.write('x' * 65536) for _ in range(64)]")
    if stream == "stdout":
        assert isinstance(outcome, Unknown) and "65536 bytes" in outcome.reason
    else:
        assert outcome == Done(InstanceAnswer()), "a talkative program is not held up"


async def test_hooks_that_nobody_wants_run_nothing(machine: Machine) -> None:
    assert await machine.gateway(hooks="post_provision").run(asked()) == Done(InstanceAnswer())


async def test_no_program_runs_inside_a_transaction(machine: Machine) -> None:
    with transaction_scope(), pytest.raises(AssertionError):
        await machine.run("pass")


# -- which programs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../runner", "/bin/sh", "a/b", "", "-x", ".hidden", "run\nner", "@sample"])
async def test_a_channel_names_a_file_and_never_a_path(machine: Machine, name: str) -> None:
    with pytest.raises(ChannelSettingsError):
        machine.gateway(program=name)


@pytest.mark.parametrize("flaw", ["missing", "link_out", "not_executable", "anybody_writes", "anybody_adds", "folder"])
async def test_a_program_that_others_could_change_is_not_run(machine: Machine, tmp_path: Path, flaw: str) -> None:
    path = machine.program("pass")
    match flaw:
        case "missing":
            path.unlink()
        case "link_out":
            elsewhere = tmp_path / "elsewhere"
            path.rename(elsewhere)
            path.symlink_to(elsewhere)
        case "not_executable":
            path.chmod(0o644)
        case "anybody_writes":
            path.chmod(0o777)
        case "anybody_adds":
            machine.folder.chmod(0o777)
        case "folder":
            path.unlink()
            path.mkdir()
    outcome = await machine.gateway().run(asked())
    assert isinstance(outcome, Declined) and (outcome.code, outcome.refusal) == ("program_not_allowed", Refusal.CONFIG)


@pytest.mark.parametrize(
    "settings",
    [
        {"arguments": "--zone eu"},
        {"arguments": '{"a": 1}'},
        {"arguments": "[1]"},
        {"arguments": json.dumps(["a\0b"])},
        {"environment": '{"BASH_ENV": "$(id)"}'},
        {"environment": '{"LD_PRELOAD": "x.so"}'},
        {"environment": '{"INSTANCE_A": 1}'},
        {"environment": "[]"},
        {"hooks": "sometimes"},
    ],
)
async def test_settings_that_make_no_sense_are_refused(machine: Machine, settings: dict[str, Any]) -> None:
    with pytest.raises(ChannelSettingsError):
        machine.gateway(**settings)


async def test_the_sample_program_is_for_sandboxes_and_shows_the_exit_codes(machine: Machine) -> None:
    away = await machine.gateway(livemode=False, program="@sample", arguments='["http://127.0.0.1:1/x/run/t"]').run(
        asked()
    )
    assert isinstance(away, Unknown) and "exit code 75" in away.reason
    for address in ("file:///etc/passwd", "http://example.com/run/t", "http://127.0.0.1:1@example.com/run/t"):
        arguments = json.dumps([address])
        elsewhere = await machine.gateway(livemode=False, program="@sample", arguments=arguments).run(asked())
        assert isinstance(elsewhere, Declined) and elsewhere.code == "exit_64"


def test_a_signal_is_named() -> None:
    outcome = mapping.outcome_of(mapping.End(-9, b""), "post")
    assert isinstance(outcome, Unknown) and "signal 9" in outcome.reason


def test_the_recorded_request_is_what_a_program_reads() -> None:
    recorded = files("cauce.providers.command").joinpath("fixtures/request.json").read_bytes().strip()
    told = json.loads(recorded)
    request = InstanceRequest(told["id"], InstanceVerb.SUSPEND, "post", told["instance_id"], told["data"])
    assert request_body(request) == recorded


def test_the_sample_is_found_where_it_lies() -> None:
    assert allowed.find(allowed.SAMPLE).is_file() and os.access(allowed.SAMPLE_PROGRAM, os.R_OK)
