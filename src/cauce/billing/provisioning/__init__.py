"""The customer's own instance of what is sold: asked for, made, suspended, restored, deleted.

Each step is asked of a runner and concluded by its answer; an instance exists at most once for a subscription. What is
asked is an operation, whose id makes a repeat harmless; the data of one who left are kept for a while.
"""
