"""The contract of provider folders: one suite for all of them."""
