"""The generator of provider folders: a clean draft, never over an existing folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cauce.kernel.errors import InvalidRequest
from cauce.providers.kit.new_provider import ProviderExists, generate


def test_the_draft_has_every_file_that_a_folder_must_have(tmp_path: Path) -> None:
    folder = generate("acme_pay", tmp_path)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {
        "__init__.py", "gateway.py", "mapping.py", "limits.py", "signing.py", "inbound.py", "assumptions.py",
        "README.md", "fixtures/payment_paid.json", "simulator/__init__.py",
    }  # fmt: skip
    assert all("$" not in path.read_text() for path in folder.rglob("*.py"))


def test_the_draft_is_as_clean_as_the_house(tmp_path: Path) -> None:
    folder = generate("acme_pay", tmp_path)
    config = Path(__file__).parents[3] / "pyproject.toml"
    for command in (
        ["ruff", "check", "--config", str(config), "--config", 'lint.isort.known-first-party=["cauce"]', str(folder)],
        ["mypy", "--strict", "--config-file", str(config), str(folder)],
    ):
        environment = {**os.environ, "MYPYPATH": str(config.parent / "src")}
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_folder_that_exists_is_left_alone_and_a_wrong_name_refused(tmp_path: Path) -> None:
    generate("acme", tmp_path)
    with pytest.raises(ProviderExists):
        generate("acme", tmp_path)
    for name in ("Acme", "acme-pay", "9lives", "", "../up"):
        with pytest.raises(InvalidRequest):
            generate(name, tmp_path)
