"""What users pass as data keeps its column types, masks and missing values, or is refused with its place."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse

import plainnet as pn
from plainnet.errors import InvalidType, InvalidValue

rng = np.random.default_rng(0)
NUMBERS = rng.normal(size=12).astype("float32").astype("float64")
FLAGS = np.arange(12) % 3 == 0
WANTED = np.column_stack([NUMBERS, FLAGS])
Y = np.arange(12) % 2


def network(**more):
    return pn.Network(pn.Dense(2, "softmax"), input_size=2, seed=1, **more)


FRAMES = {
    "float and bool": pd.DataFrame({"a": NUMBERS, "b": FLAGS}),
    "int and bool": pd.DataFrame({"a": np.arange(12), "b": FLAGS}),
    "nullable": pd.DataFrame({"a": NUMBERS, "b": FLAGS}).convert_dtypes(),
    "nullable whole numbers": pd.DataFrame({"a": np.arange(12), "b": FLAGS.astype(int)}).astype("Int64"),
    "numbers in an object column": pd.DataFrame({"a": list(NUMBERS), "b": list(FLAGS)}, dtype=object),
    "sparse columns": pd.DataFrame({"a": NUMBERS, "b": pd.arrays.SparseArray(FLAGS.astype(float))}),
    "categories of numbers": pd.DataFrame({"a": NUMBERS, "b": pd.Categorical(FLAGS.astype(int))}),
    "two columns of one name": pd.DataFrame(np.column_stack([NUMBERS, FLAGS]), columns=["a", "a"]),
    "polars": pl.DataFrame({"a": NUMBERS, "b": FLAGS}),
    "list of mixed rows": [[float(a), bool(b)] for a, b in zip(NUMBERS, FLAGS, strict=True)],
    "exact numbers": [[Decimal(float(a)), Fraction(int(b))] for a, b in zip(NUMBERS, FLAGS, strict=True)],
    "matrix": np.matrix(WANTED),
    "object array": WANTED.astype(object),
    "longdouble": WANTED.astype(np.longdouble),
    "mask that masks nothing": np.ma.masked_array(WANTED, mask=False),
}


@pytest.mark.parametrize("name", FRAMES)
def test_tables_of_numbers_are_taken_by_every_verb(name):
    given = FRAMES[name]
    wanted = WANTED.copy()
    if "int and" in name or "whole" in name:
        wanted[:, 0] = np.arange(12)
    net, same = network(), network()
    np.testing.assert_array_equal(net.predict(given), same.predict(wanted))
    options = {"loss": "cross_entropy", "epochs": 3}
    history = net.fit(given, Y, validation=(given, Y), **options)
    assert history.validation_loss == same.fit(wanted, Y, validation=(wanted, Y), **options).validation_loss
    assert net.evaluate(given, Y, loss="cross_entropy") == same.evaluate(wanted, Y, loss="cross_entropy")


@pytest.mark.parametrize(
    "y",
    [
        pd.Series(Y, dtype="Int64"),
        pd.Series(Y == 1),
        pd.Series(Y == 1, dtype="boolean"),
        pd.Series(pd.Categorical(Y)),
        pl.Series(Y),
        Y.astype(object),
        list(map(Decimal, Y.tolist())),
        pd.DataFrame({"y": Y}),
    ],
    ids=["Int64", "bool", "boolean", "categorical", "polars", "object", "Decimal", "frame"],
)
def test_labels_of_any_number_type_mean_the_same(y):
    net, same = network(), network()
    assert net.fit(WANTED, y, loss="cross_entropy").loss == same.fit(WANTED, Y, loss="cross_entropy").loss


def masked(row, column):
    values = np.ma.masked_array(WANTED.copy(), mask=False)
    values[row, column] = np.ma.masked
    return values


TEXT = pd.DataFrame({"a": NUMBERS, "kind": list("xyzxyzxyzxyz"), "day": pd.date_range("2026-01-01", periods=12)})

REFUSED = {
    "masked": (masked(3, 1), InvalidValue, "X holds a masked value at row 3, column 1"),
    "masked rows in a list": (list(masked(4, 0)), InvalidValue, "X holds a masked value at row 4, column 0"),
    "text columns": (TEXT, InvalidType, r"columns 'kind' \(str\), 'day' \(datetime64\[.*\]\) of X hold"),
    "polars text": (
        pl.DataFrame({"a": NUMBERS, "b": ["x"] * 12}),
        InvalidType,
        r"column 'b' of X has dtype .*, text such as 'x'",
    ),
    "pandas.NA": (
        pd.DataFrame({"a": NUMBERS, "b": pd.array([1] * 11 + [None], dtype="Int64")}),
        InvalidValue,
        "X holds nan at row 11, column 1",
    ),
    "null": (pl.DataFrame({"a": [None, *NUMBERS[1:]], "b": FLAGS}), InvalidValue, "X holds nan at row 0, column 0"),
    "None": ([[1.0, None], [0.0, 1.0]], InvalidValue, "X holds nan at row 0, column 1"),
    "text among numbers": (
        np.array([[1.0, "a"], [2.0, 3.0]], dtype=object),
        InvalidType,
        "X holds 'a' at row 0, column 1",
    ),
    "ragged": ([[1.0, 2.0], [3.0]], InvalidValue, "X is not a rectangular array"),
    "sparse": (scipy.sparse.eye(2).tocsr(), InvalidType, r"X is a sparse matrix; .* toarray\(\)"),
    "complex": (np.ones((2, 2), complex), InvalidType, "X has dtype complex128, complex numbers"),
    "dates": (np.full((2, 2), np.datetime64("2026-01-01")), InvalidType, "X has dtype datetime64.*, dates"),
    "a column of dates": (
        pd.DataFrame({"a": [1.0, 2.0], "b": pd.to_datetime(["2026-01-01", "2026-01-02"])}),
        InvalidType,
        r"column 'b' of X has dtype datetime64.*, dates; .* numpy.timedelta64\(1, 'D'\)",
    ),
    "records": (np.zeros(2, [("a", float), ("b", float)]), InvalidType, "X has dtype .*records"),
    "dict": ({"a": [1.0], "b": [2.0]}, InvalidType, "X is {'a'"),
    "too large": ([[10**400, 0.0]], InvalidValue, "X holds inf at row 0, column 0"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_number_is_refused_with_its_place(name):
    given, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        network().predict(given)
    with pytest.raises(error, match=message.replace("X", "validation X", 1)):
        network().fit(WANTED, Y, loss="cross_entropy", validation=(given, Y[: len(WANTED)]))


@pytest.mark.parametrize(
    ("loss", "last"), [("cross_entropy", pn.Dense(2, "softmax")), ("binary_cross_entropy", pn.Dense(1, "sigmoid"))]
)
def test_text_labels_are_refused_with_the_way_to_number_them(loss, last):
    names = np.where(Y == 1, "yes", "no")
    for given in (names, names.astype(object), pd.Series(names), pl.Series(names), names.tolist()):
        net = pn.Network(pn.Dense(2, "tanh"), pn.Dense(last.units, last.activation), seed=1)
        with pytest.raises(InvalidType, match=r"^y .*numpy\.unique\(y, return_inverse=True\)"):
            net.fit(WANTED, given, loss=loss)
    classes, numbered = np.unique(names, return_inverse=True)
    np.testing.assert_array_equal(classes[numbered], names)


def test_a_masked_y_weight_and_gradient_point_are_refused():
    hidden = np.ma.masked_array(Y, mask=Y == 5)
    hidden[7] = np.ma.masked
    with pytest.raises(InvalidValue, match="y holds a masked value at row 7"):
        network().fit(WANTED, hidden, loss="cross_entropy")
    with pytest.raises(InvalidValue, match="sample_weight holds a masked value at row 7"):
        network().evaluate(WANTED, Y, loss="cross_entropy", sample_weight=hidden + 1.0)
    with pytest.raises(InvalidValue, match="at holds a masked value at row 0"):
        pn.gradients.check(lambda w: float((w**2).sum()), lambda w: 2 * w, np.ma.masked_array([1.0], mask=[True]))


def test_an_object_that_refuses_to_be_an_array_is_refused_by_name():
    class Guarded:
        def __array__(self, *arguments, **keywords):
            raise RuntimeError("call detach() first")

    with pytest.raises(InvalidType, match=r"X is no array of numbers: call detach\(\) first"):
        network().predict(Guarded())
