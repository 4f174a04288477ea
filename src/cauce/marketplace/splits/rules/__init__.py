"""Split rules: what a rule may say, how it is read, and what it makes of an order, explained to the last cent.

`schema` holds the values, `parsing` reads them from JSON and names every mistake, `evaluation` turns a rule and an
order into allocations, `provider_fee` takes the provider's fee from its bearer, `refunds` says from whom a refund is
taken back. All pure. The parts of an evaluation always sum to its base; what a channel cannot do is refused here.
"""
