"""Every number of mail delivery, with its source and the day of reading."""

from __future__ import annotations

from datetime import date

from cauce.gateway.capabilities import Sourced

_READ = date(2026, 11, 20)

TIMEOUT_SECONDS = Sourced(
    60, "seconds", "ours: a relay of one's own answers sooner than RFC 5321 4.5.3.2 allows", _READ
)
DATA_TIMEOUT_SECONDS = Sourced(600, "seconds", "RFC 5321 4.5.3.2.6: ten minutes for the end of DATA", _READ)
LOCAL_PART_LENGTH = Sourced(64, "bytes", "RFC 5321 4.5.3.1.1", _READ)
ADDRESS_LENGTH = Sourced(254, "bytes", "RFC 5321 4.5.3.1.3: a path has 256 with its brackets", _READ)
LINE_LENGTH = Sourced(998, "characters", "RFC 5322 2.1.1", _READ)
SUBJECT_LENGTH = Sourced(400, "characters", "ours: readers show a tenth of it", _READ)
MESSAGE_BYTES = Sourced(10_000_000, "bytes", "ours: common relays refuse from 10 MB on", _READ)
ASK_AFTER_SECONDS = Sourced(300, "seconds", "ours: nobody can be asked, so there is no hurry", _READ)
