"""The command `plainnet explain`, which shows one training step of a model in numbers."""

from pathlib import Path
from typing import Annotated, Any

import typer

import plainnet as pn
from plainnet.cli import options
from plainnet.cli.display import console, print_whole
from plainnet.cli.models import load
from plainnet.cli.outputs import check_outputs
from plainnet.errors import InvalidValue
from plainnet.explain import explain as explain_step
from plainnet.explain.explanation import Explanation
from plainnet.files.writing import replacing


def explain(
    model: options.Model,
    data: options.TableWithTarget,
    row: Annotated[
        list[int] | None,
        typer.Option("--row", help="Row to explain; 1 is the first below the header. Repeat it for several. [1]"),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Show large arrays whole.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page to this file instead.")] = None,
    missing: options.Missing = None,
    separator: options.Separator = None,
) -> None:
    """Walk one training step on rows of a table: every sum, every gradient with its formula, every update."""
    check_outputs({"--html": html}, {"the model": model, "the table": data})
    net, table = load(model, missing, separator, instead="plainnet.explain")
    assert net.history is not None
    rows = row or [1]
    frame = table.read(data, target=True)
    for number in rows:
        if not 1 <= number <= len(frame):
            raise InvalidValue(f"--row is {number}; {data.name} has the rows 1 to {len(frame)}")
    chosen = frame[[number - 1 for number in rows]]
    for number, value in zip(rows, chosen[table.target.name], strict=True):
        if value is None:
            raise InvalidValue(f"--row is {number}, which has no {table.target.name}; it takes rows with a target")
    settings = net.history.settings
    step = explain_step(
        net,
        table.features(chosen, place=lambda i: f"{data}, row {rows[i]}"),
        table.targets(chosen),
        loss=settings["loss"],
        optimizer=settings["optimizer"],
        examples=[f"row {number}" for number in rows],
    )
    show(step, full, html)


def explain_xor(net: pn.Network, X: Any, y: Any, loss: str, optimizer: Any, full: bool, html: Path | None) -> None:
    """Print, or write to `html`, one training step of the XOR network on its four examples."""
    names = [" ".join(f"{value:.0f}" for value in example) for example in X]
    show(explain_step(net, X, y, loss=loss, optimizer=optimizer, examples=names), full, html)


def show(step: Explanation, full: bool, html: Path | None) -> None:
    """Print the explanation, or write it to the file `html`."""
    if html is None:
        console.print(step.rich(full=full))
        return
    with replacing(html) as file:
        file.write(step.to_html(full=full).encode())
    print_whole(f"One training step explained in {html}")
