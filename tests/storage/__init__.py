"""Tests of the storage tier, on real PostgreSQL."""
