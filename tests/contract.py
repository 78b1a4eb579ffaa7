"""What the tests of the compiled engine share: a run, its bits, and agreement with the NumPy engine's run."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import plainnet as pn

Run = tuple[pn.Network, pn.History]

TOLERANCE = {"float64": 1e-10, "float32": 1e-4}
"""What rounding adds up to over some hundred steps."""


def run(make: Callable[[], pn.Network], X: Any, y: Any, **options: Any) -> Run:
    """Train a new network; it is an error if the engine asked for is not the one that trains."""
    net = make()
    history = net.fit(X, y, **options)
    if options.get("engine", "auto") != "auto":
        assert history.settings["engine"] == options["engine"], history.settings.get("engine_note")
    return net, history


def assert_engines_agree(
    make: Callable[[], pn.Network], X: Any, y: Any, *, parameters: bool = True, threads: int = 1, **options: Any
) -> tuple[Run, Run]:
    """Train by the NumPy engine and in machine code, from the same network, and compare all that a user can see."""
    numpy = run(make, X, y, engine="numpy", **options)
    compiled = run(make, X, y, engine="compiled", threads=threads, **options)
    assert_agree(numpy, compiled, TOLERANCE[str(numpy[0].dtype)], parameters)
    assert (numpy[0].parameters != make().parameters).any() or not numpy[0].parameters.size, "nothing was learned"
    return numpy, compiled


def assert_agree_whoever_trains(make: Callable[[], pn.Network], X: Any, y: Any, **options: Any) -> None:
    """Compare the engines on what may have machine code or not; where it has none, a note says why."""
    numpy = run(make, X, y, engine="numpy", **options)
    net = make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = net.fit(X, y, engine="compiled", threads=1, **options)
    assert history.settings["engine"] == "compiled" or history.settings["engine_note"]
    assert_agree(numpy, (net, history), TOLERANCE[str(net.dtype)])


def assert_agree(one: Run, other: Run, tolerance: float, parameters: bool = True) -> None:
    (net, history), (other_net, other_history) = one, other
    close = {"rtol": tolerance, "atol": tolerance}
    assert history.stopped == other_history.stopped
    assert history.epoch == other_history.epoch
    assert history.learning_rate == other_history.learning_rate
    np.testing.assert_allclose(other_history.loss, history.loss, **close)
    np.testing.assert_allclose(other_history.validation_loss, history.validation_loss, **close)
    np.testing.assert_allclose(other_history.gradient_norm, history.gradient_norm, **close)
    assert history.layer_gradient_norms.keys() == other_history.layer_gradient_norms.keys()
    for name, norms in history.layer_gradient_norms.items():
        np.testing.assert_allclose(other_history.layer_gradient_norms[name], norms, **close)
    if parameters:
        np.testing.assert_allclose(other_net.parameters, net.parameters, **close)
        np.testing.assert_allclose(other_net.statistics, net.statistics, **close)
    assert net.shuffling.bit_generator.state == other_net.shuffling.bit_generator.state
    assert net.dropout.bit_generator.state == other_net.dropout.bit_generator.state


def bits(run: Run) -> bytes:
    """All numbers that a run ends with."""
    net, history = run
    streams = repr((net.shuffling.bit_generator.state, net.dropout.bit_generator.state))
    reported = np.array([history.loss, history.gradient_norm, history.learning_rate])
    return net.parameters.tobytes() + net.statistics.tobytes() + reported.tobytes() + streams.encode()
