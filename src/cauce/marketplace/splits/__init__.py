"""Who gets which part of an order: declared rules, plans, allocations, reversals.

The parts of a plan sum to the order to the last minor unit, the remainder goes to a named party, and what a channel
cannot do is refused when the plan is made.
"""
