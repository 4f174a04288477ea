"""`cauce org`: organizations of this installation."""

from __future__ import annotations

import zoneinfo
from typing import TYPE_CHECKING, Annotated

import typer

from cauce.entrypoints.cli import output
from cauce.kernel.errors import InvalidRequest

if TYPE_CHECKING:
    from cauce.app import App
    from cauce.storage.directory.orgs import Org

app = typer.Typer(help="Organizations: create, list.")

_LOCALES = ("en", "es", "zh")
_SHOWN = ("id", "name", "mode", "timezone", "locale", "country")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    live: Annotated[bool, typer.Option("--live/--sandbox", help="Whether its money is real; for life.")] = False,
    timezone: Annotated[str, typer.Option("--timezone", help="IANA name, as Europe/Madrid.")] = "UTC",
    locale: Annotated[str, typer.Option("--locale", help=", ".join(_LOCALES))] = "en",
    country: Annotated[str, typer.Option("--country", help="ISO 3166 code, as ES.")] = "",
    frozen_at: Annotated[str, typer.Option("--frozen-at", help="Where a sandbox's clock stands (ISO 8601).")] = "",
) -> None:
    """Make an organization; a sandbox unless --live is given."""
    from cauce.entrypoints.cli.application import run_with_app, shell_actor
    from cauce.entrypoints.cli.durations import parse_instant
    from cauce.storage import audit
    from cauce.storage.directory.orgs import Mode, create_org

    _check(timezone, locale)
    instant = parse_instant(frozen_at) if frozen_at else None

    async def work(app: App) -> Org:
        async with app.runtime.db.transaction() as tx:
            made = await create_org(
                tx, name, Mode.LIVE if live else Mode.SANDBOX, timezone=timezone, locale=locale, country=country.upper(),
                frozen_at=instant,
            )  # fmt: skip
        async with app.runtime.db.transaction(made.id) as tx:
            await audit.record(tx, shell_actor(), "organization.create", made.public_id, after=_data(made))
        return made

    made = run_with_app("cauce org create", work)
    output.emit(_data(made), f"{made.public_id} ({made.mode.value}): {made.name}")


@app.command("list")
def show() -> None:
    """List every organization, oldest first."""
    from cauce.entrypoints.cli.application import run_with_app
    from cauce.storage.directory.orgs import list_orgs

    async def work(app: App) -> list[Org]:
        async with app.runtime.db.transaction() as tx:
            found: list[Org] = await list_orgs(tx)
        return found

    rows = [_data(one) for one in run_with_app("cauce org list", work)]
    cells = [[row[name] for name in _SHOWN] for row in rows]
    output.emit(rows, *(output.table(_SHOWN, cells) if rows else ["There is none yet: `cauce org create NAME`."]))


def _check(timezone: str, locale: str) -> None:
    if timezone not in zoneinfo.available_timezones():
        raise InvalidRequest(f"there is no time zone {timezone!r}", param="timezone")
    if locale not in _LOCALES:
        raise InvalidRequest(f"locales are {', '.join(_LOCALES)}", param="locale")


def _data(one: Org) -> dict[str, str]:
    return {
        "id": one.public_id,
        "name": one.name,
        "mode": one.mode.value,
        "timezone": one.timezone,
        "locale": one.locale,
        "country": one.country,
    }
