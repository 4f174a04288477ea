"""Civil dates and periods: what a month is, where the next period starts, which local day an instant falls on.

`months` does month arithmetic with clamping, `periods` the anchored intervals and schedules of subscriptions,
`zones` the way between instants and local days (clock changes included), `business` working days of payout
calendars. Every period is half-open: its end is the first day that is not in it (V3, C7).
"""
