"""Tables of networks and training records, as the commands print them."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from plainnet import Network, optimizers
from plainnet._base.configurable import describe
from plainnet._base.wording import in_words
from plainnet.cli.streams import console as console  # the commands print through it
from plainnet.cli.streams import visible
from plainnet.errors import InvalidValue
from plainnet.history import History
from plainnet.network.averaging import members_of

UNLIMITED = 10_000


class PlainTable(Table):
    """A table whose columns of numbers are aligned to the right; a narrow console never breaks or cuts a number.

    Text and the heads of all columns then break between words, and a word that is too long ends in "…".
    """

    def add_row(self, *cells: Any, **options: Any) -> None:
        """Add a row of texts; a text of several lines becomes one line."""
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
    """Make a table with a line under its header; all columns but those of `left` hold numbers."""
    table = PlainTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i in set(left) else "right", overflow="ellipsis")
    return table


def print_whole(line: str) -> None:
    """Print a line with a path or a command unbroken, so that it can be copied."""
    console.print(Text(line), soft_wrap=True)


def heading(text: str) -> None:
    """Print a heading above a table."""
    console.print(f"\n{text}", style="bold")


def layer_table(net: Network) -> Table:
    """Make a table with one line per layer: shape, activation, parameters; of averaged networks, those of the first."""
    first, *others = members_of(net)
    head = f"layer of each of {len(others) + 1} networks" if others else "layer"
    table = plain_table(head, "shape", "activation", "parameters", left=(0, 2))
    inputs: int | str = net.input_size or "?"
    for layer, units, count in first.layer_sizes():
        activation = getattr(layer, "activation", None)
        table.add_row(layer.name, f"{inputs} → {units}", activation.name if activation else "", f"{count:,}")
        inputs = units
    table.add_section()
    table.add_row("total", "", net.dtype.name, f"{net.parameters.size:,}")
    return table


NOT_CHOSEN: tuple[Any, ...] = (None, False, 0, [])
"""The values of settings that switch something off."""


def record_table(history: History) -> Table:
    """Make a table of the settings of a training run, without those switched off, and of its outcome."""
    table = plain_table("training", "", left=(0, 1))
    for name, value in {**history.settings, **history.source}.items():
        if value not in NOT_CHOSEN and name not in ("epochs", "command"):
            chosen = _without_unchosen(_chosen(value) if name == "optimizer" else value)
            table.add_row(name.replace("_", " "), in_words(chosen))
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
    """Return an optimizer's name, its learning rate and all other settings that differ from their defaults."""
    try:
        made = optimizers.resolve(optimizer)
    except InvalidValue:  # the user's own
        return optimizer
    usual = optimizers.resolve(made.name).settings()
    chosen = {name: describe(value) for name, value in made.settings().items() if value != usual[name]}
    return {"name": made.name, "learning_rate": describe(made.learning_rate), **chosen}


def _without_unchosen(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {name: _without_unchosen(part) for name, part in value.items() if part not in NOT_CHOSEN}
