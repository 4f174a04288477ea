"""The processes that join slices; the only code that holds both a transaction and a provider.

A flow opens the transaction and passes `tx` down; a provider is only ever called between transactions. `registry` is
the one table of what runs when.
"""
