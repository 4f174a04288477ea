"""What staff know about customers: tags, notes, owners, tasks, saved segments.

A segment means the same set of customers in a list, a campaign and an export.
"""
