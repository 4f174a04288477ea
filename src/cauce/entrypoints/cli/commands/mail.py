"""`cauce mail`: the door of a mail server on this machine, which pipes what comes for the answer mailbox into it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cauce.entrypoints.cli import output
from cauce.kernel.errors import CauceError

if TYPE_CHECKING:
    from cauce.app import App
    from cauce.flows.chat.by_mail import Taken

# sysexits.h, as mail servers read them: bounce to the sender, or keep and try again.
REFUSED, AGAIN = 65, 75

app = typer.Typer(help="Answers by mail.")


@app.callback()
def group() -> None:
    """Answers by mail."""


@app.command()
def receive(
    recipient: Annotated[
        str, typer.Option("--recipient", help="Address on the mail's envelope, where the server knows it.")
    ] = "",
) -> None:
    """Take one mail from standard input. Ends with 65 when it is refused, 75 when it should be tried again."""
    from cauce.billing.conversations.mails import MAIL_BYTES_MAX
    from cauce.entrypoints.cli.application import run_with_app
    from cauce.flows.chat import by_mail

    raw = sys.stdin.buffer.read(MAIL_BYTES_MAX + 1)

    async def work(app: App) -> Taken:
        return await by_mail.receive(app.runtime, raw, recipients=[recipient] if recipient else [])

    try:
        taken = run_with_app("cauce mail receive", work)
    except CauceError as exc:
        output.error(exc.code, exc.message, exc.fields)
        raise typer.Exit(REFUSED if exc.http_status < 500 and not exc.retryable else AGAIN) from exc
    except Exception as exc:
        output.error("internal_error", f"{type(exc).__name__}: {exc}")
        raise typer.Exit(AGAIN) from exc
    told = {"result": taken.result, "conversation": taken.conversation_id, "message": taken.message_id}
    output.emit({**told, "reason": taken.reason}, f"{taken.result} {taken.conversation_id or taken.reason}".strip())
