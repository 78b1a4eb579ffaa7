"""Frames: maps, curves and numbers are those that the network's own predictions and layers give."""

import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plainnet.attribution.dependence import partial_dependence
from plainnet.errors import InvalidType, InvalidValue
from plainnet.play.session.curves import MOST, Curve
from plainnet.play.session.maps import as_bytes
from plainnet.play.session.messages import pack, unpack
from plainnet.play.session.session import Session

PLAIN: dict[str, Any] = {
    "data": {
        "kind": "dataset",
        "name": "gaussians",
        "options": {"rows": 60, "features": 3, "seed": 2},
        "validation": 0.2,
    },
    "layers": [
        {"name": "Dense", "units": 5, "activation": "relu"},
        {"name": "Dropout", "rate": 0.2},
        {"name": "Dense", "units": 3, "activation": "softmax"},
    ],
    "loss": "cross_entropy",
    "optimizer": {"name": "adam", "learning_rate": 0.02},
    "batch_size": 8,
    "metrics": ["accuracy"],
    "epochs": 40,
    "engine": "numpy",
    "seed": 4,
}


@pytest.fixture(scope="module")
def session() -> Session:
    session = Session(PLAIN)
    for _ in range(3):
        session.handle({"do": "epoch"})
    return session


def plane(session: Session, axes: list[int], points: int, at: int | None) -> np.ndarray:
    """The grid, row by row: the first axis runs fastest, and the lowest value of the second one comes first."""
    base = np.median(session.examples.training[0], axis=0) if at is None else session.examples.row(at).inputs
    x, y = (np.linspace(*session.examples.ranges([axis])[0], points) for axis in axes)
    rows = np.tile(base, (points * points, 1))
    for i in range(points):
        for j in range(points):
            rows[i * points + j, axes] = x[j], y[i]
    return rows


@pytest.mark.parametrize("axes", [[0, 1], [2, 0]])
def test_the_map_is_the_prediction_over_the_plane(session: Session, axes: list[int]) -> None:
    want = {"points": 9, "axes": axes, "output": 1}
    _, arrays = session.handle({"do": "frame", "map": want})
    net = session.runs[0].network
    expected = net.predict(plane(session, axes, 9, None), engine="numpy")[:, 1].reshape(9, 9)
    assert arrays["0.map"].dtype == np.float32
    np.testing.assert_allclose(arrays["0.map"], expected, atol=1e-6)


def test_without_an_output_the_map_is_of_the_winning_class(session: Session) -> None:
    _, arrays = session.handle({"do": "frame", "map": {"points": 9, "axes": [0, 1], "output": None}})
    outputs = session.runs[0].network.predict(plane(session, [0, 1], 9, None), engine="numpy")
    np.testing.assert_array_equal(arrays["0.winner"].ravel(), outputs.argmax(axis=1))
    np.testing.assert_allclose(arrays["0.map"].ravel(), outputs.max(axis=1), atol=1e-6)


def test_the_examples_of_another_predicted_class_are_wrong(session: Session) -> None:
    _, arrays = session.handle({"do": "frame", "wrong": True})
    rows = [session.examples.row(i).inputs for i in range(60)]
    predicted = session.runs[0].network.predict(np.array(rows), engine="numpy").argmax(axis=1)
    np.testing.assert_array_equal(arrays["0.wrong"], predicted != session.examples.labels)
    assert 0 < arrays["0.wrong"].sum() < 60


def test_the_maps_of_units_are_the_outputs_of_layers(session: Session) -> None:
    units = [[0, 4], [1, 0], [2, 2]]
    header, arrays = session.handle({"do": "frame", "units": {"points": 7, "axes": [0, 1], "of": units}})
    first, _, last = session.runs[0].network.layers
    inputs = plane(session, [0, 1], 7, None).astype(np.float32)
    hidden = np.maximum(inputs @ first.weights + first.bias, 0)
    e = np.exp(hidden @ last.weights + last.bias)
    expected = [hidden[:, 4], hidden[:, 0], (e / e.sum(axis=1, keepdims=True))[:, 2]]
    for i, own in enumerate(expected):
        low, high = header["runs"][0]["unit_ranges"][i]
        shown = low + arrays["0.units"][i].astype(float) / 255 * (high - low)
        np.testing.assert_allclose(shown, own.reshape(7, 7), atol=0.51 * (high - low) / 255 + 1e-6)


