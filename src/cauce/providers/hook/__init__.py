"""Instances run by the operator's own service, asked by a signed webhook."""
