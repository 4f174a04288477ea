"""The page of money movements shows every recipe that the requirements number."""

from __future__ import annotations

import re

from docs.recipes import found_recipes, render_recipes


def test_every_numbered_movement_of_custody_has_its_function() -> None:
    numbers = {(recipe.__doc__ or "")[:3] for _, recipe in found_recipes()}
    shown = {number for number in numbers if number.startswith("T")}
    assert shown | {"T21"} == {f"T{number:02}" for number in range(1, 27)}


def test_every_recipe_on_the_page_debits_and_credits_something() -> None:
    rows = [line.split(" | ") for line in render_recipes().splitlines() if re.match(r"\| `[a-z]+\.[a-z_]+` ", line)]
    assert len(rows) == len(list(found_recipes())) > 40
    assert all(debit.count("`") >= 2 and credit.count("`") >= 2 for _, _, debit, credit in rows)
