"""The processes of the subscription half: sign-up, the billing run, collection, recovery, changes, corrections.

Each command is a frozen dataclass and each flow `async (context, command) -> result`; what is due runs from the
sweeps and jobs that `steps` lists. Previews call the very functions that the commit calls.
"""
