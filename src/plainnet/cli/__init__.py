"""The command line: `run` parses, calls a command, and turns a refusal into one line and an exit status."""

import os
import sys
import warnings
from collections.abc import Sequence
from typing import Annotated

import typer

from plainnet import __version__
from plainnet.cli import compare, explain, export, models, report, train, warmup, xor
from plainnet.errors import PlainnetError, PlainnetWarning

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("xor")(xor.xor)
app.command("train")(train.train)
app.command("predict")(models.predict)
app.command("evaluate")(models.evaluate)
app.command("show")(models.show)
app.command("export")(export.export)
app.command("report")(report.report)
app.command("explain")(explain.explain)
app.command("compare")(compare.compare)
app.command("warmup")(warmup.warmup)


@app.callback(invoke_without_command=True)
def plainnet(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False
) -> None:
    """Neural networks in plain NumPy: see one learn XOR, or train one on a table."""
    if version:
        print(f"plainnet {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


FAILED = 1
REFUSED = 2
INTERRUPTED = 130


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 0, 1 where the work came to nothing, 2 for bad input, 130 for Ctrl-C."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", PlainnetWarning)
        warnings.showwarning = _show_warning  # type: ignore[assignment]
        try:
            return app(arguments, prog_name="plainnet", standalone_mode=False) or 0
        except PlainnetError as error:
            return _refuse(str(error))
        except BrokenPipeError:  # whoever read our output has gone: nothing is left to say
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        except OSError as error:
            name = f"{error.filename}: " if error.filename else ""
            return _refuse(f"{name}{error.strerror or error}")
        except (KeyboardInterrupt, typer.Abort):
            _say("interrupted")
            return INTERRUPTED
        except Exception as error:
            if not hasattr(error, "format_message"):  # typer's own refusals have it; anything else is a bug of ours
                raise
            message = error.format_message()
            return _refuse(message) if message else REFUSED


def _show_warning(message: Warning | str, *_: object) -> None:
    _say(f"note: {message}")


def _refuse(message: str) -> int:
    _say(" ".join(message.split()))
    return REFUSED


def _say(line: str) -> None:
    print(f"plainnet: {line}", file=sys.stderr)
