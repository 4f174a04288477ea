"""What staff know about customers and do for them: tags, notes, owners, tasks, saved segments.

A segment means the same set of customers in a list, a campaign and an export. A step of the business that is set to
manual or assisted becomes a task; its button lets the very same step go on.
"""
