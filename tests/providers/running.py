"""A sandbox in a thread of its own, so that plain (synchronous) client libraries can be pointed at it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import uvicorn

from cauce.providers.kit.sandbox import create_sandbox_app
from cauce.providers.kit.simulator.face import Face


@contextmanager
def running_sandbox(faces: Mapping[str, Face] | None = None) -> Iterator[str]:
    """The base URL of a sandbox that runs for the block."""
    config = uvicorn.Config(
        create_sandbox_app(faces), port=0, log_level="critical", access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the sandbox did not start"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
