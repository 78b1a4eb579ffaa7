"""Reports that nothing looks at: the engine runs ahead of them, and they are the same as if someone had looked."""

import random
import re
from typing import Any

import numpy as np
import pytest

import plainnet as pn
from plainnet import engines
from plainnet.engines import Choice, Engine, Job, Notes
from plainnet.engines.numpy_engine import NumpyEngine
from plainnet.errors import DivergenceError
from plainnet.history import History, Report

numbers = np.random.default_rng(0)
X = numbers.normal(size=(70, 5)).astype(np.float32)
Y = np.arange(70) % 3

FAST = pytest.mark.needs("fast")
ENGINES = [
    pytest.param({"engine": "numpy"}, id="numpy"),
    pytest.param({"engine": "compiled", "threads": 1}, id="compiled", marks=FAST),
    pytest.param({"engine": "compiled", "threads": 2}, id="compiled-2", marks=FAST),
]
COLUMNS = ("epoch", "loss", "learning_rate", "gradient_norm")


@pytest.fixture(params=ENGINES)
def engine(request) -> dict[str, Any]:
    return request.param


def network() -> pn.Network:
    layers = pn.Dense(9, "tanh", l2=1e-3), pn.BatchNorm(), pn.Dropout(0.3), pn.Dense(3, "softmax")
    return pn.Network(*layers, input_size=5, seed=1)


def options(**more: Any) -> dict[str, Any]:
    optimizer = pn.SGD(pn.schedules.Cosine(0.1), momentum=0.9, clip_norm=0.5)
    return {"loss": "cross_entropy", "optimizer": optimizer, "epochs": 61, "batch_size": 16, "report_every": 1, **more}


def rows(history: History) -> list[tuple[Any, ...]]:
    """Everything that a history says of each report, but when it came."""
    assert len(history.seconds) == len(history.epoch)
    assert history.seconds == sorted(history.seconds)
    assert history.seconds[0] > 0
    columns = [getattr(history, name) for name in COLUMNS]
    norms = [norms for _, norms in sorted(history.layer_gradient_norms.items())]
    return list(zip(*columns, *norms, strict=True))


def rows_of(reports: list[Report]) -> list[tuple[Any, ...]]:
    found = []
    for report in reports:
        norms = report.layer_gradient_norms
        found.append((*(getattr(report, name) for name in COLUMNS), *(norms[name] for name in sorted(norms))))
    return found


@pytest.mark.parametrize("batch_size", [16, None])
@pytest.mark.parametrize("report_every", [1, 3, 61, 100])
def test_the_history_of_fit_has_the_reports_of_the_iterator(engine, report_every, batch_size):
    given = options(report_every=report_every, batch_size=batch_size, **engine)
    one, other, shown = network(), network(), network()
    reports = list(one.training(X, Y, **given))
    history = other.fit(X, Y, **given)
    assert rows(history) == rows(one.history) == rows_of(reports)
    assert rows(shown.fit(X, Y, progress=True, **given)) == rows(history)
    assert history.reports == len(reports)
    assert history.best_epoch == [report.epoch for report in reports if report.is_best][-1]
    assert history.stopped == "all epochs"
    assert other.parameters.tobytes() == one.parameters.tobytes()


def test_the_engine_runs_ahead_of_reports_that_nothing_looks_at(monkeypatch):
    calls = []
    run = NumpyEngine.run

    def counted(engine: NumpyEngine, epochs: int, *more: Any) -> list[float]:
        calls.append(epochs)
        return run(engine, epochs, *more)

    monkeypatch.setattr(NumpyEngine, "run", counted)

    def calls_of(**more: Any) -> int:
        calls.clear()
        assert network().fit(X, Y, **options(engine="numpy", **more)).reports == 61
        return len(calls)

    assert calls_of() < 61
    watched = {
        "validation": {"validation": 0.2},
        "metrics": {"metrics": ["accuracy"]},
        "early stopping": {"early_stopping": 60},
        "schedule": {"optimizer": pn.SGD(pn.schedules.ReduceOnPlateau(0.1))},
    }
    assert {name: calls_of(**more) for name, more in watched.items()} == dict.fromkeys(watched, 61)


def test_the_iterator_can_be_left_at_any_report_with_the_parameters_of_its_epoch(engine):
    net, whole = network(), network()
    ends = [whole.parameters.copy() for _ in whole.training(X, Y, **options(**engine))]
    for report in net.training(X, Y, **options(**engine)):
        np.testing.assert_array_equal(net.parameters, ends[report.epoch - 1])
        if report.epoch == 23:
            break
    assert net.history.epoch[-1] == 23


