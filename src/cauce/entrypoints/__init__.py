"""The doors: each parses what comes in, calls a flow or a report, and renders what comes out. Nothing is decided here."""
