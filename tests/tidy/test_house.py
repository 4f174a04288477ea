"""This very checkout keeps the rules of the house, and says the same in README, .ci/run and Makefile."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.tidy.house import check_house
from tests.tidy.tree import Tree

ROOT = Path(__file__).resolve().parents[2]


def test_the_house_is_tidy() -> None:
    assert [str(finding) for finding in check_house(Tree(ROOT))] == []


def test_continuous_integration_runs_exactly_the_commands_that_the_readme_names() -> None:
    runs = [line for line in (ROOT / ".ci/run").read_text().splitlines() if line.startswith("make ")]
    section = (ROOT / "README.md").read_text().partition("## Test it")[2].partition("\n## ")[0]
    told = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[0].split("\n")
    assert runs == [line for line in told if line]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/start.md", "docs/contributing.md"])
def test_every_make_target_that_a_page_names_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / page).read_text(), re.MULTILINE))
    assert named, "the page names no command"
    assert named <= targets


def test_every_target_is_listed_and_phony() -> None:
    text = (ROOT / "Makefile").read_text()
    listed = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE)[0].split())
    assert listed == phony


@pytest.mark.parametrize(
    "page", sorted(path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", path.read_text())
    dead = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert dead == []


def test_what_the_lock_holds_fits_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    names = {_normal(re.split(r"[^A-Za-z0-9._-]", one)[0]) for one in wanted}
    lock = (ROOT / "requirements.lock").read_text()
    locked = {_normal(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}
    assert names <= locked
    assert len(re.findall(r"^[A-Za-z0-9._-]+==.*\\\n    --hash=sha256:", lock, re.MULTILINE)) == len(locked)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
