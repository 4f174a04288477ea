"""Meters and the events they count, each counted once by source and event id, rolled up per period.

Late events correct the period they belong to; a rollup can always be made again from the events.
"""
