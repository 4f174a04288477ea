"""The pure vocabulary of Cauce: money, calendar, ids, clock, state machines, events, errors.

Standard library only, and no I/O but the one reader of the wall clock in `clock.py`. Everything else in the
product may import this package; it imports nothing of the product.
"""
