"""What the commands print: tables of networks, results and records."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich import box
from rich.table import Table

from plainnet import Network
from plainnet.cli.streams import console as console  # the commands print through it
from plainnet.history import History


def plain_table(*columns: str, left: Iterable[int] = ()) -> Table:
    """A table with a line under its header, its columns set to the right but for the `left` ones."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i in set(left) else "right", overflow="fold")
    return table


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


def record_table(history: History) -> Table:
    """The settings of a training run and how it went."""
    table = plain_table("training", "", left=(0, 1))
    for name, value in history.settings.items():
        table.add_row(name, _in_words(value))
    table.add_section()
    table.add_row("stopped", history.stopped)
    if history.epoch:
        table.add_row("epochs run", f"{history.epoch[-1]:,}, best {history.best_epoch:,}")
        table.add_row("seconds", f"{history.seconds[-1]:.2f}")
        table.add_row("last loss", f"{history.loss[-1]:.6g}")
    if history.validation_loss:
        table.add_row("best validation loss", f"{min(history.validation_loss):.6g}")
    return table


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_in_words(part)}" for name, part in value.items() if part not in (None, False))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
