"""What staff know about one customer and do with him, as his page shows it: owner, tags, tasks, talks, trial clock, last payment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request

from cauce.billing.relations import knowing as relations
from cauce.entrypoints.web.tables import Button, Cell, Input, amount, moment, text
from cauce.kernel.errors import InvalidRequest
from cauce.reports import conversations
from cauce.reports import relations as report
from cauce.storage.database import Row, Tx
from cauce.storage.directory import people

TIMELINE_ROWS = 50


@dataclass(frozen=True, slots=True)
class Related:
    """A customer's owner, tags, tasks and conversations, and who could own him."""

    owner: str
    tags: list[str]
    todos: list[Row]
    talks: list[Row]
    members: list[str]


async def read_related(tx: Tx, customer_id: str) -> Related:
    """All of it."""
    return Related(
        await relations.owner_of(tx, customer_id),
        await relations.tags_of(tx, customer_id),
        await report.todos(tx, customer_id=customer_id),
        await conversations.inbox(tx, customer_id=customer_id),
        [row["email"] for row in await people.members(tx, tx.org)],
    )


def relation_facts(related: Related, subscribed: Sequence[Row], paid: Sequence[Row]) -> list[tuple[str, Cell]]:
    """Who looks after him, what he is worth a month, until when he tries, when he paid last."""
    trial = [row["trial_end"] for row in subscribed if row["status"] == "trialing"]
    worth: dict[str, int] = {}
    for row in subscribed:
        if row["status"] in ("active", "past_due"):
            worth[row["currency"]] = worth.get(row["currency"], 0) + row["mrr_minor"]
    return [
        ("customers.owner", text(related.owner)),
        *(("customers.mrr", amount(value, currency)) for currency, value in sorted(worth.items())),
        *([("customers.trial_end", moment(min(trial)))] if trial else []),
        *([("customers.last_payment", amount(paid[0]["amount_minor"], paid[0]["currency"]))] if paid else []),
    ]


def relation_actions(related: Related, path: str) -> list[Button]:
    """Note, task, owner."""
    members = tuple((one, one) for one in related.members)
    return [
        Button(f"{path}/notes", "relations.note", inputs=(Input("body", "relations.words", kind="textarea"),)),
        Button(
            f"{path}/todos",
            "relations.task",
            inputs=(
                Input("title", "relations.title"),
                Input("owner", "relations.owner", value=related.owner, options=(("", "–"), *members)),
                Input("due_on", "relations.due_on", kind="date", required=False),
            ),
        ),
        Button(
            f"{path}/owner",
            "relations.set_owner",
            inputs=(Input("owner", "relations.owner", value=related.owner, options=(("", "–"), *members)),),
        ),
    ]


def before_of(request: Request) -> datetime:
    """From which instant on a timeline is read backwards."""
    typed = request.query_params.get("before", "")
    if not typed:
        return report.LATEST
    try:
        at = datetime.fromisoformat(typed)
    except ValueError:
        raise InvalidRequest("before is an instant", param="before") from None
    if at.tzinfo is None:
        raise InvalidRequest("before names no zone", param="before")
    return at


def older_than(rows: Sequence[Row]) -> str:
    """The address of what came before these rows; "" when they are all."""
    if len(rows) < TIMELINE_ROWS:
        return ""
    return f"?before={rows[-1]['occurred_at'].isoformat().replace('+', '%2B')}"
