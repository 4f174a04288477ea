"""Who pays: identity by external id, addresses, tax ids, time zone, locale, credit balance.

An e-mail address is never an identity key; creating a customer whose external id is known updates that customer.
A customer may be a team: people are invited, join, hold seats and are removed. Erasing takes the personal data and leaves the books.
"""
