"""What tests share: a throw-away PostgreSQL and whatever else a test would otherwise repeat."""
