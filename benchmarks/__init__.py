"""What is measured, on the embedded PostgreSQL with all its safety on; `make bench` runs it, no wheel carries it.

A file of this folder declares rows with `@row`; `run` finds them, measures each beside its baseline, prints a table
and writes `results/latest.json`.
"""
