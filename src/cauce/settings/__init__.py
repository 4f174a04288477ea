"""Every setting of the process, with its unit, meaning and default.

A value comes from the environment (`CAUCE_BIND_PORT`), else from `cauce.toml` (`bind_port`), else from the default
in `values`. A name that is not listed is an error: a misspelt setting must not be a silent default. Credentials of
payment channels are not settings; they are sealed rows. `docs/reference/settings.md` is made from this package.
"""

from cauce.settings.loading import InvalidSetting, LoadedSettings, UnknownSetting, load_settings
from cauce.settings.masterkey import load_master_keys
from cauce.settings.reference import Description, describe, redacted, render_reference
from cauce.settings.values import Settings

__all__ = [
    "Description",
    "InvalidSetting",
    "LoadedSettings",
    "Settings",
    "UnknownSetting",
    "describe",
    "load_master_keys",
    "load_settings",
    "redacted",
    "render_reference",
]
