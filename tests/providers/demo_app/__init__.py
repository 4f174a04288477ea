"""Tests of the provider folder demo_app."""
