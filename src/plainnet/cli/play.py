"""The command `plainnet play`, which shows a network in training on a page in the browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from plainnet.cli import options
from plainnet.cli.groups import grouped
from plainnet.cli.options import DATA, option
from plainnet.cli.streams import console
from plainnet.cli.train_options import Reading
from plainnet.errors import InvalidValue
from plainnet.play.opening import new_session, sessions_of, table_in_memory
from plainnet.play.server.serve import PlayServer
from plainnet.tabular.texts import spelled

if TYPE_CHECKING:
    from plainnet.play.session.examples import Held
    from plainnet.play.session.session import Session


@grouped
def play(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILES",
            help="Table to learn from, or a model of plainnet train and a table with its columns; nothing for XOR.",
        ),
    ] = None,
    *,
    target: Annotated[str | None, option("Column to predict.", DATA)] = None,
    task: options.Task = None,
    reading: Reading,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the initial weights. [0, or the model's]")] = None,
    lesson: Annotated[int | None, typer.Option(min=1, max=6, help="Open the page with this lesson, 1 to 6.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of 127.0.0.1; 0 takes one that is free.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")] = True,
) -> None:
    """Watch a network learn on a page in the browser, and change whatever you like while it does."""
    make: Callable[[], Session] = partial(new_session, seed or 0)
    if files:
        held = held_of(files, target, task, reading)
        assert held.setup is not None
        make = sessions_of(held if seed is None else replace(held, setup={**held.setup, "seed": seed}))
    else:
        refuse_given("goes with a table", target=target, task=task, **vars(reading))
    with PlayServer(make, port, lesson) as server:
        server.start()
        console.print(f"plainnet play is at {server.url}", soft_wrap=True)
        console.print("Ctrl-C ends it.")
        if browser and not server.open_browser():
            console.print("No browser was found here: open the address in one.")
        server.wait(until_left=False)


def held_of(files: list[Path], target: str | None, task: str | None, reading: Reading) -> Held:
    """Return what the sessions begin with: a table, or a model and a table."""
    from plainnet.cli.models import load  # what XOR, whose page opens at once, does without
    from plainnet.play.session import given

    *models, data = files
    if len(models) > 1:
        raise InvalidValue(f"play takes a table, or a model and a table, and {len(files)} files were given")
    if not models and data.suffix.lower() == ".npz":
        raise InvalidValue(f"{data} needs a table to be shown on: plainnet play {data} table.csv")
    if models:
        later = {field.name: getattr(reading, field.name) for field in fields(options.LaterReading)}
        others = {name: value for name, value in vars(reading).items() if name not in later}
        refuse_given(
            "goes with a table alone; the model knows it from its training", target=target, task=task, **others
        )
        net, table = load(models[0], options.LaterReading(**later), instead="plainnet.play")
        net.table = table.to_dict()
        return given.held_model(net, table_in_memory(data))
    if target is None:
        raise InvalidValue(f"--target is missing: the column of {data} to predict")
    read = reading.options
    read = replace(read, columns={**read.columns, **dict.fromkeys(reading.ignored, "ignore")})
    return given.held_table(table_in_memory(data), spelled(target), read, task)


def refuse_given(why: str, **values: Any) -> None:
    """Raise InvalidValue for an option that was given and has no meaning here."""
    for name, value in values.items():
        if value is not None:
            raise InvalidValue(f"--{name.rstrip('s') if name == 'columns' else name} {why}")