def test_every_norm_is_that_of_the_gradient_before_the_step(engine):
    net = pn.Network(pn.Dense(4, "tanh"), pn.LayerNorm(), pn.Dense(1), input_size=5, seed=1, dtype="float64")
    twin = net.copy()
    inputs, targets = X.astype(float), X.sum(axis=1).astype(float)
    given = {"loss": "mse", "optimizer": pn.SGD(0.1), "batch_size": None, "epochs": 30, "report_every": 1, **engine}
    history = net.fit(inputs, targets, **given)

    def gradient() -> np.ndarray:
        return twin.loss_and_gradient(inputs, targets, loss="mse")[1]

    gradients = [gradient(), *(gradient() for _ in twin.training(inputs, targets, **given))]
    parts = {"layers[0]": slice(0, 24), "layers[1]": slice(24, 32), "layers[2]": slice(32, 37)}
    np.testing.assert_allclose(history.gradient_norm, [np.linalg.norm(g) for g in gradients[:-1]], rtol=1e-10)
    assert history.layer_gradient_norms.keys() == parts.keys()
    for name, part in parts.items():
        expected = [np.linalg.norm(g[part]) for g in gradients[:-1]]
        np.testing.assert_allclose(history.layer_gradient_norms[name], expected, rtol=1e-10)


def job() -> Job:
    net = network()
    loss, optimizer = pn.losses.CrossEntropy(), pn.SGD(pn.schedules.Cosine(0.1), momentum=0.9)
    return Job(net, loss, optimizer, X, Y, None, 16, True, 7)


@pytest.mark.parametrize("every", [1, 2, 3, 7, 10])
def test_the_notes_are_the_same_however_the_epochs_are_cut_into_calls(engine, every):
    choice = Choice(engine["engine"], engine.get("threads", 1))
    whole, pieces = job(), job()
    notes = Notes(whole, every, whole.epochs, whole.epochs)
    losses = engines.make(choice, whole).run(whole.epochs, notes=notes)
    assert notes.count == len(notes.rows)
    assert notes.epochs.tolist() == [epoch for epoch in range(1, 8) if epoch % every == 0 or epoch == 7]
    assert notes.rows[:, 0].tolist() == [losses[epoch - 1] for epoch in notes.epochs]
    runner: Engine = engines.make(choice, pieces)
    found, epochs = [], []
    while pieces.epochs_done < pieces.epochs:
        one = Notes(pieces, every, pieces.epochs, pieces.epochs)
        runner.run(pieces.epochs - pieces.epochs_done, until=float("-inf"), notes=one)  # a single step
        found += one.rows[: one.count].tolist()
        epochs += one.epochs.tolist()
    assert (found, epochs) == (notes.rows.tolist(), notes.epochs.tolist())


@pytest.mark.parametrize("report_every", [1, 5])
def test_divergence_names_the_epoch_and_keeps_the_reports_before_it(engine, report_every):
    def train(ahead: bool) -> tuple[str, list[tuple[Any, ...]], bytes]:
        net = pn.Network(pn.Dense(2), pn.Dense(1), input_size=5, seed=1)
        given = {"loss": "mse", "optimizer": pn.SGD(0.4), "epochs": 1000, "batch_size": None, **engine}
        train = net.fit if ahead else lambda *data, **options: list(net.training(*data, **options))
        with pytest.raises(DivergenceError) as error:
            train(X, X.sum(axis=1), report_every=report_every, **given)
        assert net.history.stopped == "diverged"
        assert np.isfinite(net.parameters).all()
        return str(error.value), rows(net.history), net.parameters.tobytes()

    found = train(ahead=True)
    assert found == train(ahead=False)
    epoch = int(re.search(r"diverged in epoch (\d+): its loss is (inf|nan)", found[0])[1])
    assert found[1][-1][0] == (epoch - 1) // report_every * report_every
    assert epoch > 5


