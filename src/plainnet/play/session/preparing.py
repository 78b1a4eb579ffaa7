"""A setup gives a run that is ready to train: that of `net.fit` with the same options."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plainnet.engines.choosing import require_compiled
from plainnet.errors import warnings_passed_over
from plainnet.network import Network
from plainnet.training import prepare
from plainnet.training.options import Options
from plainnet.training.run import TrainingRun

if TYPE_CHECKING:
    from plainnet.play.session.examples import Examples
    from plainnet.play.session.setup import Setup


def prepared(setup: Setup, examples: Examples, network: Network, *, compiles: bool = False) -> TrainingRun:
    """Return the run that a setup describes, of this network; raise the errors of `net.fit`.

    Unless it `compiles`, it is one of the NumPy engine: machine code takes up to half a second to make, and nobody
    should wait for it who only looks.
    """
    options = {"report_every": 1, **setup.options(examples)}
    if options["engine"] == "compiled":
        require_compiled()
    if not compiles:
        options["engine"] = "numpy"
    inputs, targets, _ = examples.training
    with warnings_passed_over():
        return prepare(network, inputs, targets, Options.of(options))