def test_a_column_has_a_curve_of_all_outputs(session: Session) -> None:
    _, arrays = session.handle(
        {"do": "frame", "map": {"points": 9, "axes": [2], "at": 4}, "dependence": {"column": 2, "points": 9}}
    )
    values = np.linspace(*session.examples.ranges([2])[0], 9)
    rows = np.tile(session.examples.row(4).inputs, (9, 1))
    rows[:, 2] = values
    net = session.runs[0].network
    np.testing.assert_allclose(arrays["0.map"], net.predict(rows, engine="numpy"), atol=1e-6)
    average = partial_dependence(net, session.examples.training[0], 2, values)
    np.testing.assert_allclose(arrays["0.dependence"], average, atol=1e-6)


def test_the_numbers_are_those_of_the_latest_report(session: Session) -> None:
    header, arrays = session.handle({"do": "frame"})
    run, numbers = session.runs[0], header["runs"][0]
    history = run.training.history
    assert (numbers["epoch"], numbers["step"]) == (3, 18)
    assert numbers["loss"] == history.loss[-1]
    assert numbers["validation_loss"] == history.validation_loss[-1]
    assert numbers["metrics"] == {"accuracy": history.metrics["accuracy"][-1]}
    assert numbers["gradient_norm"] == history.gradient_norm[-1]
    assert np.array_equal(arrays["0.parameters"], run.network.parameters)
    assert numbers["curve_from"] == 0
    np.testing.assert_allclose(arrays["0.curve"][1:, 1], history.loss, rtol=1e-6)
    np.testing.assert_allclose(arrays["0.curve"][1:, 2], history.validation_loss, rtol=1e-6)
    np.testing.assert_allclose(arrays["0.curve"][1:, 3], history.metrics["accuracy"], rtol=1e-6)


def test_an_edit_shows_in_the_numbers_at_once() -> None:
    penalized = [{**PLAIN["layers"][0], "l2": 0.1}, *PLAIN["layers"][1:]]
    session = Session({**PLAIN, "layers": penalized})
    run = session.runs[0]
    session.handle({"do": "epoch"})
    session.handle({"do": "weight", "place": 2, "value": -3.0})
    X, y, _ = session.examples.training
    numbers = session.handle({"do": "frame"})[0]["runs"][0]
    loss = run.network.evaluate(X, y, loss="cross_entropy")["loss"]
    penalty = 0.05 * float((run.network.layers[0].weights.astype(float) ** 2).sum())
    assert numbers["loss"] == pytest.approx(loss + penalty, rel=1e-6)
    Xv, yv, _ = session.examples.validation
    assert numbers["validation_loss"] == pytest.approx(run.network.evaluate(Xv, yv, loss="cross_entropy")["loss"])


@pytest.mark.parametrize(
    "want",
    [
        {"map": {"axes": [0, 0]}}, {"map": {"axes": [3]}}, {"map": {"axes": []}}, {"map": {"points": 10_000}},
        {"map": {"output": 3}}, {"map": {"at": 60}}, {"map": {"axes": [True, 0]}}, {"units": {}},
        {"units": {"of": [[0]]}}, {"units": {"of": [[0, 1.5]]}}, {"dependence": {}}, {"curve": -1}, {"curve": ["a"]},
        {"map": []}, {"map": {"size": 3}},
    ],
)  # fmt: skip
def test_what_cannot_be_shown_is_refused(session: Session, want: dict[str, Any]) -> None:
    with pytest.raises((InvalidValue, InvalidType)):
        session.handle({"do": "frame", **want})


def test_a_unit_that_is_no_longer_there_is_empty(session: Session) -> None:
    header, arrays = session.handle({"do": "frame", "units": {"points": 4, "of": [[0, 5], [0, 4], [7, 0], [-1, 0]]}})
    assert arrays["0.units"].shape == (4, 4, 4)
    assert arrays["0.units"].any(axis=(1, 2)).tolist() == [False, True, False, False]
    assert header["runs"][0]["unit_ranges"][2] == [0, 0]


