"""The scan over every test's log can fail: planted lines are found, ordinary ones are not."""

from __future__ import annotations

import pytest
import structlog

from tests.support.log_scan import Leaked, scan

log = structlog.get_logger(__name__)


@pytest.mark.parametrize(
    "value",
    [
        "sk_live_" + "a" * 24,
        "Bearer " + "b" * 32,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyLTcifQ.c2ln",
        {"nested": ["4242" * 4]},
        "-----BEGIN PRIVATE KEY-----",
    ],
)
def test_s27_a_line_with_a_secret_fails_its_test(value: object) -> None:
    with pytest.raises(Leaked):
        scan(None, "info", {"event": "planted", "note": value})


def test_the_scan_stands_in_the_way_of_every_line() -> None:
    with pytest.raises(Leaked):
        log.info("planted", note="-----BEGIN EC PRIVATE KEY-----")


@pytest.mark.parametrize("path", ["/v1/customers?find=ana@customers.example", "/v1/people/ana%40customers.example"])
def test_s19_a_request_that_names_a_person_fails_its_test(path: str) -> None:
    with pytest.raises(Leaked):
        log.info("http.request", method="GET", path=path, status=200)


def test_an_ordinary_line_passes() -> None:
    log.info("http.request", method="GET", path="/v1/customers/cus_01m8m5b2deebs966q68mspcvkx", status=200, ms=3)
