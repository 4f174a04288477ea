"""`cauce worker`: works on what waits; run as many as you like."""

from __future__ import annotations

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.session import current_settings


def command() -> None:
    """Run jobs, sweeps and events until stopped; SIGTERM lets running jobs end."""
    from cauce.entrypoints import processes

    settings = current_settings()

    async def main() -> None:
        async with processes.running(settings, web=False, worker=True, sandbox=False, command="cauce worker"):
            output.note("Cauce works")
            await processes.until_signalled()

    processes.run(main)
