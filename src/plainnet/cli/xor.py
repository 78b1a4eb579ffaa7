"""The command `plainnet xor`, which trains the post's network on XOR or runs the post as it was published."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

import plainnet as pn
from plainnet import adapters, losses, xor_post
from plainnet.activations import ActivationFunction
from plainnet.cli.code import KINDS, check_code, print_code
from plainnet.cli.display import console, heading, layer_table, plain_table, print_whole
from plainnet.cli.explain import explain_xor
from plainnet.cli.options import HELP, given_words, sizes
from plainnet.cli.outputs import check_outputs
from plainnet.cli.report import command_line, report_xor
from plainnet.cli.streams import errors, say
from plainnet.errors import InvalidValue
from plainnet.training.progress import show

STEPS_BETWEEN_LINES = 1000


def xor(
    context: typer.Context,
    hidden: Annotated[str, typer.Option(help="Units of each hidden layer, such as 4 or 8,4.")] = "4",
    activation: Annotated[str, typer.Option(help=HELP["activation"])] = "sigmoid",
    epochs: Annotated[int, typer.Option(help="Steps, each on all four examples.")] = 10_000,
    learning_rate: Annotated[float, typer.Option(help="Learning rate of gradient descent.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of the initial weights.")] = 1,
    loss: Annotated[str, typer.Option(help=f"{', '.join(losses.suitable_after('sigmoid'))}.")] = "mse",
    save: Annotated[Path | None, typer.Option(help="Write the trained network to this .npz file.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write a report, with pictures, to this .html file.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="First walk one step in numbers.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Show large arrays of --explain whole.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write --explain as a page to this file.")] = None,
    code: Annotated[
        str | None, typer.Option("--code", help=f"Print one step as the compiled engine runs it: {', '.join(KINDS)}.")
    ] = None,
    as_published: Annotated[
        bool, typer.Option("--as-published", help="Run the blog post as it was published, with its mistakes.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="With --as-published: compare its updates with the true gradient.")
    ] = False,
    progress: Annotated[bool, typer.Option(help="Show the progress bar.")] = True,
) -> None:
    """Train a small network on XOR and show it learning.

    It has 3 inputs, 4 hidden units and 1 output, like the network of a blog post
    that was published with five mistakes; docs/learn/five-defects.md explains them.
    The exit status is 1 if it did not learn.
    """
    if as_published:
        _refuse_other_options(context)
        _check_published() if check else _run_published()
        return
    if check:
        raise InvalidValue("--check goes with --as-published; the network of plainnet xor is checked by the tests")
    if (full or html is not None) and not explain:
        raise InvalidValue(f"{'--full' if full else '--html'} goes with --explain, which shows a step in numbers")
    if code is not None:
        check_code(code, {"--save": save, "--report": report, "--explain": explain})
    check_outputs({"--save": save, "--report": report, "--html": html}, {})
    X, y = pn.datasets.xor()
    net = pn.Network(
        *(pn.Dense(units, activation, initializer="normal") for units in sizes(hidden)),
        pn.Dense(1, "sigmoid", initializer="normal"),
        input_size=3,
        seed=seed,
        dtype="float64",
    )
    optimizer = pn.SGD(learning_rate)
    run = {"loss": loss, "optimizer": optimizer, "epochs": epochs, "batch_size": None}
    if code is not None:
        print_code(net, X, y, run, code)
        return
    reports = net.training(X, y, **run, report_every=min(100, epochs))
    console.print("XOR: is exactly one of the first two inputs 1? The third input is always 1.")
    console.print(_truth_table(X, y))
    console.print(layer_table(net))
    if explain:
        explain_xor(net, X, y, loss, optimizer, full, html)
        console.print()
    _print_loss(0, net.evaluate(X, y, loss=loss)["loss"])
    assert net.history is not None
    net.history.source["command"] = command_line(context)
    interrupted = False
    try:
        # Lines that are printed while a bar is drawn on the same terminal have to go through its console.
        on = console if sys.stdout.isatty() and sys.stderr.isatty() else errors
        for step in show(reports, on, unit="step") if progress else reports:
            if step.epoch % STEPS_BETWEEN_LINES == 0 or step.epoch == step.epochs:
                _print_loss(step.epoch, net.evaluate(X, y, loss=loss)["loss"])
    except KeyboardInterrupt:
        interrupted = True
    finally:
        reports.close()
        if save is not None and net.history.epoch:  # however the run ended
            net.save(save)
    if interrupted:
        if not net.history.epoch:
            raise KeyboardInterrupt  # nothing learned yet, nothing saved
        where = f"was saved to {save}" if save is not None else "was not saved, as there was no --save"
        say(f"interrupted; the network so far {where}")
        raise typer.Exit(130)
    if save is not None:
        print_whole(f"Saved to {save}")
    if report is not None:
        report_xor(report, net, X, y)
    _finish(net, X, y, why_impossible(sizes(hidden), adapters.activation_of(activation)))


def _print_loss(step: int, loss: float) -> None:
    console.print(f"step {step:>7,}   loss {loss:.10f}")


def _finish(net: pn.Network, X: Any, y: Any, impossible: str | None) -> None:
    predictions = net.predict(X)
    right = (predictions > 0.5) == (y == 1)
    heading("What it learned")
    console.print(_learned_table(X, y, predictions, right))
    if right.all():
        console.print("The network learned XOR.")
        return
    advice = impossible or "Another --seed, more --epochs or another --learning-rate may do."
    console.print(f"The network did not learn XOR: {int((~right).sum())} of 4 examples are wrong. {advice}")
    raise typer.Exit(1)


def why_impossible(hidden: Sequence[int], activation: ActivationFunction) -> str | None:
    """Say why no weights of a network with these hidden layers compute XOR; return None if some do.

    Such a network computes a function of a single sum, w₁x₁ + w₂x₂ + b, which only rises or only falls with the sum.
    So the examples that it takes for 1 lie on one side of a straight line, and those of XOR do not. A second unit bends
    the line; so does a single unit whose activation both falls and rises, such as silu.
    """
    softmax, name = not activation.elementwise, activation.name
    sums = [units - softmax for units in hidden]  # the outputs of a softmax add up to 1, so one follows from the others
    if not hidden:
        what = "without a hidden layer it is a single unit"
    elif min(sums) == 0:
        return f"{IMPOSSIBLE}: a softmax of one unit is 1 whatever comes in. {ENOUGH}"
    elif softmax:
        what = "a softmax of two units passes on one sum, and only rises with it" if max(sums) == 1 else ""
    else:
        z = np.linspace(-30, 30, 6001)
        slopes = np.broadcast_to(activation.derivative(z, activation.value(z)), z.shape)
        if np.ptp(slopes) == 0:
            what = f"{name} units, however many there are, add up to a single unit"
        else:
            only_rises = max(hidden) == 1 and not slopes.min() < 0 < slopes.max()
            what = f"a single hidden unit passes on one sum, and {name} only rises with it" if only_rises else ""
    return f"{IMPOSSIBLE}: {what}, and that draws a straight line. {NO_LINE} {ENOUGH}" if what else None


IMPOSSIBLE = "No weights of this network compute XOR"
NO_LINE = (
    "No line w₁x₁ + w₂x₂ + b = 0 has the ones of XOR on one side and the zeros on the other: that takes w₁ + b > 0 and "
    "w₂ + b > 0, but b ≤ 0 and w₁ + w₂ + b ≤ 0, and both pairs add up to w₁ + w₂ + 2b."
)
ENOUGH = "Two hidden units are enough: --hidden 2 --activation sigmoid."


def _truth_table(X: Any, y: Any) -> Table:
    table = plain_table("x₁", "x₂", "x₃", "XOR")
    for row, target in zip(X.astype(int), y.astype(int), strict=True):
        table.add_row(*map(str, row), str(target[0]))
    return table


def _learned_table(X: Any, y: Any, predictions: Any, right: Any) -> Table:
    table = plain_table("x₁", "x₂", "x₃", "XOR", "prediction", "error", "")
    for row, target, prediction, is_right in zip(X.astype(int), y[:, 0], predictions[:, 0], right[:, 0], strict=True):
        verdict = Text("right", "green") if is_right else Text("wrong", "red")
        error = f"{prediction - target:+.4f}"
        table.add_row(*map(str, row), str(int(target)), f"{prediction:.4f}", error, verdict)
    return table


def _refuse_other_options(context: typer.Context) -> None:
    """Raise InvalidValue for an option that would change the post's one network and one run."""
    for name in given_words(context).keys() - {"as_published", "check"}:
        option = f"--{name.replace('_', '-')}"
        raise InvalidValue(f"{option} does not go with --as-published, which runs the post as it is")


def _run_published() -> None:
    with np.errstate(over="ignore"):
        for loss in xor_post.published_losses():
            console.print(f"Loss:  {loss}")
    console.print(f"\n{xor_post.WHY_LATER_DIGITS_DIFFER}")
    console.print("What is wrong in the post, and the proof: plainnet xor --as-published --check")


def _check_published() -> None:
    console.print("The post's first update of each array, against the true gradient of its mean squared error:\n")
    table = plain_table("array", "relative error", "caused by defects", "error with these corrected")
    for array in xor_post.check_published():
        name = array.name.replace("_", " ")
        table.add_row(name, f"{array.error:.3f}", ", ".join(map(str, array.defects)), f"{array.error_mended:.1e}")
    console.print(table)
    for number in sorted(xor_post.IN_THE_UPDATE):
        console.print(f"{number}  {xor_post.DEFECTS[number]}")
    console.print("\nTwo more do not change the update:\n")
    for number in sorted(set(xor_post.DEFECTS) - xor_post.IN_THE_UPDATE):
        console.print(f"{number}  {xor_post.DEFECTS[number]}")
