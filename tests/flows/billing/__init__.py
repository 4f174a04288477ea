"""Flows of the subscription half on a frozen clock: what happens is told as states, events and ledger text."""
