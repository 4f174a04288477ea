"""Every acceptance case, one test each: the test id is the case id."""

from __future__ import annotations

import pytest

import tests.cases.adapters  # noqa: F401  registers every adapter
from tests.cases.adapter import ADAPTERS, UnknownVocabulary, Unsupported, run
from tests.cases.compare import differences, equal
from tests.cases.files import SHARED, Case, all_cases

CASES = all_cases()


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_case(case: Case) -> None:
    try:
        result = run(case.kind, case.inputs, case.options)
    except Unsupported as exc:
        if case.tier == "core":
            raise AssertionError(f"{case.id} is a core case, its options are mandatory: {exc}") from exc
        pytest.skip(f"the product does not offer {exc}")
    found = differences(case.expected, result)
    assert not found, f"{case.kind} {case.id}\n  " + "\n  ".join(found)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared cases are not beside this checkout")
def test_the_shared_cases_and_the_examples_of_their_readme_are_read() -> None:
    assert {case.origin for case in CASES} >= {"billing.json", "splits.json", "README.md"}


def test_an_unknown_kind_fails_the_run() -> None:
    with pytest.raises(UnknownVocabulary, match="no adapter for the kind 'astrology'"):
        run("astrology", {}, {})


def test_an_unknown_option_and_an_unknown_value_of_a_known_one_fail_the_run() -> None:
    known = next(iter(ADAPTERS))
    for options in ({"moon": "full"}, {"remainder": "to_the_tallest"}):
        with pytest.raises(UnknownVocabulary, match="unknown option"):
            run(known, {}, options)


def test_comparison_reads_numeric_texts_as_decimals_and_nothing_else_loosely() -> None:
    assert equal({"cycles": "2", "dates": ["2026-01-01"]}, {"cycles": "2.000000000", "dates": ["2026-01-01"]})
    assert not equal(True, 1)
    assert not equal([1, 2], [2, 1])
    assert not equal({"a": 1}, {"a": 1, "b": 2})
    assert differences({"amount_exact": "1.5", "amount_minor": 2}, {"amount_minor": 2}) == []
    assert len(differences({"amount_exact": "1.5", "amount_minor": 2}, {"amount_exact": "1.6"})) == 2
