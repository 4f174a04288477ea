"""The tests of Cauce; folders mirror the tiers of `src/cauce`."""
