"""WeChat Pay's words and ours, pure: addresses, bodies, answers, errors, notices, bill columns. No I/O, no clock.

`addresses` knows the paths of the three dialects; `payments`, `splits`, `refunds`, `parties` build bodies and read
answers; `problems` turns refusals into outcomes; `notices` and `bills` read what comes unasked or in files.
"""
