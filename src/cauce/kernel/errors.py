"""Every error that Cauce raises on purpose, as one tree.

    CauceError
    ├── InvalidRequest      422  what was sent cannot be understood or is out of bounds
    ├── Unauthenticated     401  no or a wrong credential
    ├── Forbidden           403  a known caller may not do this
    ├── NotFound            404  no such object in this organization
    ├── Conflict            409  the state of the object does not allow it (an expected refusal)
    │   ├── IllegalTransition    the state machine has no such step; names the allowed ones
    │   ├── RequestInFlight      the same Idempotency-Key is being worked on
    │   └── StaleVersion         somebody changed the object first
    ├── IdempotencyMismatch 422  the same Idempotency-Key came with another body
    ├── Overloaded          429  a bounded queue is full; try again after `retry_after_seconds`
    ├── Unavailable         503  a dependency does not answer
    └── SetupError          500  settings or environment are wrong; the message says what to do

A slice adds its own classes below one of these, one class per situation: the docstring is the default
message, the keyword arguments are its fields. `code` is stable, documented in `docs/errors/`, and is what a
client switches on. Expected refusals are 4xx and never page anyone.
"""

from __future__ import annotations

from typing import ClassVar


class CauceError(Exception):
    """Something that Cauce refuses or cannot do."""

    code: ClassVar[str] = "internal_error"
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None, /, *, param: str | None = None, **fields: object) -> None:
        self.message = message or " ".join((type(self).__doc__ or "").split())
        self.param = param
        self.fields = fields
        super().__init__(self.message)


class InvalidRequest(CauceError):
    """The request cannot be understood or is out of bounds."""

    code = "invalid_request"
    http_status = 422


class Unauthenticated(CauceError):
    """No valid credential was given."""

    code = "unauthenticated"
    http_status = 401


class Forbidden(CauceError):
    """The caller may not do this."""

    code = "forbidden"
    http_status = 403


class NotFound(CauceError):
    """There is no such object."""

    code = "not_found"
    http_status = 404


class Conflict(CauceError):
    """The state of the object does not allow this."""

    code = "conflict"
    http_status = 409


class IllegalTransition(Conflict):
    """The object's state machine has no such step from its present state."""

    code = "illegal_transition"


class RequestInFlight(Conflict):
    """A request with the same Idempotency-Key is being worked on; ask again shortly."""

    code = "request_in_flight"
    retryable = True


class StaleVersion(Conflict):
    """The object was changed by somebody else since it was read."""

    code = "stale_version"
    retryable = True


class IdempotencyMismatch(CauceError):
    """The Idempotency-Key was used before with another request body."""

    code = "idempotency_mismatch"
    http_status = 422


class Overloaded(CauceError):
    """Too much is waiting already; try again after the stated time."""

    code = "overloaded"
    http_status = 429
    retryable = True

    def __init__(self, message: str | None = None, /, *, retry_after_seconds: int = 1) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class Unavailable(CauceError):
    """A service that Cauce needs does not answer."""

    code = "unavailable"
    http_status = 503
    retryable = True


class SetupError(CauceError):
    """Settings or environment are wrong."""

    code = "setup_error"
