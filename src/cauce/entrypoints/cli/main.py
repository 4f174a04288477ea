"""The command `cauce`: options for all commands, exit codes, and how a refusal is told.

Exit codes: 0 done, 1 refused or failed, 2 the command line is wrong, 3 something that Cauce needs does not answer.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - said in words before the first syntax that an old Python cannot read
    sys.exit("Cauce needs Python 3.11 or newer, this is {}.{}. Install a newer Python.".format(*sys.version_info[:2]))

import os
import traceback

import typer

from cauce import __version__
from cauce.entrypoints.cli import output
from cauce.entrypoints.cli.registry import register_commands
from cauce.kernel.errors import CauceError, Unavailable

# typer brings a copy of click's errors in newer versions and uses click's own in older ones.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]
_ClickError: type[Exception] = _UsageError.__bases__[0]

OK, FAILED, USAGE, UNAVAILABLE, INTERRUPTED = 0, 1, 2, 3, 130

app = typer.Typer(
    name="cauce",
    help="Billing and settlement on one double-entry ledger.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    as_json: bool = typer.Option(False, "--json", help="Answer with JSON on standard output; may stand anywhere."),
    version: bool = typer.Option(False, "--version", help="Print the version and end.", is_eager=True),
) -> None:
    """Billing and settlement on one double-entry ledger."""
    if version:
        output.emit({"version": __version__}, f"cauce {__version__}")
        raise typer.Exit(OK)
    if context.invoked_subcommand is None:
        output.note(context.get_help())
        raise typer.Exit(USAGE)


register_commands(app)


def main() -> None:
    """The program: run the command line and end with its exit code."""
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (`head`, say) has what it wanted; without this Python complains again while it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = OK
    sys.exit(code)


def run(words: list[str]) -> int:
    """Run one command line; its exit code."""
    with output.mode(as_json="--json" in _options_of(words)):
        try:
            answer = app(_json_first(words), prog_name="cauce", standalone_mode=False)
        except _ClickError as exc:
            output.usage_error(exc)
            return USAGE if isinstance(exc, _UsageError) else FAILED
        except (typer.Abort, KeyboardInterrupt):
            return INTERRUPTED
        except CauceError as exc:
            output.error(exc.code, exc.message, exc.fields)
            return UNAVAILABLE if isinstance(exc, Unavailable) else FAILED
        except Exception as exc:
            if isinstance(exc, BrokenPipeError):
                raise
            output.error("internal_error", f"a defect of Cauce: {type(exc).__name__}: {exc}")
            output.note(traceback.format_exc())
            return FAILED
    return answer if isinstance(answer, int) else OK


def _options_of(words: list[str]) -> list[str]:
    return words[: words.index("--")] if "--" in words else words


def _json_first(words: list[str]) -> list[str]:
    own = _options_of(words)
    kept = [word for word in own if word != "--json"]
    return [*(["--json"] if len(kept) < len(own) else []), *kept, *words[len(own) :]]


if __name__ == "__main__":
    main()
