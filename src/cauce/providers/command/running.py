"""One run of a local program: argument list, no shell, clean environment, bounded time and output.

The program leads a process group of its own, and the whole group ends with it: nothing that it started is left when
its time is over.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from cauce.providers.command import limits
from cauce.providers.command.mapping import End

_PLAIN = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"}


class TooMuch(Exception):
    """The program writes more than it may."""


async def run(
    arguments: Sequence[str], told: bytes, environment: Mapping[str, str], folder: Path, timeout_seconds: int
) -> End:
    """Run `arguments` with `told` on stdin in `folder`; how it ended. OSError when it could not be started."""
    program = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**_PLAIN, **environment},
        cwd=folder,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timeout_seconds):
            output, complaint, _ = await asyncio.gather(_output(program), _complaint(program), _tell(program, told))
            code = await program.wait()
        return End(code, output, complaint)
    except TimeoutError:
        return End(0, b"", cut=f"the program took longer than {timeout_seconds} seconds")
    except TooMuch as exc:
        return End(0, b"", cut=str(exc))
    finally:
        await asyncio.shield(_end(program))


async def _tell(program: asyncio.subprocess.Process, told: bytes) -> None:
    assert program.stdin is not None
    # A program may end without reading; what counts is its exit code.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        program.stdin.write(told)
        await program.stdin.drain()
        program.stdin.close()


async def _output(program: asyncio.subprocess.Process) -> bytes:
    assert program.stdout is not None
    found = bytearray()
    while piece := await program.stdout.read(65_536):
        found += piece
        if len(found) > limits.OUTPUT_BYTES.value:
            raise TooMuch(f"the program wrote more than {limits.OUTPUT_BYTES.value} bytes")
    return bytes(found)


async def _complaint(program: asyncio.subprocess.Process) -> bytes:
    """The end of stderr; the rest is read and forgotten, so that the program never waits for us."""
    assert program.stderr is not None
    kept = b""
    while piece := await program.stderr.read(65_536):
        kept = (kept + piece)[-limits.COMPLAINT_BYTES.value :]
    return kept


async def _end(program: asyncio.subprocess.Process) -> None:
    """End the whole group: ask first, then kill."""
    if program.returncode is None:
        _signal(program.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limits.END_SECONDS.value):
                await program.wait()
    _signal(program.pid, signal.SIGKILL)
    await program.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
