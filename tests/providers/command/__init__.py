"""Tests of the provider folder command."""
