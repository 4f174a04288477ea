"""Instances run by a local command, started with an argument list and never through a shell."""
