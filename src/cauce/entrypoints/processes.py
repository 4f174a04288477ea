"""The processes that run for long: web server, worker, sandbox, and `up`, which is all of them in one.

SIGTERM and SIGINT end each of them in order: no new work, what runs is finished, then the connections close.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from starlette.types import ASGIApp

from cauce.app import App, open_app
from cauce.entrypoints import logs
from cauce.entrypoints.api.app import create_api
from cauce.entrypoints.console.routes import console_routes
from cauce.entrypoints.heap import settle_heap
from cauce.entrypoints.portal.routes import portal_routes
from cauce.entrypoints.worker.loop import Worker
from cauce.providers.kit.sandbox import create_sandbox_app
from cauce.providers.kit.serving import serving
from cauce.settings import Settings

log = structlog.get_logger(__name__)

SANDBOX_HOST = "127.0.0.1"
_WIND_UP_SECONDS = 5  # a worker gives back within its own time; this is for closing connections


def sandbox_url(settings: Settings) -> str:
    """Where the simulators listen."""
    return f"http://{SANDBOX_HOST}:{settings.sandbox_port}"


def web_app(app: App) -> ASGIApp:
    """The web application of this process."""
    return create_api(app.runtime, app.settings, pages=[*console_routes(), *portal_routes()])


@asynccontextmanager
async def running(settings: Settings, *, web: bool, worker: bool, sandbox: bool, command: str) -> AsyncIterator[App]:
    """The chosen parts, running until the block ends. The sandbox comes first and ends last: others speak to it."""
    logs.configure(settings)
    async with AsyncExitStack() as stack:
        if sandbox:
            simulators = create_sandbox_app(store_dir=sandbox_folder(settings))
            await stack.enter_async_context(serving(simulators, host=SANDBOX_HOST, port=settings.sandbox_port))
        app = await stack.enter_async_context(open_app(settings, command=command, sandbox_url=sandbox_url(settings)))
        if web:
            await stack.enter_async_context(serving(web_app(app), host=settings.bind_host, port=settings.bind_port))
        if worker:
            await stack.enter_async_context(_working(app, settings))
        settle_heap()
        yield app


@asynccontextmanager
async def _working(app: App, settings: Settings) -> AsyncIterator[None]:
    worker = Worker(app.runtime, concurrency=settings.worker_concurrency)
    task = asyncio.create_task(worker.run(stop_seconds=settings.stop_seconds))
    try:
        yield
    finally:
        worker.stop()
        try:
            await asyncio.wait_for(task, settings.stop_seconds + _WIND_UP_SECONDS)
        except TimeoutError:
            log.warning("worker.stopped_hard", seconds=settings.stop_seconds)


async def until_signalled() -> None:
    """Return when somebody asks this process to end."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    await ended.wait()


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a process's main coroutine on the fastest loop that is installed."""
    try:
        import uvloop
    except ImportError:  # not built for this platform
        asyncio.run(main())
    else:
        uvloop.run(main())


def sandbox_folder(settings: Settings) -> Path:
    """Where the simulators keep their state."""
    return settings.home / "sandbox"
