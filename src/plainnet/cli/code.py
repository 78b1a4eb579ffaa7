"""`plainnet xor --code`: one training step as the compiled engine runs it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.syntax import Syntax
from rich.text import Text

import plainnet as pn
from plainnet._base import checks
from plainnet.cli.display import console
from plainnet.engines.choosing import require_compiled
from plainnet.errors import InvalidValue
from plainnet.training import job_of
from plainnet.training.data import examples_of
from plainnet.training.options import Options

KINDS = {"loops": "c", "llvm": "llvm", "machine": "gas"}
"""The forms that can be printed, with the language of each as rich knows it."""


def check_code(kind: str, others: Mapping[str, Any]) -> None:
    """Refuse an unknown kind of code, and what goes with a training only."""
    checks.one_of("--code", kind, KINDS)
    for option, value in others.items():
        if value:
            raise InvalidValue(f"{option} does not go with --code, which prints a training step and trains nothing")


def print_code(net: pn.Network, X: Any, y: Any, options: Mapping[str, Any], kind: str) -> None:
    """Print a step of the training with these options of `fit`, coloured where the terminal has colours."""
    require_compiled()
    from plainnet.engines.compiled import shown

    given = Options.of(options)
    job = job_of(net, examples_of(net, np.asarray(X), y, given), given)
    write = {"loops": shown.step_as_loops, "llvm": shown.step_as_llvm, "machine": shown.step_as_machine_code}[kind]
    code = write(job)
    coloured = Syntax("", KINDS[kind], theme="ansi_dark", background_color="default").highlight(code)
    console.print(coloured if console.is_terminal else Text(code), soft_wrap=True)