@pytest.mark.parametrize(
    ("engine", "report_every"),
    [
        ({"engine": "numpy"}, 1),
        ({"engine": "numpy"}, 1000),
        pytest.param({"engine": "compiled"}, 1, marks=FAST),
    ],
    ids=str,
)
def test_a_parameter_that_is_not_finite_ends_the_run_where_the_loss_still_is(engine, report_every):
    """The unit's weight and bias become infinite, and its output 1."""
    net = pn.Network(pn.Dense(1, "sigmoid"), input_size=1, seed=1)
    inputs, targets = np.ones((4, 1), np.float32), np.array([1, 1, 1, 0], np.float32)
    given = {"loss": "mse", "batch_size": None, "report_every": report_every, **engine}
    twin = net.copy()
    twin.fit(inputs, targets, epochs=4, optimizer=pn.SGD(1.0), **given)

    def rate(epoch: float, epochs: int) -> float:
        return 1e308 if epoch >= 4 else 1.0

    words = "diverged in epoch 5: its loss is finite, but a parameter is not"
    with pytest.raises(DivergenceError, match=words):
        net.fit(inputs, targets, epochs=2000, optimizer=pn.SGD(rate), **given)
    assert net.parameters.tobytes() == twin.parameters.tobytes()
    assert net.history.epoch == ([1, 2, 3, 4] if report_every == 1 else [])


@pytest.mark.parametrize("batch", [0, 2])
def test_an_interrupt_keeps_the_reports_of_the_epochs_before_it(batch):
    calls = []

    def interrupting(targets, predictions):
        calls.append(net.parameters.copy())
        if len(calls) == 4 * 40 + batch + 1:  # four batches an epoch
            raise KeyboardInterrupt
        return (predictions - targets) ** 2, 2 * (predictions - targets)

    net = pn.Network(pn.Dense(1), input_size=5, seed=1, dtype="float64")
    with pytest.raises(KeyboardInterrupt):
        net.fit(X[:8], X[:8].sum(axis=1), loss=interrupting, epochs=90, batch_size=2, report_every=1, engine="numpy")
    assert net.history.stopped == "interrupted"
    assert net.history.epoch == list(range(1, 41))
    assert net.history.seconds == sorted(net.history.seconds)
    np.testing.assert_array_equal(net.parameters, calls[4 * 40])


@pytest.mark.parametrize("checkpoint_every", [1, 7, "0.000001s"])
def test_a_resumed_run_has_the_history_of_one_that_went_through(engine, checkpoint_every, tmp_path, monkeypatch):
    monkeypatch.setattr("plainnet.history.MOST_REPORTS", 20)
    whole = network()
    whole.fit(X, Y, **options(**engine))

    class Stop(Exception):
        pass

    def stopping(epoch: float, epochs: int) -> float:
        if stops and epoch >= 33.3:
            raise Stop
        return 0.1 / (1 + epoch)

    whole, stopped, resumed = network(), network(), network()
    given = options(optimizer=pn.SGD(stopping, momentum=0.9), **engine)
    kept = {"checkpoint": tmp_path / "run.npz", "checkpoint_every": checkpoint_every, "resume": True}
    stops = False
    whole.fit(X, Y, **given)
    stops = True
    with pytest.raises(Stop):
        stopped.fit(X, Y, **given, **kept)
    stops = False
    resumed.fit(X, Y, **given, **kept)
    assert rows(resumed.history) == rows(whole.history)
    assert (resumed.history.reports, resumed.history.every) == (whole.history.reports, whole.history.every)
    assert resumed.history.best_epoch == whole.history.best_epoch
    assert resumed.parameters.tobytes() == whole.parameters.tobytes()


@pytest.mark.parametrize("most", [10, 11, 16])
@pytest.mark.parametrize("seed", range(5))
def test_reports_added_many_at_once_are_those_added_one_by_one(seed, most, monkeypatch):
    monkeypatch.setattr("plainnet.history.MOST_REPORTS", most)
    draw = random.Random(seed)
    one, many = History(), History()
    done = 0
    while done < 500:
        new = draw.choice([1, 2, 3, 9, 40, 170])
        epochs = np.arange(done + 1, done + new + 1)
        for epoch in epochs.tolist():
            numbers = {"learning_rate": 2.0 * epoch, "gradient_norm": 3.0 * epoch, "seconds": 5.0 * epoch}
            one.append(Report(epoch, 500, 7.0 * epoch, None, {}, rows_per_second=0.0, is_best=False,
                              layer_gradient_norms={"layers[0]": 4.0 * epoch}, **numbers))  # fmt: skip
        columns = {"epoch": 1, "loss": 7.0, "learning_rate": 2.0, "gradient_norm": 3.0, "seconds": 5.0}
        many.extend({name: epochs * times for name, times in columns.items()}, {"layers[0]": epochs * 4.0})
        done += new
        assert many.to_dict() == one.to_dict()
        assert many.epoch[-1] == done
        assert len(many.epoch) <= most
        assert set(np.diff(many.epoch[:-1])) <= {many.every}
