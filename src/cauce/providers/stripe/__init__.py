"""Stripe: cards charged off session, and connected accounts."""
