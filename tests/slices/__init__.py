"""Tests of slices, folder by folder as in the product."""
