"""What most commands begin with: the settings of this shell, and the database they name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cauce.settings import LoadedSettings, Settings, load_settings
from cauce.storage.source import DatabaseSource, open_source


def loaded_settings() -> LoadedSettings:
    """The settings of this environment and working folder, with their origins."""
    return load_settings(os.environ, Path.cwd())


def current_settings() -> Settings:
    """The settings of this environment and working folder."""
    return loaded_settings().settings


@contextmanager
def database_source(settings: Settings, command: str) -> Iterator[DatabaseSource]:
    """The database for the block: attached to, or started for `command` and stopped afterwards."""
    with open_source(
        settings.home,
        url=settings.database_url,
        direct_url=settings.database_direct_url,
        account=settings.database_account,
        command=command,
    ) as source:
        yield source
