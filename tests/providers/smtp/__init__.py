"""Tests of the provider folder smtp."""
