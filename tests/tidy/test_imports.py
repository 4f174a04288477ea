"""The import contracts of `.importlinter` catch a breach: a copy of the package with one forbidden import planted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PLANTED = {
    "tiers": ("kernel/planted.py", "import cauce.storage.sql"),
    "slices": ("billing/catalog/planted.py", "import cauce.ledger"),
    "no-vendor": ("flows/planted.py", "import cauce.providers.stripe"),
    "providers": ("providers/stripe/planted.py", "import cauce.storage.sql"),
    "vendors": ("providers/wechat/planted.py", "import cauce.providers.stripe"),
    "pure": ("billing/usage/rules.py", "import asyncpg"),
    "pure-inputs": ("providers/alipay/mapping.py", "import cauce.kernel.clock"),
    "settings": ("storage/planted.py", "import cauce.settings"),
    "client": ("client/planted.py", "import cauce.kernel.money"),
    "cycles": ("gateway/planted.py", "import cauce.gateway.planted_back"),
}
ALSO = {"cycles": ("gateway/planted_back.py", "import cauce.gateway.planted")}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package alone, where a test may plant."""
    root = tmp_path_factory.mktemp("planted")
    shutil.copytree(ROOT / "src" / "cauce", root / "cauce", ignore=shutil.ignore_patterns("__pycache__", "fixtures"))
    shutil.copy(ROOT / ".importlinter", root)
    return root


def lint(root: Path, contract: str) -> subprocess.CompletedProcess[str]:
    """`lint-imports` for one contract over the package below `root`."""
    words = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache", "--contract", contract]
    return subprocess.run(words, cwd=root, env={"PYTHONPATH": str(root)}, capture_output=True, text=True, check=False)


def test_every_contract_has_its_planted_breach() -> None:
    text = (ROOT / ".importlinter").read_text()
    assert {f"[importlinter:contract:{name}]" for name in PLANTED} == {
        line for line in text.splitlines() if line.startswith("[importlinter:contract:")
    }


def test_a_package_that_has_no_place_in_the_tiers_is_caught(copy: Path) -> None:
    stray = copy / "cauce" / "stray"
    stray.mkdir()
    (stray / "__init__.py").touch()
    try:
        after = lint(copy, "tiers")
    finally:
        shutil.rmtree(stray)
    assert after.returncode == 1
    assert "stray" in after.stdout


@pytest.mark.parametrize("contract", PLANTED)
def test_a_planted_import_breaks_its_contract(contract: str, copy: Path) -> None:
    planted = [PLANTED[contract], *([ALSO[contract]] if contract in ALSO else [])]
    kept = {name: (copy / "cauce" / name).read_bytes() for name, _ in planted if (copy / "cauce" / name).exists()}
    try:
        for name, text in planted:
            with (copy / "cauce" / name).open("a") as file:
                file.write(f"\n{text}\n")
        after = lint(copy, contract)
    finally:
        for name, _ in planted:
            (copy / "cauce" / name).unlink()
        for name, content in kept.items():
            (copy / "cauce" / name).write_bytes(content)
    assert after.returncode == 1
    assert "BROKEN" in after.stdout, after.stdout + after.stderr
    importer = ".".join(Path(planted[0][0]).with_suffix("").parts[-2:])
    assert importer in after.stdout or f".{importer.split('.')[1]} " in after.stdout, after.stdout
