"""The processes of the marketplace half: from an order to its parties' money at their banks, proved by statements.

`merchants` and `orders` take in; `release` divides; `refunds` gives back; `settle` and `pay_out` bring money to
merchants; `reconcile` compares with what the provider says. `steps` names the jobs, sweeps and concluders. Every
function works on many objects at once.
"""
