"""The garbage collector of processes that run for long.

A running application holds some hundred thousand objects that live as long as it does: modules, routes, models. A full
collection walks all of them and stops every request meanwhile, for 100 ms and more, and by default one comes each few
seconds under load.
"""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 50_000
"""Objects made since the last young collection before the next; 700 of Python's own is a few requests' worth."""

_OLDER = 20
"""Collections of one generation before one of the next."""


def settle_heap() -> None:
    """What is there now stays out of collections from now on, and collections come less often.

    To be called once a process has started, not before: what is made later is collected as ever.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, _OLDER, _OLDER)
