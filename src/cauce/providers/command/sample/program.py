"""A sample program, of the standard library alone: reads a request on stdin, has it done, writes the answer on stdout.

Here «having it done» means asking the sandbox at `ADDRESS`, the first argument; a real one would make a virtual machine or
a container. It shows the exit codes: 0 done, 3 refused, 64 called wrongly, 75 try again.
"""

from __future__ import annotations

import os
import re
import sys
import urllib.error
import urllib.request

DONE, REFUSED, USAGE, TRY_AGAIN = 0, 3, 64, 75


def main(arguments: list[str]) -> int:
    """Do one request; the exit code."""
    if len(arguments) != 2 or not re.fullmatch(
        r"http://(127\.0\.0\.1|localhost):\d+/[\w/.-]*run/[\w.-]+", arguments[0]
    ):
        os.write(2, b"usage: program.py ADDRESS HOOK\n")
        return USAGE
    request = urllib.request.Request(arguments[0], data=sys.stdin.buffer.read(), method="POST")  # noqa: S310 - ours
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310 - the sandbox's address
            os.write(1, reply.read())
            return DONE
    except urllib.error.HTTPError as exc:
        os.write(2, exc.read() + b"\n")
        return TRY_AGAIN if exc.code >= 500 or exc.code == 429 else REFUSED
    except OSError as exc:
        os.write(2, f"{exc}\n".encode())
        return TRY_AGAIN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
