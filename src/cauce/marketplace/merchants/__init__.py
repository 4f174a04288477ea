"""Sellers and other parties: legal form, agreements, accounts at the channels, payout instruments.

A party without an account at the holder is paid nothing; an instrument belongs to the same owner and is verified
before money goes there.
"""
