"""Outgoing notices: endpoints, signatures, deliveries and their log.

An event reaches an endpoint at least once and in order per object; every attempt is recorded; no notice goes to a
private address.
"""
