"""Live chat and replies: a conversation with a person, its messages and who answers it.

A message is stored once, in order, whichever channel brought it.
"""
