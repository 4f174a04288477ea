"""Tests of the doors: command line, HTTP."""
