"""`cauce sandbox`: the vendors' simulators, alone."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.session import current_settings
from cauce.kernel.errors import NotFound


def command(
    name: Annotated[str, typer.Argument(help="One provider; all of them when left out.")] = "",
    while_open: Annotated[bool, typer.Option("--while-open", help="End with the standard input too.")] = False,
) -> None:
    """Serve simulators that speak the vendors' wire protocols on 127.0.0.1 until Ctrl-C."""
    from cauce.entrypoints import processes
    from cauce.providers.kit.registry import installed
    from cauce.providers.kit.sandbox import create_sandbox_app, faces_of
    from cauce.providers.kit.serving import serving

    settings = current_settings()
    faces = faces_of(installed())
    if name and name not in faces:
        raise NotFound(f"there is no simulator of {name}; there are {', '.join(faces) or 'none'}")
    chosen = {name: faces[name]} if name else faces

    async def main() -> None:
        app = create_sandbox_app(chosen, store_dir=processes.sandbox_folder(settings))
        async with serving(app, host=processes.SANDBOX_HOST, port=settings.sandbox_port) as url:
            urls = {face: f"{url}/{face}" for face in chosen}
            output.emit(urls, *(f"{face}: {where}" for face, where in urls.items()))
            sys.stdout.flush()  # who started this reads it through a pipe
            await (asyncio.to_thread(sys.stdin.buffer.read) if while_open else processes.until_signalled())

    processes.run(main)
