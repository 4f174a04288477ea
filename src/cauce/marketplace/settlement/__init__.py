"""When parties get their money: schedules, batches, statements, payouts, members' top-ups.

A batch is closed once; a payout is sent under one key, over a limit only with a second person's approval, and its
money is out of reach from the moment it is requested.
"""
