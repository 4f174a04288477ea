"""Tests of the provider folder intercom."""
