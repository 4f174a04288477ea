"""`cauce compliance`: the go-live gate, the rules K1–K22, licences, the self-check signed by a person and as a document."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.acting import OrgOption, in_org

if TYPE_CHECKING:
    from cauce.flows.context import Context
    from cauce.marketplace.compliance.rules import Answer

app = typer.Typer(help="The go-live gate, the rules that keep merchants' money apart, licences, the self-check.")

DateOption = Annotated[datetime, typer.Option(formats=["%Y-%m-%d"])]
_T = TypeVar("_T")


@app.command()
def check(org: OrgOption = "") -> None:
    """Ask the database for every row that breaks a rule; the exit code is 1 when there is one."""
    from cauce.entrypoints.api.compliance import shown
    from cauce.flows.marketplace.compliance import read_gate
    from cauce.reports.compliance import RULES

    gate = _run(org, read_gate)
    broken = {one.rule for one in gate.broken}
    lines = output.table(
        ("rule", "says", "state"), [[one.id, one.says, "BROKEN" if one.id in broken else "holds"] for one in RULES]
    )
    output.emit(shown(gate), *lines, *(str(one) for one in gate.broken))
    if gate.broken:
        raise typer.Exit(1)


@app.command()
def gate(org: OrgOption = "") -> None:
    """Show whether a live organization may take other sellers' orders, channel by channel."""
    from cauce.entrypoints.api.compliance import shown
    from cauce.flows.marketplace.compliance import read_gate

    found = _run(org, read_gate)
    rows = [
        [one.name, "yes" if one.is_signed else "no", one.licensed_until or "none", "open" if one.is_open else "closed"]
        for one in found.channels
    ]
    output.emit(shown(found), *output.table(("channel", "signed for", "licensed until", "gate"), rows))


@app.command()
def sign(
    answers: Annotated[Path, typer.Argument(help='JSON: {"1": {"answer": "…", "evidence": "…"}, …}; 12 questions.')],
    person: Annotated[str, typer.Option("--person", help="The e-mail of the member who signs, an owner or admin.")],
    org: OrgOption = "",
) -> None:
    """Sign the self-check for every channel; the gate is open for a year where the licence is in force."""
    from cauce.flows.marketplace.compliance import sign as sign_it

    given = _answers(answers)
    signed = _run(org, lambda context: sign_it(context, given), person=person)
    output.emit({"self_check": signed}, f"{signed} is signed by {person}.")


@app.command()
def questions() -> None:
    """List the questions of the self-check, each with the rule it concerns."""
    from cauce.marketplace.compliance.rules import QUESTIONS

    data = [{"number": one.number, "question": one.text, "rule": one.rule} for one in QUESTIONS]
    output.emit(data, *(f"{one.number}. {one.text} ({one.rule})" for one in QUESTIONS))


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write: .pdf or .md by its name.")], org: OrgOption = ""
) -> None:
    """Write the self-check as a document: answers, evidence, channels, licences, rules."""
    from cauce.entrypoints.web.papers import pdf_of
    from cauce.flows.marketplace.compliance import read_gate, record_of

    text = record_of(_run(org, read_gate))
    file.write_bytes(pdf_of(text) if file.suffix == ".pdf" else text.encode())
    output.emit({"file": str(file)}, f"{file} is written.")


@app.command()
def licence(
    channel: Annotated[str, typer.Argument(help="The channel (ch_…) whose holder has the licence.")],
    holder: Annotated[str, typer.Option()],
    number: Annotated[str, typer.Option()],
    authority: Annotated[str, typer.Option()],
    valid_from: DateOption,
    valid_until: DateOption,
    kind: Annotated[str, typer.Option()] = "payment",
    holder_class: Annotated[
        str, typer.Option("--class", help="bank, licensed_psp or card_scheme_psp.")
    ] = "licensed_psp",
    clearing_route: Annotated[str, typer.Option(help="The bank itself, UnionPay, NetsUnion or another.")] = "NetsUnion",
    org: OrgOption = "",
) -> None:
    """Record a licence; notices come 90, 30 and 7 days before it ends."""
    from cauce.flows.marketplace.compliance import record_licence
    from cauce.marketplace.compliance.rules import NewLicence

    new = NewLicence(
        channel, holder, holder_class, kind, number, authority, clearing_route, valid_from.date(), valid_until.date()
    )
    made = _run(org, lambda context: record_licence(context, new))
    output.emit({"licence": made}, f"{made} is recorded.")


def _answers(file: Path) -> dict[int, Answer]:
    from cauce.kernel.errors import InvalidRequest
    from cauce.marketplace.compliance.rules import Answer

    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
        return {int(number): Answer(str(one["answer"]), str(one["evidence"])) for number, one in found.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise InvalidRequest(f"{file} holds no answers: {exc}", param="answers") from exc


def _run(org: str, work: Callable[[Context], Awaitable[_T]], *, person: str = "") -> _T:
    return in_org("cauce compliance", org, work, person=person)
