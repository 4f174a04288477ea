"""Flows of the marketplace, told as ledger text on a frozen clock."""
