"""Runs of a session: whatever slices they are cut into, they compute what `net.fit` computes."""

from typing import Any

import numpy as np
import pytest

import plainnet as pn
from plainnet.play.session.session import Session

ENGINES = ["numpy", pytest.param("compiled", marks=pytest.mark.needs("fast"))]
MOONS = {"kind": "dataset", "name": "moons", "options": {"rows": 90, "noise": 0.2, "seed": 3}, "validation": 0.2}
TANH = [{"name": "Dense", "units": 6, "activation": "tanh"}, {"name": "Dense", "units": 2, "activation": "softmax"}]
DROPOUT = [TANH[0], {"name": "Dropout", "rate": 0.3}, TANH[1]]
XOR = {
    "data": {"kind": "dataset", "name": "xor"},
    "layers": [
        {"name": "Dense", "units": 4, "activation": "tanh"},
        {"name": "Dense", "units": 1, "activation": "sigmoid"},
    ],
    "loss": "binary_cross_entropy",
    "optimizer": {"name": "adam", "learning_rate": 0.02},
    "batch_size": None,
    "seed": 1,
    "epochs": 100_000,
}
SETTINGS: dict[str, dict[str, Any]] = {
    "batches": {},
    "whole set": {"batch_size": None, "loss": "cross_entropy"},
    "schedule": {
        "optimizer": {"name": "sgd", "learning_rate": {"name": "cosine", "learning_rate": 0.3}, "momentum": 0.9}
    },
    "plateau": {
        "optimizer": {
            "name": "adam",
            "learning_rate": {"name": "reduce_on_plateau", "learning_rate": 0.1, "patience": 2},
        }
    },
    "dropout": {"layers": DROPOUT},
    "early stopping": {"early_stopping": {"patience": 4}, "optimizer": {"name": "adam", "learning_rate": 0.1}},
    "metrics": {"metrics": ["accuracy"]},
}


def moons(engine: str, **settings: Any) -> dict[str, Any]:
    """A setup whose last batch of an epoch is smaller than the others."""
    usual = {
        "data": MOONS,
        "layers": TANH,
        "loss": "cross_entropy",
        "optimizer": {"name": "adam", "learning_rate": 0.01},
    }
    return {**usual, "batch_size": 16, "epochs": 30, "seed": 5, "engine": engine, **settings}


def fitted(session: Session, plain: dict[str, Any]) -> pn.Network:
    """The network of a setup, trained by `fit` on the session's examples."""
    X, y, weights = session.examples.training
    layers = plain["layers"]
    description = {"layers": layers, "input_size": X.shape[1], "seed": plain["seed"], "dtype": "float32"}
    net = pn.Network.from_description(description)
    stopping = plain.get("early_stopping")
    net.fit(
        X,
        y,
        loss=plain["loss"],
        optimizer=plain["optimizer"],
        batch_size=plain["batch_size"],
        epochs=plain["epochs"],
        validation=session.examples.validation,
        sample_weight=weights,
        early_stopping=None if stopping is None else pn.EarlyStopping(**stopping),
        metrics=plain.get("metrics", ()),
        engine=plain["engine"],
    )
    return net


def play_in_pieces(session: Session) -> None:
    """Play to the end: by steps, epochs and slices of any length, with pauses between them."""
    run = session.runs[0]
    for _ in range(3):
        session.handle({"do": "step"})
    session.handle({"do": "epoch"})
    for _ in range(2):
        session.handle({"do": "epoch"})
    session.handle({"do": "step"})
    session.handle({"do": "play"})
    seconds = 0.0
    while session.is_playing:
        session.advance(seconds)
        seconds = min(seconds + 1e-4, 0.01)
        session.handle({"do": "frame"})
    assert run.is_over


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", SETTINGS)
def test_a_run_in_slices_is_the_run_of_fit(name: str, engine: str) -> None:
    plain = moons(engine, **SETTINGS[name])
    session = Session(plain)
    assert session.problems == []
    assert session.examples.validation is not None
    net = fitted(session, plain)
    play_in_pieces(session)
    run = session.runs[0]
    assert run.training.choice.engine == engine
    assert run.network.parameters.tobytes() == net.parameters.tobytes()
    assert net.history is not None
    history = run.training.history
    assert (history.stopped, history.best_epoch) == (net.history.stopped, net.history.best_epoch)
    assert history.loss == net.history.loss
    assert history.validation_loss == net.history.validation_loss
    assert history.metrics == net.history.metrics


@pytest.mark.parametrize("engine", ENGINES)
def test_a_step_is_one_batch(engine: str) -> None:
    session = Session(moons(engine))
    run = session.runs[0]
    before = run.network.parameters.copy()
    for step in range(1, 7):  # 72 rows are five batches of at most 16
        session.handle({"do": "step"})
        assert (run.steps, run.epochs, run.job.batches_done) == (step, step // 5, step % 5)
        assert not np.array_equal(before, run.network.parameters)
        before = run.network.parameters.copy()
    session.handle({"do": "epoch"})
    assert (run.steps, run.epochs) == (10, 2)


def test_restart_begins_with_the_same_weights_and_a_seed_with_others() -> None:
    session = Session(XOR)
    run = session.runs[0]
    first = run.network.parameters.copy()
    session.handle({"do": "epoch"})
    trained = run.network.parameters.copy()
    session.handle({"do": "weight", "place": 3, "value": 7.5})
    assert run.network.parameters[3] == 7.5
    header, _ = session.handle({"do": "restart"})
    assert header["restarted"] is True
    assert np.array_equal(run.network.parameters, first)
    session.handle({"do": "epoch"})
    assert np.array_equal(run.network.parameters, trained)
    header, _ = session.handle({"do": "restart", "seed": 8})
    assert header["setup"]["seed"] == 8
    assert not np.array_equal(run.network.parameters, first)
