"""Ping An Bank: witness accounts of a marketplace, with orders, splits, payouts and check files."""