def test_values_of_any_size_fit_into_bytes() -> None:
    values = np.array([[np.nan, np.inf, -np.inf], [1, 1, 1], [1e38, -1e38, 0]], np.float32)
    found, ranges = as_bytes(values)
    assert np.isfinite(ranges).all()
    assert found[0].tolist() == [128, 255, 0]
    assert found[2].tolist() == [255, 0, 128]
    assert (found[1] == 0).all()


@given(
    parts=st.lists(st.integers(0, 1500), max_size=12),
    every=st.integers(1, 1000),
    asks=st.lists(st.booleans(), max_size=12),
)
def test_a_page_that_follows_the_curve_has_the_curve(parts: list[int], every: int, asks: list[bool]) -> None:
    curve, page, epoch = Curve(), np.empty((0, 4)), 0
    for part, ask in zip(parts, asks, strict=False):
        epochs = epoch + every * np.arange(1, part + 1)
        epoch += every * part
        curve.add(np.column_stack([epochs, np.sin(epochs), np.full(part, np.nan), np.cos(epochs)]))
        if ask:
            begin, rows = curve.since(len(page))
            page = np.concatenate([page[:begin], rows])
            expected = np.concatenate([curve.rows, curve.begun[-1:]])
            assert np.array_equal(page, expected, equal_nan=True)
            assert len(page) <= MOST + 7


def test_a_curve_keeps_its_peaks_in_bounded_memory() -> None:
    curve, total = Curve(), 300_000
    for start in range(0, total, 1000):
        epochs = np.arange(start, start + 1000.0)
        losses = 1 / (1 + epochs)
        losses[epochs == 123_456] = 50
        curve.add(np.column_stack([epochs, losses, -losses, np.full(1000, np.nan)]))
        assert len(curve.all()) <= 2 * MOST + 7
    rows = curve.all()
    assert rows[:, 1].max() == 50
    assert rows[:, 2].min() == -50
    assert (np.diff(rows[:, 0]) > 0).all()
    assert np.diff(rows[:, 0]).max() <= 2 * curve.every
    assert rows[-1, 0] == total - 1


def test_memory_stays_as_it_is_however_long_a_run_is() -> None:
    """After the histories are full, a hundred thousand epochs more add nothing that lives on."""
    session = Session({**PLAIN, "data": {"kind": "dataset", "name": "xor"}, "layers": None, "loss": None, "metrics": [],
                       "batch_size": None, "epochs": 10**7, "engine": "auto"})  # fmt: skip
    run = session.runs[0]

    def held() -> int:
        history = run.training.history
        columns = [history.epoch, history.loss, history.seconds, *history.layer_gradient_norms.values()]
        own = [run.curve.rows.nbytes, run.curve.begun.nbytes, *(array.nbytes for array in run.path.parameters)]
        return sum(own) + sum(map(sys.getsizeof, columns)) + sys.getsizeof(run.path.epochs)

    run.advance(epochs=50_000)
    sizes = []
    for _ in range(20):
        run.advance(epochs=5_000)
        unpack(session.receive(pack({"id": 1, "do": "frame", "map": {"points": 20}})))
        sizes.append(held())
    most = 200 * run.network.parameters.nbytes + (2 * MOST + 7) * 32 + 8 * 10_000 * 9
    assert max(sizes) <= most


def test_a_dead_layer_is_named_by_its_place() -> None:
    relu, output = {"name": "Dense", "units": 2, "activation": "relu"}, {"name": "Dense", "units": 1}
    session = Session({"layers": [{**relu, "units": 3}, relu, {**output, "activation": "sigmoid"}]})
    session.handle({"do": "epoch"})
    run = session.runs[0]
    own = run.network.parameter_views(run.network.parameters)[1]
    own["weights"][...], own["bias"][...] = 0, -1
    run.touched()
    story = session.handle({"do": "frame"})[0]["runs"][0]["story"]
    assert (story["key"], story["values"]["layer"], story["values"]["count"]) == ("dead", 1, 2)


def test_a_loss_that_rises_is_not_called_learning() -> None:
    session = Session(
        {"data": {"kind": "dataset", "name": "sine"}, "optimizer": {"name": "sgd", "learning_rate": 1e-6}}
    )
    session.handle({"do": "epoch"})
    session.runs[0].network.parameters += 3
    session.runs[0].touched()
    assert session.handle({"do": "frame"})[0]["runs"][0]["story"]["key"] == "rises"
