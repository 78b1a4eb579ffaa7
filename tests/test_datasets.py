"""Generated data sets: truth tables, geometry, noise and seeds."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plainnet import datasets
from plainnet._base.arrays import Array
from plainnet.errors import InvalidType, InvalidValue

Dataset = Callable[..., tuple[Array, Array]]
CLASSES: list[Dataset] = [datasets.circles, datasets.moons, datasets.spirals, datasets.gaussians]
ALL: list[Dataset] = [datasets.xor, datasets.gates, *CLASSES, datasets.sine]


def test_xor_is_the_table_of_the_post() -> None:
    X, y = datasets.xor()
    np.testing.assert_array_equal(X, [[0, 1, 1], [1, 0, 1], [1, 1, 1], [0, 0, 1]])
    np.testing.assert_array_equal(y, [[1], [1], [0], [0]])
    assert X.dtype == y.dtype == np.float64


def test_xor_without_the_constant_column() -> None:
    X, y = datasets.xor(constant=False)
    np.testing.assert_array_equal(X, [[0, 1], [1, 0], [1, 1], [0, 0]])
    np.testing.assert_array_equal(y, [[1], [1], [0], [0]])


@pytest.mark.parametrize(
    ("name", "gate"),
    [
        ("and", lambda a, b: a and b),
        ("or", lambda a, b: a or b),
        ("nand", lambda a, b: not (a and b)),
        ("nor", lambda a, b: not (a or b)),
        ("xor", lambda a, b: a != b),
        ("xnor", lambda a, b: a == b),
    ],
)
def test_gates_are_their_truth_tables(name: str, gate: Callable[[bool, bool], bool]) -> None:
    X, y = datasets.gates(name)
    assert {tuple(row) for row in X} == {(0, 0), (0, 1), (1, 0), (1, 1)}
    assert y.shape == (4, 1)
    assert y.dtype == np.float64
    assert y.ravel().tolist() == [float(gate(bool(a), bool(b))) for a, b in X]


def test_more_rows_repeat_the_table_and_noise_spares_the_constant() -> None:
    X, y = datasets.xor(10, noise=0.1, seed=3)
    table, outputs = datasets.xor()
    assert X.shape == (10, 3)
    for row in range(10):
        assert np.abs(X[row] - table[row % 4]).max() < 0.6
        assert y[row] == outputs[row % 4]
    assert (X[:, 2] == 1).all()
    assert (X[:, :2] != np.round(X[:, :2])).all()


def test_writing_to_a_table_leaves_the_next_one_as_it_was() -> None:
    X, y = datasets.gates("or")
    X[:], y[:] = 7, 7
    X, y = datasets.gates("or")
    assert X.max() == y.max() == 1


def test_circles_have_radius_one_and_one_half() -> None:
    X, y = datasets.circles(300, seed=1)
    np.testing.assert_allclose(np.hypot(*X[y == 0].T), 1.0, rtol=1e-14)
    np.testing.assert_allclose(np.hypot(*X[y == 1].T), 0.5, rtol=1e-14)
    for label in (0, 1):  # all the way round
        assert {(a > 0, b > 0) for a, b in X[y == label].tolist()} == {
            (True, True),
            (True, False),
            (False, True),
            (False, False),
        }


def test_moons_are_half_circles_that_reach_into_each_other() -> None:
    X, y = datasets.moons(300, seed=1)
    upper, lower = X[y == 0], X[y == 1]
    np.testing.assert_allclose(np.hypot(upper[:, 0], upper[:, 1]), 1.0, rtol=1e-14)
    np.testing.assert_allclose(np.hypot(lower[:, 0] - 1, lower[:, 1] - 0.5), 1.0, rtol=1e-14)
    assert (upper[:, 1] >= 0).all()
    assert (lower[:, 1] <= 0.5).all()
    assert lower[:, 1].min() < -0.4  # below the ends of the upper one
    assert upper[:, 1].max() > 0.9
    for end in (upper[upper[:, 0] < 0], upper[upper[:, 0] > 0]):  # a whole half circle
        assert end[:, 1].min() < 0.1


@pytest.mark.parametrize(("classes", "turns"), [(2, 1.0), (3, 1.5), (5, 0.5)])
def test_spirals_go_round_as_often_as_asked(classes: int, turns: float) -> None:
    X, y = datasets.spirals(400, classes=classes, turns=turns, seed=2)
    r = np.hypot(X[:, 0], X[:, 1])
    assert 0.1 <= r.min() < 0.15
    assert 0.95 < r.max() < 1.0
    # Turned back by the turns up to its radius, each example points to where its arm starts.
    start = X[:, 0] + 1j * X[:, 1]
    start *= np.exp(-2j * np.pi * turns * r) / r
    np.testing.assert_allclose(start, np.exp(2j * np.pi * y / classes), atol=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_neighbouring_gaussians_are_the_separation_apart(classes: int) -> None:
    X, y = datasets.gaussians(50, classes=classes, features=4, separation=3.0, noise=0.0, seed=0)
    centres = np.array([X[y == label][0] for label in range(classes)])
    assert X.shape == (50, 4)
    np.testing.assert_allclose(centres.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(centres - np.roll(centres, 1, axis=0), axis=1), 3.0)
    np.testing.assert_array_equal(X[:, 2:], 0.0)


def test_two_gaussians_overlap_as_much_as_stated() -> None:
    X, y = datasets.gaussians(40_000, classes=2, separation=3.0, noise=1.5, seed=4)
    best = ((X[:, 0] < 0) == (y == 1)).mean()  # the centres lie on either side of the second axis
    assert best == pytest.approx(0.8413447, abs=0.01)  # Φ(1), from a table of the normal distribution


def test_sine_is_a_sine_with_noise_on_y() -> None:
    X, y = datasets.sine(5_000, noise=0.0, seed=5)
    assert X.shape == y.shape == (5_000, 1)
    assert y.ravel().tolist() == pytest.approx([math.sin(x) for x in X.ravel()], abs=1e-15)
    assert -math.pi <= X.min() < -3.1
    assert 3.1 < X.max() <= math.pi
    X, y = datasets.sine(5_000, noise=0.3, seed=5)
    assert (y - np.sin(X)).std() == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize("dataset", CLASSES)
def test_noise_is_a_standard_deviation_on_x(dataset: Dataset) -> None:
    clean, y = dataset(4_000, noise=0.0, seed=6)
    noisy, same = dataset(4_000, noise=0.2, seed=6)
    np.testing.assert_array_equal(y, same)
    np.testing.assert_allclose((noisy - clean).std(axis=0), 0.2, rtol=0.05)


@pytest.mark.parametrize("dataset", CLASSES)
@settings(deadline=None)
@given(rows=st.integers(1, 200), seed=st.integers(0, 2**64))
def test_classes_are_balanced_to_within_one(dataset: Dataset, rows: int, seed: int) -> None:
    X, y = dataset(rows, seed=seed)
    assert X.shape == (rows, 2)
    assert X.dtype == np.float64
    assert y.shape == (rows,)
    assert y.dtype.kind == "i"
    counts = np.bincount(y, minlength=3 if dataset is datasets.gaussians else 2)
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("dataset", CLASSES)
def test_the_last_fifth_serves_as_validation(dataset: Dataset) -> None:
    _, y = dataset(1_000, seed=7)
    share = np.bincount(y[-200:]) / 200
    np.testing.assert_allclose(share, 1 / len(share), atol=0.12)


@pytest.mark.parametrize("dataset", ALL)
def test_a_seed_gives_the_same_set_and_another_seed_another(dataset: Dataset) -> None:
    X, y = dataset(rows=40, noise=0.1, seed=8)
    again, y_again = dataset(rows=40, noise=0.1, seed=8)
    np.testing.assert_array_equal(again, X)
    np.testing.assert_array_equal(y_again, y)
    for seed in (9, None):
        other, _ = dataset(rows=40, noise=0.1, seed=seed)
        assert (other != X).any()


@pytest.mark.parametrize("dataset", ALL)
@pytest.mark.parametrize(
    ("argument", "value", "error"),
    [
        ("rows", 0, InvalidValue),
        ("rows", 2.5, InvalidType),
        ("noise", -0.1, InvalidValue),
        ("noise", math.nan, InvalidValue),
        ("noise", "much", InvalidType),
        ("seed", -1, InvalidValue),
        ("seed", "one", InvalidType),
    ],
)
def test_bad_input_is_refused_by_name(dataset: Dataset, argument: str, value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=f"^{argument} is {value!r}"):
        dataset(**{argument: value})


@pytest.mark.parametrize(
    ("dataset", "argument", "value"),
    [
        (datasets.spirals, "classes", 1),
        (datasets.spirals, "turns", 0),
        (datasets.gaussians, "classes", 1),
        (datasets.gaussians, "features", 1),
        (datasets.gaussians, "separation", -1.0),
    ],
)
def test_bad_shapes_are_refused_by_name(dataset: Dataset, argument: str, value: float) -> None:
    with pytest.raises(InvalidValue, match=f"^{argument} is {value!r}"):
        dataset(**{argument: value})


def test_an_unknown_gate_is_refused_with_the_closest() -> None:
    with pytest.raises(InvalidValue, match="name is 'xorr'; did you mean 'xor'"):
        datasets.gates("xorr")
