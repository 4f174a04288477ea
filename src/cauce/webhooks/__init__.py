"""Outgoing webhooks: endpoints, their secrets, and every delivery with its attempts.

Each event reaches each endpoint that wants it at least once, in order per object, signed by the Standard Webhooks
scheme. A delivery is one row, written once per event and endpoint; a failing endpoint is disabled visibly after
three days. Addresses inside the network are refused, for sandbox organizations the own machine apart.
"""
