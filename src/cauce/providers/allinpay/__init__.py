"""Allinpay: custody accounts of members, escrow, splits, payouts, check files."""
