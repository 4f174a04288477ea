"""PostgreSQL and nothing about business: pool, transactions, named SQL, migrations, tenancy, work that waits, events.

Every mechanism that decides whether the rest can be trusted lives here: whose row it is (`directory`, row-level
security), what happens when a worker dies (`jobs`, `sweeps`), what time it is (`orgclock`), what was answered before
(`idempotency`), what happened (`outbox`, `audit`), and what must not be readable at rest (`sealing`).
"""
