"""Every number of local programs that run instances, with its source and the day of reading."""

from __future__ import annotations

from datetime import date

from cauce.gateway.capabilities import Sourced
from cauce.providers.kit.instances import ANSWER_BYTES_MAX

_READ = date(2026, 11, 20)

TIMEOUT_SECONDS_MAX = Sourced(600, "seconds", "ours: a machine is made within ten minutes or asked for again", _READ)
OUTPUT_BYTES = Sourced(ANSWER_BYTES_MAX, "bytes", "ours: an answer is a few fields", _READ)
COMPLAINT_BYTES = Sourced(16 * 1024, "bytes", "ours: the end of what a program says on stderr", _READ)
ARGUMENTS_MAX = Sourced(50, "arguments", "ours", _READ)
ASK_AFTER_SECONDS = Sourced(30, "seconds", "ours: a program that was busy is free by then", _READ)
END_SECONDS = Sourced(2, "seconds", "ours: between being asked to end and being killed", _READ)

# Exit codes as sysexits.h of BSD and Linux names them, read 2026-11; 3 is our own.
EXIT_DONE = 0
EXIT_REFUSED = 3  # ours, 2026-11: the program refuses, for good
EXIT_USAGE = 64  # sysexits.h, read 2026-11: EX_USAGE
EXIT_DATA = 65  # sysexits.h, read 2026-11: EX_DATAERR
EXIT_NO_INPUT = 66  # sysexits.h, read 2026-11: EX_NOINPUT
EXIT_TEMPORARY = 75  # sysexits.h, read 2026-11: EX_TEMPFAIL
EXIT_FORBIDDEN = 77  # sysexits.h, read 2026-11: EX_NOPERM
EXIT_CONFIG = 78  # sysexits.h, read 2026-11: EX_CONFIG
