"""The rules of the house that no other tool sees: sizes, words, folders, sources of numbers, documentation, names of work.

Each check is a function from a `Tree` (a checkout, or a planted one in a test) to findings. `python -m tests.tidy`
runs them all over this checkout; `make check` calls it.
"""
