"""The leash: a small process that stops the server when its owner dies without a word.

It waits on a pipe whose other end only the owner holds. A byte says that all is in order. When the end closes
without one, the leash gives the next owner a moment to adopt the server; if nobody holds the owner's lock by then,
and nobody is attached any more, it stops the server.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import cauce
from cauce.storage.embedded.layout import Layout
from cauce.storage.embedded.postmaster import stop_postmaster
from cauce.storage.embedded.processes import try_lock

GRACE_SECONDS = 1
_IN_ORDER = b"."


class Leash:
    """The owner's end of a leash; it must live exactly as long as the owner."""

    def __init__(self, layout: Layout) -> None:
        waiting_end, self._end = os.pipe()
        # Without `site` the child sees no installed package; it needs only this one and the standard library.
        source = str(Path(cauce.__file__).parent.parent)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - this module
                [sys.executable, "-S", "-m", __name__, str(layout.home)],
                stdin=waiting_end,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PYTHONPATH": source, "PYTHONDONTWRITEBYTECODE": "1"},
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(waiting_end)

    def release(self) -> None:
        """Tell the leash that the owner ends in order."""
        try:
            os.write(self._end, _IN_ORDER)
        except BrokenPipeError:
            pass  # somebody killed the leash; there is nothing to release
        finally:
            os.close(self._end)
        self._process.wait()


def hold(layout: Layout) -> None:
    """Wait for the owner's end, then stop the server unless somebody else looks after it."""
    if os.read(0, 1) == _IN_ORDER:
        return
    while True:
        time.sleep(GRACE_SECONDS)
        owner = try_lock(layout.lock)
        if owner is None:
            return  # the next owner has taken over
        with owner:
            users = try_lock(layout.attached)
            if users is not None:
                with users:
                    stop_postmaster(layout.data)
                return


if __name__ == "__main__":
    hold(Layout(Path(sys.argv[1])))
