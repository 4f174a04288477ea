"""`cauce up`: everything in one process."""

from __future__ import annotations

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.session import current_settings


def command() -> None:
    """Start database, web server, worker and simulators in one process; Ctrl-C ends it."""
    from cauce.entrypoints import processes

    settings = current_settings()

    async def main() -> None:
        async with processes.running(settings, web=True, worker=True, sandbox=True, command="cauce up"):
            output.note(f"Cauce runs at {settings.base_url}, its simulators at {processes.sandbox_url(settings)}")
            await processes.until_signalled()

    processes.run(main)
