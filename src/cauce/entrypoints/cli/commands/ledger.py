"""`cauce ledger`: prove the books, show and export them, close and reopen months."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.session import current_settings, database_source
from cauce.kernel.errors import InvalidRequest
from cauce.storage.database import Database, Tx
from cauce.storage.directory.orgs import Org, find_org, list_orgs

app = typer.Typer(help="The ledger: verify, balance, export, close and reopen months.")

OrgOption = Annotated[str, typer.Option("--org", help="The organization's id; may be left out when there is only one.")]
BookOption = Annotated[str, typer.Option("--book", help="platform or custody.")]
ChannelOption = Annotated[str, typer.Option("--channel", help="The holder's channel, for a custody book.")]
MonthArgument = Annotated[str, typer.Argument(help="The month, as 2026-03.")]
ByOption = Annotated[str, typer.Option("--by", help="Who does it.")]

_T = TypeVar("_T")


@app.command()
def verify(
    org: Annotated[str, typer.Option("--org", help="One organization; all of them when left out.")] = "",
) -> None:
    """Recompute every balance, sum, reserve and seal; exit code 1 and the first row that lies when one does."""
    from cauce.ledger.verify import verify as prove

    async def work(database: Database) -> dict[str, list[str]]:
        async with database.transaction() as tx:
            orgs = [await find_org(tx, org)] if org else await list_orgs(tx)
        found = {}
        for one in orgs:
            async with database.transaction(one.id) as tx:
                found[one.public_id] = [str(finding) for finding in await prove(tx)]
            output.note(f"{one.public_id}: {len(found[one.public_id]) or 'no'} findings")
        return found

    found = _run("cauce ledger verify", work)
    findings = [f"{name}: {finding}" for name, all_of_it in found.items() for finding in all_of_it]
    output.emit({"organizations": found, "ok": not findings}, *(findings or [f"{len(found)} ledgers are whole"]))
    if findings:
        raise typer.Exit(1)


@app.command()
def balance(
    org: OrgOption = "",
    account: Annotated[str, typer.Option("--account", help="Accounts whose code begins so, instead of the sums.")] = "",
    at: Annotated[str, typer.Option("--at", help="The sums of what took effect up to this instant (ISO 8601).")] = "",
) -> None:
    """Show the trial balance per book, holder and currency, or single accounts. Amounts are minor units."""
    from cauce.ledger import reading

    async def totals(tx: Tx) -> list[reading.Total]:
        return await reading.trial_balance(tx, effective_at=_instant(at) if at else None)

    async def accounts(tx: Tx) -> list[reading.Standing]:
        return await reading.standings(tx, code_prefix=account, rows_max=reading.ROWS_MAX)

    if account:
        found = _run("cauce ledger balance", _reading(org, accounts))
        lines = [
            (one.account.book, one.account.channel_id, one.account.code, one.account.currency, one.balance_minor, one.held_minor)
            for one in found
        ]  # fmt: skip
        _table(("book", "channel", "account", "currency", "balance_minor", "held_minor"), lines)
        return
    sums = _run("cauce ledger balance", _reading(org, totals))
    _table(
        ("book", "channel", "currency", "debit_minor", "credit_minor", "difference_minor"),
        [
            (one.book, one.channel_id, one.currency, one.debit_minor, one.credit_minor, one.balance_minor)
            for one in sums
        ],
    )


@app.command()
def export(
    org: OrgOption = "",
    form: Annotated[str, typer.Option("--format", help="csv or jsonl.")] = "csv",
    file: Annotated[Path | None, typer.Option("--file", help="Where to write; standard output when left out.")] = None,
    after: Annotated[int, typer.Option("--after", help="Only journals behind this number.")] = 0,
) -> None:
    """Write every entry, oldest first, as CSV or JSON lines."""
    from cauce.ledger.exporting import Form
    from cauce.ledger.exporting import export as pieces

    chosen = _choice(Form, form, "--format")

    async def work(database: Database) -> int:
        org_id, size_bytes = (await _org(database, org)).id, 0
        with file.open("xb") if file else _standard_output() as target:
            async for piece in pieces(database, org_id, chosen, after=after):
                size_bytes += target.write(piece)
        return size_bytes

    size_bytes = _run("cauce ledger export", work)
    if file is not None:
        output.emit({"file": file, "size_bytes": size_bytes}, f"{file}: {size_bytes} bytes")


@app.command()
def close(
    month: MonthArgument,
    by: ByOption,
    org: OrgOption = "",
    book: BookOption = "platform",
    channel: ChannelOption = "",
    explain: Annotated[
        list[str] | None, typer.Option("--explain", help="line=why, for a line that is not green.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Show the checklist and close nothing.")] = False,
) -> None:
    """Close an accounting month over its checklist; what is not green must be explained by name."""
    from cauce.flows import closing
    from cauce.ledger.months import Line
    from cauce.storage.audit import Actor

    explained = dict(_pair(text) for text in explain or ())

    async def work(database: Database) -> list[Line]:
        org_id, name = (await _org(database, org)).id, _month(month, book, channel)
        if check:
            return await closing.checklist(database, org_id, name)
        return await closing.close_month(database, org_id, name, explained=explained, actor=Actor(by))

    lines = _run("cauce ledger close", work)
    data = [{"line": one.name, "green": one.is_green, "detail": one.detail} for one in lines]
    told = [
        f"{'ok  ' if one.is_green else 'open'}  {one.name}{'' if one.is_green else ': ' + one.detail}" for one in lines
    ]
    output.emit(
        {"month": month, "closed": not check, "checklist": data}, *told, *([] if check else [f"{month} is closed"])
    )


@app.command()
def reopen(
    month: MonthArgument,
    by: ByOption,
    approved_by: Annotated[str, typer.Option("--approved-by", help="The second person.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    org: OrgOption = "",
    book: BookOption = "platform",
    channel: ChannelOption = "",
) -> None:
    """Open a closed month and all later ones again; takes two persons and a reason."""
    from cauce.flows import closing
    from cauce.ledger.months import MonthName
    from cauce.storage.audit import Actor

    async def work(database: Database) -> list[MonthName]:
        org_id, name = (await _org(database, org)).id, _month(month, book, channel)
        return await closing.reopen_month(
            database, org_id, name, actor=Actor(by), approved_by=approved_by, reason=reason
        )

    opened = [str(name) for name in _run("cauce ledger reopen", work)]
    output.emit({"reopened": opened}, *(f"{name} is open" for name in opened))


@app.command()
def rates(
    file: Annotated[Path, typer.Argument(help="A CSV file: currency, valid_on, rate, source.")],
    base: Annotated[str, typer.Option("--base", help="The book currency, in whose units the rates are.")],
    by: ByOption,
    org: OrgOption = "",
) -> None:
    """Put down what currencies are worth in the book currency (G14). A rate is never changed; the same again is nothing."""
    from cauce.entrypoints.cli.book_rates import read_rates
    from cauce.ledger.rates import put_rates
    from cauce.storage.audit import Actor

    given = read_rates(file)

    async def work(database: Database) -> int:
        async with database.transaction((await _org(database, org)).id) as tx:
            await put_rates(tx, base, given, Actor(by))
        return len(given)

    count = _run("cauce ledger rates", work)
    output.emit({"base": base, "rates": count}, f"{count} rates in {base} stand")


def _run(command: str, work: Callable[[Database], Coroutine[Any, Any, _T]]) -> _T:
    settings = current_settings()

    async def main(dsn: str) -> _T:
        async with _connected(dsn) as database:
            return await work(database)

    with database_source(settings, command) as source:
        return asyncio.run(main(source.dsn))


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[Database]:
    database = await Database.connect(dsn, connections_max=2)
    try:
        yield database
    finally:
        await database.close()


def _reading(org: str, read: Callable[[Tx], Coroutine[Any, Any, _T]]) -> Callable[[Database], Coroutine[Any, Any, _T]]:
    async def work(database: Database) -> _T:
        async with database.transaction((await _org(database, org)).id) as tx:
            return await read(tx)

    return work


async def _org(database: Database, public_id: str) -> Org:
    async with database.transaction() as tx:
        if public_id:
            return await find_org(tx, public_id)
        found = await list_orgs(tx)
    if len(found) != 1:
        raise InvalidRequest(f"there are {len(found)} organizations: name one with --org", param="org")
    return found[0]


def _month(text: str, book: str, channel: str) -> Any:
    from cauce.ledger.months import MonthName
    from cauce.ledger.rules import Book

    try:
        starts_on = date.fromisoformat(f"{text}-01")
    except ValueError as exc:
        raise InvalidRequest(f"{text!r} is not a month like 2026-03", param="month") from exc
    return MonthName(_choice(Book, book, "--book"), channel, starts_on)


def _choice(choices: Any, text: str, param: str) -> Any:
    try:
        return choices(text)
    except ValueError as exc:
        raise InvalidRequest(f"{param} is one of {', '.join(choices)}", param=param) from exc


def _pair(text: str) -> tuple[str, str]:
    line, _, why = text.partition("=")
    if not why.strip():
        raise InvalidRequest(f"{text!r} is not line=why", param="explain")
    return line.strip(), why.strip()


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as exc:
        raise InvalidRequest(f"{text!r} is not an instant like 2026-03-31T23:59:59Z", param="at") from exc
    if instant.tzinfo is None:
        raise InvalidRequest("the instant needs a time zone, as in 2026-03-31T23:59:59Z", param="at")
    return instant


def _table(headings: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    output.emit([dict(zip(headings, row, strict=True)) for row in rows], *output.table(headings, rows))


def _standard_output() -> Any:
    from contextlib import nullcontext

    return nullcontext(sys.stdout.buffer)
