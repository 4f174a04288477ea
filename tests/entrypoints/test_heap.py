"""The garbage collector of a process that has started: what lives for ever is left alone, what is made later is not."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import gc, weakref
from cauce.entrypoints import heap

class Node: pass

def ring():
    one = Node()
    one.itself = one
    return weakref.ref(one)

class Lasting: pass

lasting = [Lasting() for _ in range(1_000)]
before = ring()
heap.settle_heap()
walked = {id(one) for one in gc.get_objects()}
print(before() is None)                                   # what was garbage at the start went
print(any(id(one) in walked for one in lasting))          # what is there now is never walked again
later = ring()
gc.collect()
print(later() is None)                                    # what becomes garbage later goes as ever
print(gc.get_threshold()[0] == heap.YOUNG_OBJECTS)
"""


def test_a_settled_heap_walks_only_what_was_made_since_and_still_collects_it() -> None:
    """In a process of its own, for a frozen heap cannot be told apart from the test runner's."""
    ran = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.split() == ["True", "False", "True", "True"]
