"""Each rule catches a breach: a small planted tree, one violation of one kind, the finding it must give."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from docs.generate import render_events, walk_commands

from tests.tidy import documentation, errors, folders, numbers, queries, routes, sizes, words
from tests.tidy.tree import Check, Tree
from tests.tidy.work import Handled, check_work

NOTHING_HANDLED = Handled(jobs=(), sweeps=(), event_flows={}, catalogue=())


def plant(root: Path, files: dict[str, str]) -> Tree:
    """A checkout at `root` that holds these files below `src/cauce`."""
    for name, text in files.items():
        path = root / "src" / "cauce" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Tree(root)


def rules(check: Check, tree: Tree) -> set[str]:
    """The names of the rules that a check finds broken."""
    return {finding.rule for finding in check(tree)}


LONG_MODULE = '"""Text."""\n' + "ONE = 1\n" * 300
LONG_FUNCTION = '"""Text."""\n\ndef decide():\n' + "    pass\n" * 50
SLICE = {"billing/catalog/__init__.py": '"""Text."""', "billing/catalog/rules.py": '"""Text."""'}
VENDOR = {"providers/acme/__init__.py": '"""Text."""\nPROVIDER = 1', "providers/acme/gateway.py": '"""Text."""'}
QUERY = "-- name: due\nTABLE catalog.price"

PLANTED: dict[str, tuple[Check, dict[str, str]]] = {
    "module-size": (sizes.check_sizes, {"kernel/money.py": LONG_MODULE}),
    "function-size": (sizes.check_sizes, {"kernel/money.py": LONG_FUNCTION}),
    "module-name": (sizes.check_names, {"billing/catalog/utils.py": '"""Text."""'}),
    "module-docstring": (sizes.check_names, {"billing/catalog/rules.py": "ONE = 1"}),
    "float": (words.check_floats, {"pricing/tax.py": "RATE = 0.21"}),
    "bare-round": (words.check_floats, {"pricing/tax.py": "TAX = round(7 / 2)"}),
    "wall-clock": (words.check_clock, {"flows/renew.py": "from datetime import datetime\nAT = datetime.now()"}),
    "print": (words.check_print, {"flows/renew.py": "print('renewed')"}),
    "sql-text": (words.check_sql_text, {"reports/lists.py": "Q = 'SELECT * FROM ledger.account'"}),
    "kernel-imports": (words.check_kernel_imports, {"kernel/money.py": "import msgspec"}),
    "slice-files": (folders.check_slices, {**SLICE, "billing/catalog/store.py": '"""Text."""'}),
    "provider-files": (folders.check_providers, VENDOR),
    "vendor-named": (folders.check_vendor_names, {**VENDOR, "flows/collect.py": "import cauce.providers.acme.gateway"}),
    "migration-name": (folders.check_migrations, {"migrations/0001-first.sql": ""}),
    "migration-number": (folders.check_migrations, {"migrations/0002_create_price.sql": ""}),
    "query-heading": (queries.check_queries, {"billing/catalog/queries.sql": "TABLE catalog.price"}),
    "query-doubled": (
        queries.check_queries,
        {"billing/catalog/queries.sql": f"{QUERY};\n{QUERY}", "billing/catalog/store.py": "DUE = QUERIES.due"},
    ),
    "query-unused": (queries.check_queries, {"billing/catalog/queries.sql": QUERY}),
    "query-part-unused": (
        queries.check_queries,
        {
            "billing/catalog/queries.sql": f"-- part: mine\nx\n\n{QUERY}",
            "billing/catalog/store.py": "DUE = QUERIES.due",
        },
    ),
    "query-unknown": (
        queries.check_queries,
        {
            "billing/catalog/queries.sql": QUERY,
            "billing/catalog/store.py": "Q = load_queries(__package__)\nHAVE = Q.due\nNOT = Q.lost",
        },
    ),
    "foreign-table": (
        queries.check_query_tables,
        {**SLICE, "ledger/__init__.py": "", "billing/catalog/queries.sql": "-- name: a\nSELECT 1 FROM ledger.entry"},
    ),
    "limit-source": (numbers.check_limits, {"providers/acme/limits.py": "RECEIVERS_MAX = 50  # receivers of a call"}),
    "error-code": (errors.check_error_codes, {"flows/renew.py": 'class Late(CauceError):\n    """Too late."""'}),
    "error-message": (errors.check_error_codes, {"flows/renew.py": "class Late(CauceError):\n    code = 'late'"}),
}


@pytest.mark.parametrize("rule", PLANTED)
def test_a_planted_breach_is_caught(rule: str, tmp_path: Path) -> None:
    check, files = PLANTED[rule]
    assert rules(check, plant(tmp_path, files)) == {rule}


@pytest.mark.parametrize(
    "text",
    [
        "SECONDS: float",
        "HALF = float('0.5')",
        "def half(part: float) -> None: ...",
    ],
)
def test_a_float_is_caught_in_any_form(text: str, tmp_path: Path) -> None:
    assert rules(words.check_floats, plant(tmp_path, {"pricing/tax.py": text})) == {"float"}


def test_refusing_a_float_is_no_float(tmp_path: Path) -> None:
    tree = plant(tmp_path, {"kernel/money.py": "assert not isinstance(amount, (float, bool))"})
    assert words.check_floats(tree) == []


@pytest.mark.parametrize(
    "text",
    ["import time\nT = time.time()", "from time import monotonic", "import datetime\nD = datetime.date.today()"],
)
def test_every_way_to_the_clock_is_caught(text: str, tmp_path: Path) -> None:
    assert rules(words.check_clock, plant(tmp_path, {"flows/renew.py": text})) == {"wall-clock"}
    assert words.check_clock(plant(tmp_path / "home", {"kernel/clock.py": text})) == []


@pytest.mark.parametrize(
    "text",
    [
        "Q = f'SELECT {column} FROM ledger.entry'",
        "Q = 'insert into ledger.entry values (1)'",
        "Q = '''\n  UPDATE ledger.account SET balance = 0'''",
        "Q = 'DELETE FROM ' + table",
        "Q = 'CREATE TABLE price (id bigint)'",
        "Q = 'WITH due AS (TABLE x) TABLE due'",
        "Q = 'COMMIT'",
    ],
)
def test_sql_is_caught_whole_and_in_parts(text: str, tmp_path: Path) -> None:
    assert rules(words.check_sql_text, plant(tmp_path, {"reports/lists.py": text})) == {"sql-text"}


@pytest.mark.parametrize(
    "text",
    [
        '"""SELECT what FROM where stands in a docstring."""',
        "M = 'Update the card.'",
        "M = 'select a plan'",
        "M = 'Set it'",
    ],
)
def test_plain_words_are_no_sql(text: str, tmp_path: Path) -> None:
    assert words.check_sql_text(plant(tmp_path, {"reports/lists.py": text})) == []


def test_the_terminal_may_print(tmp_path: Path) -> None:
    assert words.check_print(plant(tmp_path, {"entrypoints/cli/output.py": "print('done')"})) == []


def test_a_query_that_reads_the_wall_clock_is_caught(tmp_path: Path) -> None:
    tree = plant(tmp_path, {"billing/catalog/queries.sql": "-- name: due\nSELECT 1 WHERE due_at <= now()"})
    assert rules(queries.check_query_time, tree) == {"wall-clock"}


def test_a_longer_module_than_its_ratchet_entry_is_caught_and_a_shorter_one_lowers_it(tmp_path: Path) -> None:
    tree = plant(tmp_path, {"kernel/money.py": LONG_MODULE})
    ratchet = tmp_path / "ratchet.toml"
    found = []
    for lines in (300, 301, 302):
        ratchet.write_text(f'[modules]\n"kernel/money.py" = {lines}\n')
        found.append({finding.rule for finding in sizes.check_sizes(tree, ratchet)})
    assert found == [{"module-size"}, set(), {"ratchet"}]


def test_a_folder_with_nothing_but_its_paragraph_lacks_nothing(tmp_path: Path) -> None:
    tree = plant(tmp_path, {"billing/usage/__init__.py": '"""Text."""', "providers/acme/__init__.py": '"""Text."""'})
    assert folders.check_slices(tree) == folders.check_providers(tree) == []


def test_a_slice_may_begin_with_its_rules_and_a_provider_with_its_numbers(tmp_path: Path) -> None:
    vendor = {"providers/acme/__init__.py": '"""Text."""', "providers/acme/limits.py": '"""Text."""'}
    tree = plant(tmp_path, {**SLICE, **vendor})
    assert folders.check_slices(tree) == folders.check_providers(tree) == []


@pytest.mark.parametrize("name", ["gateway.py", "mapping.py", "limits.py", "README.md", "fixtures", "PROVIDER"])
def test_each_part_of_a_provider_is_missed(name: str, tmp_path: Path) -> None:
    whole = [*VENDOR, "providers/acme/mapping.py", "providers/acme/limits.py", "providers/acme/README.md"]
    files = {path: VENDOR.get(path, "") for path in [*whole, "providers/acme/fixtures/charge.json"]}
    assert folders.check_providers(plant(tmp_path / "whole", files)) == []
    lacking = {path: text for path, text in files.items() if f"/acme/{name}" not in path}
    if name == "PROVIDER":
        lacking["providers/acme/__init__.py"] = '"""Text."""'
    found = [finding.message for finding in folders.check_providers(plant(tmp_path / "lacking", lacking))]
    assert len(found) == 1 and name in found[0]


def test_a_vendor_named_by_a_string_in_a_flow_is_caught(tmp_path: Path) -> None:
    tree = plant(tmp_path, {**VENDOR, "flows/collect.py": "if channel == 'acme': pass"})
    assert rules(folders.check_vendor_names, tree) == {"vendor-named"}


@pytest.mark.parametrize(
    "text",
    [
        "# Acme, limits page, read 2026-11: 50 receivers\nRECEIVERS_MAX = 50",
        "RECEIVERS_MAX = 50  # Acme, limits page, read 2026-11",
        "from datetime import date\nRECEIVERS_MAX = Sourced(50, 'receivers', 'Acme, limits page', date(2026, 11, 2))",
    ],
)
def test_a_number_with_source_and_date_is_fine(text: str, tmp_path: Path) -> None:
    assert numbers.check_limits(plant(tmp_path, {"providers/acme/limits.py": text})) == []


def test_two_errors_with_one_code_are_caught_however_deep_they_stand(tmp_path: Path) -> None:
    text = (
        "class CauceError(Exception):\n    '''Root.'''\n    code = 'internal_error'\n"
        "class Conflict(CauceError):\n    '''One.'''\n    code = 'conflict'\n"
        "class Deep(Conflict):\n    '''Two.'''\n    code = 'conflict'\n"
    )
    found = errors.check_error_codes(plant(tmp_path, {"kernel/errors.py": text}))
    assert [finding.message for finding in found] == ["conflict is the code of Conflict already"]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("NewJob('renew', now, {})", "job-unhandled"),
        ("KIND = 'renew'\nNewJob(KIND, now, {})", "job-unhandled"),
        ("Sweep('renewals', 30)", "sweep-unhandled"),
        ("NewEvent('subscription.bought', id, now, {})", "event-unknown"),
    ],
)
def test_work_that_nobody_handles_is_caught(text: str, rule: str, tmp_path: Path) -> None:
    found = check_work(plant(tmp_path, {"flows/renew.py": text}), NOTHING_HANDLED)
    assert [finding.rule for finding in found] == [rule]


def test_follow_ups_of_unknown_events_and_unknown_jobs_are_caught(tmp_path: Path) -> None:
    handled = Handled((), (), {"subscription.bought": ("renew",), "*": ("deliver",)}, catalogue=())
    found = [finding.rule for finding in check_work(plant(tmp_path, {}), handled)]
    assert found == ["event-unknown", "job-unhandled", "job-unhandled"]


@pytest.mark.parametrize("kind", ["event", "error", "setting", "route", "command"])
def test_what_is_undocumented_is_caught(kind: str, tmp_path: Path) -> None:
    page = tmp_path / documentation.REFERENCE / "page.md"
    page.parent.mkdir(parents=True)
    page.write_text("| `told` |")
    found = documentation.undocumented(Tree(tmp_path), "page.md", kind, ["told", "untold"])
    assert [(finding.rule, finding.message.split()[0]) for finding in found] == [(f"undocumented-{kind}", "untold")]


def test_a_page_that_says_something_else_than_the_code_is_caught(tmp_path: Path) -> None:
    text = render_events({"order.paid": "All payments of an order arrived."})
    page = tmp_path / documentation.REFERENCE / "events.md"
    page.parent.mkdir(parents=True)
    page.write_text(text)
    assert documentation.stale_pages(Tree(tmp_path), {"events.md": text}) == []
    found = documentation.stale_pages(Tree(tmp_path), {"events.md": text + "more", "errors.md": ""})
    assert {finding.rule for finding in found} == {"stale-page"} and len(found) == 2


def test_routes_are_seen_as_decorators_with_their_prefix_and_as_plain_entries(tmp_path: Path) -> None:
    text = (
        "router = APIRouter(prefix='/v1/customers')\n"
        "@router.post('/{id}')\nasync def update(id):\n    '''Change a customer.'''\n"
        "async def post(request):\n    '''Post journals.'''\n"
        "ROUTES = [Route('/v1/ledger/journals', post, methods=['POST'])]\n"
    )
    found = routes.routes(plant(tmp_path, {"entrypoints/api/customers.py": text}))
    assert [(one.method, one.path, one.summary) for one in found] == [
        ("POST", "/v1/customers/{id}", "Change a customer."),
        ("POST", "/v1/ledger/journals", "Post journals."),
    ]


def test_commands_are_seen_however_deep_they_stand() -> None:
    root, database = typer.Typer(), typer.Typer()
    root.command("up")(lambda: None)
    database.command("backup")(lambda: None)
    root.add_typer(database, name="db")
    assert [name for name, _ in walk_commands(typer.main.get_command(root))] == ["cauce db backup", "cauce up"]
