"""The command line: `run` parses, calls a command, and turns an error into one line and an exit status."""

import re
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from plainnet import __version__
from plainnet.cli import launch, streams
from plainnet.cli.streams import say
from plainnet.errors import PlainnetError, PlainnetWarning


class _FlagsWithoutType:
    """A command whose help shows no type beside a flag, which takes no value."""

    def get_params(self, ctx: Any) -> Any:
        """Return the parameters, --help among them."""
        parameters = super().get_params(ctx)  # type: ignore[misc]
        for parameter in parameters:
            if getattr(parameter, "is_flag", False):
                parameter.metavar = ""
        return parameters


class Command(_FlagsWithoutType, TyperCommand):
    """One command."""


class Commands(_FlagsWithoutType, TyperGroup):
    """The program with its commands."""


COMMANDS = {
    "xor": ("xor", "--hidden 8 --activation tanh --explain"),
    "train": ("train", "penguins.csv --target species --save penguins.npz"),
    "predict": ("models", "penguins.npz new.csv -o predictions.csv"),
    "evaluate": ("models", "penguins.npz more.csv"),
    "show": ("show", "penguins.csv --target species"),
    "play": ("play", "penguins.csv --target species"),
    "export": ("export", "penguins.npz -o penguins.onnx"),
    "report": ("report", "penguins.npz penguins.csv -o penguins.html"),
    "explain": ("explain", "penguins.npz penguins.csv --row 3"),
    "tune": ("tune", "penguins.csv --target species --trials 50 --storage study.db --save penguins.npz"),
    "compare": ("compare", "penguins.csv --target species --hidden 8 --hidden 64,32 --seeds 10"),
    "warmup": ("warmup", ""),
}
"""Each command with its module and an example."""


def program(arguments: Sequence[str] = ()) -> typer.Typer:
    """Return the program with all its commands, or only the one that begins the arguments, as imports take time."""
    app = typer.Typer(
        cls=Commands,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
        epilog="Begin with: plainnet xor, or plainnet train table.csv --target column",
    )
    app.callback(invoke_without_command=True)(plainnet)
    for name in [name for name in arguments[:1] if name in COMMANDS] or COMMANDS:
        module, example = COMMANDS[name]
        epilog = f"Example: plainnet {name} {example}".strip()
        command = getattr(import_module(f"plainnet.cli.{module}"), name)
        app.command(name, cls=Command, epilog=epilog)(command)
    return app


def plainnet(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False
) -> None:
    """Neural networks in plain NumPy: see one learn XOR, or train one on a table."""
    if version:
        print(f"plainnet {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())
    launch.require_alone(context.invoked_subcommand)


FAILED = 1
REFUSED = 2
INTERRUPTED = 130
OUT_OF_MEMORY = (
    "the memory is not enough for this; take fewer rows, leave out columns with many categories (--ignore), or take "
    "smaller layers (--hidden)"
)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit status is 0, or 1 for work without success, 2 for bad input, 130 for Ctrl-C."""
    with streams.ready(silent=not launch.speaks()), warnings.catch_warnings():
        warnings.simplefilter("always", PlainnetWarning)
        warnings.showwarning = _Notes(warnings.showwarning)
        try:
            words = sys.argv[1:] if arguments is None else arguments
            status: int | None = program(words)(words, prog_name="plainnet", standalone_mode=False)
            streams.finish()
            return status or 0
        except PlainnetError as error:
            return _refuse(str(error))
        except BrokenPipeError:  # nobody reads our output any more
            streams.abandon()
            return FAILED
        except MemoryError:
            return _refuse(OUT_OF_MEMORY)
        except OSError as error:
            name = f"{error.filename}: " if error.filename else ""
            return _refuse(f"{name}{error.strerror or error}")
        except (KeyboardInterrupt, typer.Abort):
            launch.refuse("interrupted")
            return INTERRUPTED
        except Exception as error:
            if not hasattr(error, "format_message"):  # typer's own errors have it; anything else is a bug
                raise
            message = error.format_message()
            return _refuse(message) if message else REFUSED


class _Notes:
    """Shows plainnet's warnings as notes, and those of other libraries only if the user asks Python for warnings."""

    def __init__(self, show: Callable[..., None]) -> None:
        self.show = show
        self.glyphs_are_said = False

    def __call__(self, message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not launch.speaks():
            return
        if issubclass(category, PlainnetWarning):
            say(f"note: {message}")
        elif MISSING_GLYPH.match(str(message)) and not self.glyphs_are_said:
            self.glyphs_are_said = True
            say("note: the pictures show boxes for some letters of the names, as no font here has them")
        elif sys.warnoptions:
            self.show(message, category, *where, **more)


MISSING_GLYPH = re.compile(r"Glyph \d+ .*missing from")
"""The beginning of matplotlib's warning of a letter that no font has."""


def _refuse(message: str) -> int:
    launch.refuse(message)
    return REFUSED
