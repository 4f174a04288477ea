"""Tests of the provider folder hook."""
