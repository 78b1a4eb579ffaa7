"""What each column of a table adds to a prediction, and how a terminal shows it."""

import io

import numpy as np
import polars as pl
import pytest
from rich.console import Console

import plainnet as pn
from plainnet.attribution import explain_rows, importance_of_columns, permutation_importance
from plainnet.attribution.text import importance_lines, numbers
from plainnet.explain.layout import plain, width_of
from plainnet.tabular import Table


def frame_of(rows=60):
    random = np.random.default_rng(1)
    colors = random.choice(["red", "green", "blue"], size=rows)
    sizes = random.normal(size=rows)
    sizes[::7] = np.nan
    return pl.DataFrame(
        {
            "size": pl.Series(sizes).fill_nan(None),
            "color": colors,
            "old": random.integers(0, 2, size=rows) == 1,
            "price": random.normal(size=rows) * 100,
        }
    )


def regression(frame, target="price"):
    table = Table.learn(frame, target, "regression")
    net = pn.Network(pn.Dense(8, "tanh"), pn.Dense(1), input_size=len(table.feature_names), seed=1, dtype="float64")
    return net, table


def test_a_column_is_one_input_however_many_features_it_has():
    frame = frame_of()
    net, table = regression(frame)
    (found,) = explain_rows(net, table, frame[[7]], frame)
    assert found.columns == ("size", "color", "old")
    assert found.cells[0] == "missing"
    # by hand, from predictions of frames: what each of the 3 columns adds in each of the 6 orders
    from itertools import permutations

    def average(known):
        mixed = frame.with_columns(pl.lit(frame[name][7], dtype=frame[name].dtype).alias(name) for name in known)
        return table.decode(net.predict(table.features(mixed))).mean()

    orders = list(permutations(found.columns))
    for i, name in enumerate(found.columns):
        before = [order[: order.index(name)] for order in orders]
        adds = np.mean([average([*known, name]) - average(known) for known in before])
        assert found.values[i] == pytest.approx(adds, abs=1e-9)
    assert found.average == pytest.approx(average([]))
    assert found.values.sum() == pytest.approx(found.prediction - found.average)


@pytest.mark.parametrize("outputs", [1, 2])
def test_of_classes_the_probability_of_the_predicted_one_is_explained(outputs):
    frame = frame_of().with_columns(kind=pl.Series(["no", "yes"] * 30)).drop("price")
    table = Table.learn(frame, "kind", "classification")
    last = pn.Dense(outputs, "sigmoid" if outputs == 1 else "softmax")
    net = pn.Network(last, input_size=len(table.feature_names), seed=1, dtype="float64")
    probabilities = table.predictions(net.predict(table.features(frame)), probabilities=True)
    for row, found in enumerate(explain_rows(net, table, frame, frame)):
        assert found.answer == probabilities["prediction"][row]
        assert found.prediction == pytest.approx(probabilities[f"probability_{found.answer}"][row])
        assert found.average == pytest.approx(probabilities[f"probability_{found.answer}"].mean())
        assert found.values.sum() == pytest.approx(found.prediction - found.average)
        assert f"The probability of {found.answer} is " in found.text()


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_no_number_is_cut(width):
    frame = frame_of().rename({"size": "a very long name of a column, 长的名字, with\na line break", "old": "o"})
    frame = frame.with_columns(color=pl.lit("the longest of all colors ") + pl.col("color"))
    net, table = regression(frame)
    (found,) = explain_rows(net, table, frame[[3]], frame)
    lines = found.text(width=width).splitlines()
    assert max(map(width_of, lines)) <= width
    for text in numbers(found.values, signed=True):
        assert any(f" {text} " in f"{line} " for line in lines)
    Console(width=width, file=(printed := io.StringIO())).print(found)
    assert printed.getvalue().rstrip() == found.text(width=width)


def test_many_columns_are_shown_as_those_that_add_most_and_the_others_together():
    random = np.random.default_rng(2)
    frame = pl.DataFrame({f"x{i}": random.normal(size=40) for i in range(20)} | {"y": random.normal(size=40)})
    net, table = regression(frame, "y")
    (found,) = explain_rows(net, table, frame[[0]], frame, predictions=40 * 38 * 8)
    assert not found.exact
    text = found.text()
    assert "8 others together" in text
    assert "±" in text
    assert "standard error" in text
    order = np.argsort(-np.abs(found.values))
    assert [line.split()[0] for line in text.splitlines() if line.startswith("x")] == [f"x{i}" for i in order[:12]]
    assert found.text(full=True).count("\nx") == 20
    assert "8 others together" in found._repr_html_()


def test_importance_is_of_columns_and_of_those_that_vary():
    frame = frame_of(300).with_columns(same=pl.lit("a"))
    net, table = regression(frame.with_columns(same=pl.Series(["a", "b"] * 150)))
    found = importance_of_columns(net, table, frame, repeats=4, seed=3)
    assert [table.column_names[i] for i in found.inputs] == ["size", "color", "old"]
    assert found.constant == 1
    groups = table.features_of_columns[:3]
    X, y = table.features(frame), table.targets(frame)
    assert (found.values == permutation_importance(net, X, y, inputs=groups, repeats=4, seed=3, bounded=True)).all()
    many = importance_of_columns(net, table, pl.concat([frame] * 10), repeats=1)
    assert (many.rows, many.available) == (2000, 3000)
    lines = [plain(line) for line in importance_lines(table.column_names, many, False, 60)]
    assert max(map(width_of, lines)) <= 60
    assert "(2,000 of 3,000, drawn at random)" in " ".join(lines)
    assert "1 column the same in all rows" in " ".join(lines)


def test_numbers_have_three_figures_of_the_largest():
    assert numbers([1234.4, -0.4], signed=True) == ["+1,234", "+0"]
    assert numbers([0.3124, -0.00004], signed=True) == ["+0.312", "+0.000"]
    assert numbers([3e-9]) == ["3.00e-09"]
    assert numbers([0.0, 0.0]) == ["0.00", "0.00"]
