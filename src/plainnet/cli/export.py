"""The command `plainnet export`, which writes a model for other programs."""

from pathlib import Path
from typing import Annotated

import typer

import plainnet as pn
from plainnet._base import checks
from plainnet.cli.display import print_whole
from plainnet.cli.outputs import check_outputs
from plainnet.errors import InvalidValue
from plainnet.export import FORMATS, format_of
from plainnet.export.script import weights_file

NAMES = {
    "onnx": "{}.onnx",
    "safetensors": "{}.safetensors",
    "script": "{}_script.py",
    "trainer": "{}_trainer.py",
    "c": "{}.c",
}
"""The name of the file to write for each format; {} is the name of the model."""


def export(
    model: Annotated[Path, typer.Argument(help="Model file.")],
    to: Annotated[
        str | None, typer.Option("--to", help=f"{', '.join(FORMATS)}; by the ending of --output if not given.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write; named after the model if not given.")
    ] = None,
    layout: Annotated[
        str | None, typer.Option("--layout", help="Names in a safetensors file: plainnet (as is) or pytorch.")
    ] = None,
) -> None:
    """Write a model as ONNX, safetensors, plain NumPy or C."""
    if to is not None:
        checks.one_of("--to", to, FORMATS)
    elif output is not None:
        to = format_of(output)
    else:
        raise InvalidValue(f"--to is missing; it takes one of: {', '.join(FORMATS)}")
    if layout is not None and to != "safetensors":
        raise InvalidValue(f"--layout does not go with {to}; it goes with safetensors")
    output = output or model.with_name(NAMES[to].format(model.stem))
    files: dict[str, Path | None] = {"--output": output}
    if to == "script":
        files["the file of weights beside --output"] = weights_file(output)
    check_outputs(files, {"the model": model})
    net = pn.load(model)
    net.export(output, to, **({} if layout is None else {"layout": layout}))
    print_whole(f"{model} exported to {output}")
