"""Tables of the encoding "robust" as ONNX, script and C: what every kind of column becomes is the same."""

import csv
import runpy

import numpy as np
import onnxruntime
import polars as pl
import pytest
from c_compilers import needs_compiler
from test_c_tables import assert_predicts_as_the_table
from test_onnx import inputs_of

import plainnet as pn
from plainnet.tabular import Table, read_table

pytestmark = pytest.mark.filterwarnings("ignore:column:plainnet.errors.PlainnetWarning")

ROWS = 160
HEADER = ["x", "heavy", "gaps", "day", "at", "flag", "maybe", "two", "four", "many", "price"]


def write_rows(path):
    """A table file with every kind of column; some have missing values."""
    rng = np.random.default_rng(3)
    days = np.datetime64("1995-12-30") + rng.integers(0, 12_000, ROWS)
    columns = {
        "x": rng.normal(size=ROWS).round(4),
        "heavy": (rng.standard_cauchy(ROWS) * 1e6).round(1),
        "gaps": [f"{v:.3f}" if v > -1 else "" for v in rng.normal(size=ROWS)],
        "day": [f"{d} {h:02}:{m:02}" for d, h, m in zip(days, *rng.integers(0, 24, (2, ROWS)), strict=True)],
        "at": [f"{h:02}:30" for h in rng.integers(0, 24, ROWS)],
        "flag": rng.choice(["true", "false"], ROWS, p=[0.2, 0.8]),
        "maybe": rng.choice(["true", "false", ""], ROWS),
        "two": rng.choice(["no", "yes, sir"], ROWS),
        "four": rng.choice(["a", 'b"', "é", "rare", ""], ROWS, p=[0.4, 0.3, 0.2, 0.05, 0.05]),
        "many": rng.choice([f"kind {k}" for k in range(30)], ROWS),
        "price": rng.normal(50, 9, ROWS).round(2),
    }
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([HEADER, *zip(*columns.values(), strict=True)])
    return path


@pytest.fixture(params=["float32", "float64"])
def model(request, tmp_path):
    """A table, its network with random numbers, and rows: those of training, and some that it did not have."""
    frame = read_table(write_rows(tmp_path / "rows.csv"))
    options = pn.tabular.reading.read_typed(tmp_path / "rows.csv", target="price").options
    table = Table.learn(frame, "price", "regression", encoding="robust", options=options)
    net = pn.Network(pn.Dense(9, "tanh"), pn.Dense(1), input_size=len(table.feature_names), seed=1, dtype=request.param)
    net.parameters = np.random.default_rng(5).normal(0, 0.6, net.parameters.shape)
    net.table = table.to_dict()
    frame = table.read(tmp_path / "rows.csv")
    new = frame[:2].with_columns(two=pl.lit("perhaps"), four=pl.lit("z"), many=pl.lit("other"), heavy=pl.lit(1e300))
    return net, table, pl.concat([frame, frame.clear(2), new])


def expected_of(net, table, frame):
    found = table.decode(net.predict(table.features(frame, dtype=net.dtype), engine="numpy"))
    limits = table.target.limits
    assert 0 < np.isin(found, limits).sum() < len(found) / 2  # some are clipped
    return found


def test_the_table_has_every_kind_of_column(model):
    table = model[1]
    assert table.groups.categories == (len(table.columns[-1].values),)
    kinds = {column.entry for column in table.columns}
    assert kinds == {"robust number", "robust boolean", "two categories", "robust category", "coded category"}
    assert {"day: year", "day: month sine", "day: hour cosine", "at: hour sine", "gaps missing"} < set(
        table.feature_names
    )


def test_a_script_makes_the_same_features_to_the_last_bit(model, tmp_path):
    net, table, frame = model
    net.export(tmp_path / "model.py")
    own = runpy.run_path(str(tmp_path / "model.py"))
    rows = [dict.fromkeys(table.column_names) | row for row in frame.to_dicts()]
    made = own["inputs_of"](rows)
    assert made.dtype == net.dtype
    np.testing.assert_array_equal(made, table.features(frame, dtype=net.dtype))
    np.testing.assert_array_equal(own["predict"](rows), expected_of(net, table, frame))
    of_file = own["predict"](own["read"](str(tmp_path / "rows.csv")))
    np.testing.assert_array_equal(of_file, expected_of(net, table, frame)[:ROWS])


def test_onnx_runtime_predicts_what_the_table_does(model, tmp_path):
    net, table, frame = model
    net.export(tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(["variable"], inputs_of(table, frame))
    tolerance = {"float32": 1e-5, "float64": 1e-12}[net.dtype.name]
    np.testing.assert_allclose(
        found[:, 0], expected_of(net, table, frame), rtol=0, atol=tolerance * table.target.deviation
    )


@needs_compiler
def test_c_predicts_what_the_table_does(model, tmp_path):
    net, table, frame = model
    expected_of(net, table, frame)
    frame = frame.filter(~pl.col("two").fill_null("").str.contains(","))  # the file's own main divides at commas
    assert_predicts_as_the_table(net, table, frame, tmp_path)
