"""The REST door: resources under `/v1`, problems, idempotency, the OpenAPI file, health and metrics."""
