"""Comparisons of small networks in the lanes of vector instructions: the runs are those of training one by one."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

import plainnet as pn
from plainnet.comparison import compare, lanes
from plainnet.comparison.seed_data import SeedData
from plainnet.comparison.variants import Variant
from plainnet.errors import DivergenceError

X, y = pn.datasets.moons(40, noise=0.2, seed=1)
y = y.reshape(-1, 1).astype(float)
HELD_OUT = (X[30:], y[30:])
OPTIONS = {
    "loss": "binary_cross_entropy",
    "optimizer": pn.SGD(0.5, momentum=0.9),
    "epochs": 200,
    "batch_size": None,
    "report_every": 10,
    "metrics": ["accuracy"],
    "engine": "compiled",
}


def network(seed=None, activation="tanh"):
    layers = pn.Dense(4, activation, initializer="normal"), pn.Dense(1, "sigmoid")
    return pn.Network(*layers, input_size=2, seed=seed, dtype="float64")


@pytest.fixture
def calls(monkeypatch):
    """How many networks each call of `train_many` has had."""
    sizes = []

    def counted(networks, *arguments, **options):
        sizes.append(len(networks))
        return pn.train_many(networks, *arguments, **options)

    monkeypatch.setattr(lanes, "train_many", counted)
    return sizes


MORE = {
    "full batch": {},
    "validation": {"validation": HELD_OUT, "early_stopping": 20},
    "each its own rows": {"validation": 0.25, "early_stopping": 20},
    "shuffled": {"batch_size": 8, "epochs": 60, "early_stopping": 20, "validation": HELD_OUT},
}


@pytest.mark.parametrize("more", MORE.values(), ids=MORE)
def test_each_run_is_what_fit_does_from_that_seed(calls, more):
    seeds = [3, 141, *range(20, 28)]
    comparison = compare({"4": network()}, X[:30], y[:30], seeds=seeds, workers=2, **{**OPTIONS, **more})
    assert calls == [10]
    stopped_early = 0
    for run in comparison.runs:
        history = network(run.seed).fit(X[:30], y[:30], **{**OPTIONS, **more, "engine": "numpy"})
        stopped_early += history.stopped == "early stopping"
        best = history.epoch.index(history.best_epoch) if more else -1
        assert run.loss == pytest.approx(history.loss[best])
        assert run.metrics["accuracy"] == history.metrics["accuracy"][best]
        assert run.epochs == history.epoch[-1]
        np.testing.assert_allclose(run.curves["loss"], history.loss)
        if more:
            assert run.validation_loss == pytest.approx(min(history.validation_loss))
            np.testing.assert_allclose(run.curves["validation_loss"], history.validation_loss)
    assert (stopped_early > 0) == bool(more)


def test_a_seed_that_diverges_leaves_the_others_alone(calls):
    def steep(seed=None):
        layers = pn.Dense(8, initializer="normal"), pn.Dense(1, initializer="normal")
        return pn.Network(*layers, input_size=3, seed=seed, dtype="float64")

    options = {"loss": "mse", "optimizer": pn.SGD(0.05), "epochs": 300, "batch_size": None, "report_every": 10}
    comparison = compare({"steep": steep()}, *pn.datasets.xor(), seeds=20, workers=1, engine="compiled", **options)
    assert calls == [20]
    diverged = []
    for run in comparison.runs:
        try:
            history = steep(run.seed).fit(*pn.datasets.xor(), engine="numpy", **options)
        except DivergenceError:
            diverged.append(run.seed)
            assert run.loss is None
        else:
            assert run.loss == pytest.approx(history.loss[-1])
    assert [run.seed for run in comparison.runs if run.diverged] == diverged
    assert 0 < len(diverged) < 20


def test_an_interrupted_comparison_goes_on_where_it_was(tmp_path, monkeypatch):
    path = tmp_path / "runs.jsonl"
    arguments = {"variants": {"a": network(), "b": network(activation="relu")}, "X": X, "y": y, "seeds": 100}
    whole = compare(**arguments, workers=1, **OPTIONS)
    left = [64, 36, 64]

    def interrupted(networks, *rest, **options):
        if not left:
            raise KeyboardInterrupt
        assert len(networks) == left.pop(0)
        return pn.train_many(networks, *rest, **options)

    with monkeypatch.context() as patch:
        patch.setattr(lanes, "train_many", interrupted)
        with pytest.raises(KeyboardInterrupt):
            compare(**arguments, results=path, workers=1, **OPTIONS)
    runs = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    kept = [*(("a", seed) for seed in range(100)), *(("b", seed) for seed in range(64))]
    assert [(run["variant"], run["seed"]) for run in runs] == kept
    resumed = compare(**arguments, results=path, resume=True, workers=1, **OPTIONS)
    assert len(path.read_text().splitlines()) == 201
    np.testing.assert_allclose([run.loss for run in resumed.runs], [run.loss for run in whole.runs])


def test_the_bar_counts_the_runs(calls):
    text = io.StringIO()
    options = {**OPTIONS, "epochs": 20, "progress": Console(file=text, force_terminal=True, width=100)}
    compare({"a": network()}, X, y, seeds=100, workers=1, **options)
    assert calls == [64, 36]
    assert "100/100" in text.getvalue()


def test_what_lanes_take_and_what_goes_to_processes():
    def suits(net=None, data=None, cores=2, **options):
        variant = Variant("a", net or network(), {**OPTIONS, **options})
        return lanes.suit(variant, range(100), data or SeedData(X, y), cores)

    assert suits()
    assert suits(validation=HELD_OUT)
    assert suits(validation=0.2)
    assert suits(batch_size=10)
    large = pn.Network(pn.Dense(200, "tanh"), pn.Dense(1, "sigmoid"), input_size=2, dtype="float64")
    assert not suits(net=large), "a large network fills the vectors by itself"
    assert not suits(data=SeedData(lambda seed: (X, y, None), None))
    assert not suits(net=network), "a function may give each seed another network"
    assert not suits(engine="numpy")
    assert not suits(cores=16, report_every=1), "metrics are measured in one thread at a time"
    assert suits(cores=16, report_every=1, metrics=[]), "the machine code makes the reports"
    assert not suits(epochs=30_000, report_every=2, early_stopping=5), "the history may have dropped the best report"


def test_auto_counts_the_work_of_all_seeds():
    variant = Variant("a", network(), {**OPTIONS, "engine": "auto", "epochs": 100, "report_every": 100})
    assert not lanes.suit(variant, range(10), SeedData(X, y), 2)
    assert lanes.suit(variant, range(1_000), SeedData(X, y), 2)
