"""Named SQL: statements by name, and what several of them share once."""

from __future__ import annotations

import pytest

from cauce.storage.sql import Queries

_TEXT = """
-- A file may begin with a comment.

-- part: mine
x.org_id = $1

-- part: mine_and_due
{mine} AND x.due_at <= $2

-- name: due
-- Said along.
SELECT x.id FROM toy.timer x WHERE {mine_and_due}

-- name: empty
UPDATE toy.timer SET content = '{}' WHERE place = '{elsewhere}'
"""


def test_a_part_stands_in_every_statement_that_says_it_and_is_none_itself() -> None:
    queries = Queries("toy", _TEXT)
    assert queries.due == "-- Said along.\nSELECT x.id FROM toy.timer x WHERE x.org_id = $1 AND x.due_at <= $2"
    assert queries.empty == "UPDATE toy.timer SET content = '{}' WHERE place = '{elsewhere}'"
    assert queries.names() == ["due", "empty"]
    with pytest.raises(AttributeError, match="no query named 'mine'"):
        _ = queries.mine


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(AssertionError, match="mine"):
        Queries("toy", "-- part: mine\nx\n\n-- name: mine\nSELECT 1")
