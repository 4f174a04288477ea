"""Contracts and their life: items, trials, periods from a remembered anchor, changes as rows, cancellation, return.

The state machine of `rules` is the only way from one state to another. Periods are half-open, follow each other
without gap or overlap, and come from the anchor, never from the period before.
"""
