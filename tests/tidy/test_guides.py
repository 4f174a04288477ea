"""What README and guides tell a reader to type or open exists: commands, settings of a channel, files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from docs.generate import command_tree, walk_commands

from cauce.providers.kit.registry import installed
from cauce.settings import describe

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ("README.md", "docs/start.md", "docs/production.md", "docs/install/postgresql.md")


@pytest.mark.parametrize("page", GUIDES)
def test_every_command_that_a_guide_names_exists(page: str) -> None:
    tree = command_tree()
    assert tree is not None
    known = {name for name, _ in walk_commands(tree)}
    groups = {" ".join(name.split()[:2]) for name in known if len(name.split()) > 2}
    for line in re.findall(
        r"(?:^|`|/bin/|serve )(cauce [a-z-]+(?: [a-z-]+)?)", (ROOT / page).read_text(), re.MULTILINE
    ):
        words = " ".join(line.split()[:2])
        assert words in known or (words in groups and line in known) or line in groups, line


@pytest.mark.parametrize("page", GUIDES)
def test_every_link_to_a_file_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / page).read_text())
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_the_settings_that_the_readme_shows_are_those_that_the_providers_take() -> None:
    shown = re.findall(
        r"```json\n(\{.*?\})\n```\n.*?cauce channels add (\w+)", (ROOT / "README.md").read_text(), re.DOTALL
    )
    assert [provider for _, provider in shown] == ["stripe", "wechat"]
    for text, provider in shown:
        fields = {one.name: one for one in installed()[provider].settings}
        given = set(json.loads(text))
        assert given <= set(fields)
        assert {name for name, one in fields.items() if one.required} - given <= {"notify_url"}


def test_what_deploy_sets_is_a_setting() -> None:
    known = {f"CAUCE_{one.name.upper()}" for one in describe()}
    files = [file for file in (ROOT / "deploy").rglob("*") if file.is_file()]
    assert len(files) > 10
    for file in files:
        assert set(re.findall(r"CAUCE_[A-Z_]+", file.read_text())) <= known, file
