"""The command `plainnet explain`: which columns made a prediction, and one training step of a model in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import plainnet as pn
from plainnet._base.wording import plural
from plainnet.attribution import RowExplanation, explain_rows, text
from plainnet.attribution import html as pages_of_rows
from plainnet.cli import options
from plainnet.cli.display import console, print_whole
from plainnet.cli.groups import grouped
from plainnet.cli.models import load
from plainnet.cli.outputs import check_outputs
from plainnet.errors import InvalidValue, warn
from plainnet.explain import explain as explain_step
from plainnet.explain import html as pages_of_step
from plainnet.explain.explanation import Explanation
from plainnet.files.writing import replacing
from plainnet.network.averaging import members_of
from plainnet.tabular import Table

if TYPE_CHECKING:
    import polars as pl


FEW = 20
"""The number of rows to compare with, below which a note says how to name more."""


@grouped
def explain(
    model: options.Model,
    data: Annotated[Path, typer.Argument(help="Table with the model's columns and, but for --why, the target.")],
    *,
    row: Annotated[
        list[int] | None,
        typer.Option("--row", help="Row to explain; 1 is the first below the header. Repeat it for several. [1]"),
    ] = None,
    why: Annotated[bool, typer.Option("--why", help="Show only what each column adds to the prediction.")] = False,
    background: Annotated[
        Path | None, typer.Option(help="Table with the rows to compare with, instead of those of the table itself.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Show large arrays and all columns.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page to this file instead.")] = None,
    reading: options.LaterReading,
) -> None:
    """Show which columns made a prediction, then walk one training step on the row: every sum, gradient and update."""
    check_outputs({"--html": html}, {"the model": model, "the table": data, "the background": background})
    net, table = load(model, reading, instead="plainnet.explain and plainnet.shapley_values")
    rows = row or [1]
    frame = table.read(data, target=not why)
    for number in rows:
        if not 1 <= number <= len(frame):
            raise InvalidValue(f"--row is {number}; {data.name} has the rows 1 to {len(frame)}")
    chosen = frame[[number - 1 for number in rows]]
    step = None if why else step_on(net, table, chosen, rows, data)
    against, source = (frame, data.name) if background is None else (table.read(background), background.name)
    if len(against) < FEW:
        way = "--background takes a table of more, such as that of the training"
        warn(f"the prediction is compared with the {plural(len(against), 'row')} of {source}; {way}")
    names = [f"row {number}" for number in rows]
    explanations = explain_rows(net, table, chosen, against, names=names, source=source, warn_of_news=why)
    called = f"Row {rows[0]}" if len(rows) == 1 else f"Rows {', '.join(map(str, rows[:-1]))} and {rows[-1]}"
    show_rows(explanations, step, full, html, f"{called} of {data.name} explained")


def step_on(net: pn.Network, table: Table, chosen: pl.DataFrame, rows: Sequence[int], data: Path) -> Explanation:
    """Explain one training step on the chosen rows of a table, which all need a target."""
    assert net.history is not None
    for number, value in zip(rows, chosen[table.target.name], strict=True):
        if value is None:
            raise InvalidValue(
                f"--row is {number}, which has no {table.target.name}; a step takes rows with a target (--why does not)"
            )
    settings = net.history.settings
    first, *others = members_of(net)
    if others:
        warn(f"the model averages {len(others) + 1} networks; the training step is one of the first of them")
    return explain_step(
        first,
        table.features(chosen, place=lambda i: f"{data}, row {rows[i]}"),
        table.targets(chosen),
        loss=settings["loss"],
        optimizer=settings["optimizer"],
        examples=[f"row {number}" for number in rows],
    )


def show_rows(
    explanations: Sequence[RowExplanation], step: Explanation | None, full: bool, path: Path | None, title: str
) -> None:
    """Print what the columns add and the step, or write both to the file `path`."""
    if path is None:
        console.print(text.renderable(explanations, full))
        if step is not None:
            console.print()
            show(step, full, None)
        return
    if step is None:
        page = pages_of_rows.page(explanations, full, title)
    else:
        page = pages_of_step.page(step, full, title, [pages_of_rows.chapter(explanations, full)], pages_of_rows.STYLE)
    with replacing(path) as file:
        file.write(page.encode())
    print_whole(f"{title} in {path}")


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
