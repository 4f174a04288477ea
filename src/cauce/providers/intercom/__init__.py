"""Intercom: contacts, companies, events, messages, conversations."""
