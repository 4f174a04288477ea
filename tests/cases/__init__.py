"""The acceptance cases: numbers that the product must reproduce, read from files and run against its own functions."""
