"""What a customer may use: features and quotas from plans, grants by hand, access levels by state.

Access follows the state of the bill, one event at a time in order; a grant by hand has an end.
"""
