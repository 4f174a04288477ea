"""A program of the kind that a channel runs, to read and to try: it passes each request on to the sandbox."""
