"""Channels: one organization's contracts with providers, what was asked of them under which key, what they told us.

An instruction is committed before its first send and ends once, as succeeded or declined; until then its outcome is
open and found out by asking under the same key. A notice is stored once under the provider's own event id. Raw
exchanges are kept sealed. Both halves of the product send through this slice; what an outcome means is theirs.
"""
