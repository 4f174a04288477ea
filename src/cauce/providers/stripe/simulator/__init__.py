"""Stripe's stand-in on localhost: the wire protocol of `protocols/stripe.md`, stateful, on its own clock.

`api` is the face (keys, idempotency, errors), `routes` the table of operations; each noun has its module; `balance`
keeps the money; `timed` says what happens by itself, `stage` what people do out of band, `pages` what they see.
"""

from cauce.providers.stripe.simulator.api import stripe_face

__all__ = ["stripe_face"]
