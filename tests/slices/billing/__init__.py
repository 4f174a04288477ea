"""Slices of the subscription half."""
