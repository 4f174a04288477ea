"""Whether the running task is inside a database transaction, so that no provider is ever called there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_inside_transaction: ContextVar[bool] = ContextVar("cauce_inside_transaction", default=False)


@contextmanager
def transaction_scope() -> Iterator[None]:
    """Mark the block as inside a transaction; used by `storage` alone."""
    token = _inside_transaction.set(True)
    try:
        yield
    finally:
        _inside_transaction.reset(token)


def assert_outside_transaction(what: str) -> None:
    """Fail when called inside a transaction: a slow or hanging provider must never hold rows locked."""
    assert not _inside_transaction.get(), f"{what} inside a database transaction"
