"""Which providers the suite runs for: every installed folder with a simulator, and one that the generator just wrote."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import pytest

from cauce.gateway.capabilities import Can
from cauce.gateway.provider import Provider
from cauce.providers.kit.new_provider import generate
from cauce.providers.kit.registry import installed

GENERATED = "toyvendor"


def _generated() -> Provider:
    home = Path(tempfile.mkdtemp(prefix="cauce-generated-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    generate(GENERATED, home)
    sys.path.insert(0, str(home))
    made: Provider = import_module(GENERATED).PROVIDER
    return made


PROVIDERS: dict[str, Provider] = {n: p for n, p in installed().items() if p.simulator and p.sandbox_channel}
PROVIDERS[GENERATED] = _generated()


def _can(provider: Provider) -> frozenset[Can]:
    assert provider.sandbox_channel is not None
    probe = provider.sandbox_channel("probe", "http://localhost/probe", "http://localhost/notices")
    return provider.capabilities(probe.opened(provider.name, channel_id="ch_probe", org_id=1)).can


_CAN = {name: _can(provider) for name, provider in PROVIDERS.items()}


def who_can(*capabilities: Can) -> list[str]:
    """The providers that can do all of these."""
    return [name for name, can in _CAN.items() if can >= set(capabilities)]


def needs(*capabilities: Can) -> pytest.MarkDecorator:
    """Run the test for every provider that can do all of these."""
    return pytest.mark.parametrize("rig", who_can(*capabilities), indirect=True)
