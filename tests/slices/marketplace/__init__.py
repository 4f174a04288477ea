"""Slices of the marketplace on a real database, and its pure rules."""
