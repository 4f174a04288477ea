"""`cauce serve`: the web server alone, for installations with several processes."""

from __future__ import annotations

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.session import current_settings


def command() -> None:
    """Serve API and pages; run `cauce worker` beside it."""
    from cauce.entrypoints import processes

    settings = current_settings()

    async def main() -> None:
        async with processes.running(settings, web=True, worker=False, sandbox=False, command="cauce serve"):
            output.note(f"Cauce serves {settings.base_url}")
            await processes.until_signalled()

    processes.run(main)
