"""What the commands print: tables of networks, results and records."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from plainnet import Network, optimizers
from plainnet._base.configurable import describe
from plainnet.cli.streams import console as console  # the commands print through it
from plainnet.cli.streams import visible
from plainnet.errors import InvalidValue
from plainnet.history import History

UNLIMITED = 10_000


class PlainTable(Table):
    """A table whose columns of numbers are set to the right; where the console is narrow no number is broken or cut.

    Text, and the heads of all columns, are then broken between words, and a word that is too long ends in "…".
    """

    def add_row(self, *cells: Any, **options: Any) -> None:
        """Add a row of texts; one of several lines becomes one line."""
        lines = [" ".join(cell.splitlines()) if isinstance(cell, str) else cell for cell in cells]
        for i, (column, cell) in enumerate(zip(self.columns, lines, strict=False)):
            if column.justify == "right":
                number = cell if isinstance(cell, Text) else Text(visible(cell))
                number.no_wrap = True
                column.min_width = max(column.min_width or 0, number.cell_len)
                lines[i] = number
        super().add_row(*lines, **options)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.__rich_measure__(console, options.update(width=UNLIMITED)).maximum > options.max_width:
            for column in self.columns:
                if column.justify == "right":
                    words = map(cell_len, str(column.header).split())
                    column.width = max(column.min_width or 0, *words, 0)
        return super().__rich_console__(console, options)


def plain_table(*columns: str, left: Iterable[int] = ()) -> PlainTable:
    """A table with a line under its header, its columns numbers but for the `left` ones."""
    table = PlainTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i in set(left) else "right", overflow="ellipsis")
    return table


def print_whole(line: str) -> None:
    """Print a line that holds a path or a command, unbroken, so that it can be copied."""
    console.print(Text(line), soft_wrap=True)


def counted(number: int, noun: str) -> str:
    """A number of things: "1 row", "2 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def heading(text: str) -> None:
    """Print a heading above a table."""
    console.print(f"\n{text}", style="bold")


def layer_table(net: Network) -> Table:
    """A line a layer: shape, activation, parameters."""
    table = plain_table("layer", "shape", "activation", "parameters", left=(0, 2))
    inputs: int | str = net.input_size or "?"
    for layer, units, count in net.layer_sizes():
        activation = getattr(layer, "activation", None)
        table.add_row(layer.name, f"{inputs} → {units}", activation.name if activation else "", f"{count:,}")
        inputs = units
    table.add_section()
    table.add_row("total", "", net.dtype.name, f"{net.parameters.size:,}")
    return table


NOT_CHOSEN: tuple[Any, ...] = (None, False, 0, [])
"""Settings that leave something out."""


def record_table(history: History) -> Table:
    """The settings of a training run and how it went, in words; what nobody chose is left out."""
    table = plain_table("training", "", left=(0, 1))
    for name, value in {**history.settings, **history.source}.items():
        if value not in NOT_CHOSEN and name not in ("epochs", "command"):
            table.add_row(name.replace("_", " "), _in_words(_chosen(value) if name == "optimizer" else value))
    table.add_section()
    table.add_row("most epochs", f"{history.settings.get('epochs', 0):,}")
    if history.epoch:
        table.add_row("epochs run", f"{history.epoch[-1]:,}, best {history.best_epoch:,}")
    table.add_row("stopped", history.stopped)
    if history.epoch:
        table.add_row("seconds", f"{history.seconds[-1]:.2f}")
        table.add_row("last loss", f"{history.loss[-1]:.6g}")
    if history.validation_loss:
        table.add_row("best validation loss", f"{min(history.validation_loss):.6g}")
    return table


def _chosen(optimizer: Any) -> Any:
    """An optimizer's name, its learning rate and what else is not its default."""
    try:
        made = optimizers.resolve(optimizer)
    except InvalidValue:  # the user's own
        return optimizer
    usual = optimizers.resolve(made.name).settings()
    chosen = {name: describe(value) for name, value in made.settings().items() if value != usual[name]}
    return {"name": made.name, "learning_rate": describe(made.learning_rate), **chosen}


def _in_words(value: Any) -> str:
    """A setting for people: 'adam, learning rate 0.001'."""
    if isinstance(value, Mapping):
        chosen = {name: part for name, part in value.items() if name != "name" and part not in NOT_CHOSEN}
        parts = [f"{name.replace('_', ' ')} {_nested(part)}" for name, part in chosen.items()]
        return ", ".join([value["name"], *parts] if "name" in value else parts)
    if isinstance(value, list):
        return ", ".join(map(_in_words, value))
    if value is None or isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _nested(value: Any) -> str:
    return f"({_in_words(value)})" if isinstance(value, Mapping) else _in_words(value)
