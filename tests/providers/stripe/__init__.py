"""Tests of the provider folders."""
