"""The vendors, one folder each, and the kit that helps to write one.

A folder exports `PROVIDER` and is found by being there (`kit.registry`). It knows only `gateway`, `kernel` and
`providers.kit`; nothing outside names it. Adding a vendor means adding a folder, nothing else.
"""
