"""Talking with people: our own chat and help desks, held in one place, whoever they are and whatever they pay (K6, D7)."""
