"""Networks with their tables as C: rows as a program has them, predictions as `plainnet predict` writes them."""

import ctypes
import re
import subprocess
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from c_compilers import CC, WARNINGS, assert_few_last_places, exported, library, needs_compiler, pointer, program
from prepared import network_of, prepared_file
from shared import PENGUINS

import plainnet as pn
from plainnet.errors import InvalidValue
from plainnet.export.c_text import string
from plainnet.tabular import read_table

pytestmark = needs_compiler


def trained(path, target, **options):
    prepared = prepared_file(path, target, seed=1, loss=options.pop("loss", None))
    net = network_of(prepared, (16, 8), seed=1, **options)
    net.fit(prepared.X, prepared.y, loss=prepared.problem.loss, epochs=5, engine="numpy")
    return net, prepared.table


def fields(table, frame):
    """The rows as the file's own main reads them."""
    rows = []
    for row in frame.select(table.column_names).iter_rows():
        texts = (
            "" if v is None else str(int(v)) if isinstance(v, bool) else v if isinstance(v, str) else f"{v:.17g}"
            for v in row
        )
        rows.append(",".join(texts))
    return "\n".join(rows) + "\n"


def assert_predicts_as_the_table(net, table, frame, folder):
    """The names and numbers that `plainnet predict` writes, from the same rows."""
    lines = program(exported(net, folder))(fields(table, frame))
    outputs = net.predict(table.features(frame, dtype=net.dtype))
    expected = table.predictions(outputs, probabilities=table.task == "classification")
    assert len(lines) == len(frame)
    if table.task == "regression":
        scale = table.target.deviation
        np.testing.assert_allclose(
            [float(line) for line in lines], expected["prediction"], rtol=1e-6, atol=1e-5 * scale
        )
        return
    probabilities = expected[:, 1:].to_numpy()
    assert_few_last_places(np.array([line.split("\t")[1].split() for line in lines], net.dtype), probabilities, 16)
    clear = np.sort(probabilities, axis=1)[:, -2:] @ [-1, 1] > 1e-5
    names = np.array(table.class_names)[probabilities.argmax(axis=1)]
    assert (np.array([line.split("\t")[0] for line in lines]) == names)[clear].all()
    assert clear.mean() > 0.9


def odd_penguins():
    """A penguin of which nothing is known, one whose every category is new, and one with missing measurements."""
    frame = read_table(PENGUINS)
    new = frame[:1].with_columns(island=pl.lit("Anvers"), species=pl.lit("Emperor"), sex=pl.lit("unknown"))
    return pl.concat([frame, frame.clear(1), new, frame[3:4]])


NEWS = pytest.mark.filterwarnings("ignore:column.*(missing values|training did not have)")
GUESSED = pytest.mark.filterwarnings("ignore:target .* is taken for classes")


@NEWS
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target", ["species", "body_mass_g", "sex"])
def test_penguins_missing_values_and_unknown_categories(tmp_path, target, dtype):
    loss = {"sex": "binary_cross_entropy"}.get(target)
    net, table = trained(PENGUINS, target, loss=loss, dtype=dtype, normalization="batch", dropout=0.1)
    assert_predicts_as_the_table(net, table, odd_penguins(), tmp_path)


def made_frame(rows=200):
    """Columns of every kind, with large numbers, and targets of every kind that depend on them."""
    random = np.random.default_rng(5)
    seconds = 1.7e9 + random.integers(0, 100, rows)  # float32 knows them to 128 seconds
    member, paid = random.random(rows) < 0.3, random.random(rows) < 0.6
    return pl.DataFrame(
        {
            "seconds": seconds.astype(float),
            "class": member,
            "2nd paid": [None if random.random() < 0.2 else bool(p) for p in paid],
            "Code": random.choice(["", "é日", 'b "c', "B?? */", "\\"], rows),
            "code": random.choice(["x", "y"], rows),
            "late": (seconds > 1.7e9 + 50) ^ (random.random(rows) < 0.1),
            "stars": random.integers(1, 4, rows),
            "amount": 1e12 + seconds + 10 * member,
        }
    )


@NEWS
@GUESSED
@pytest.mark.parametrize("target", ["late", "stars", "amount"])
def test_a_table_with_booleans_large_numbers_and_odd_names(tmp_path, target):
    frame = made_frame()
    frame.select("seconds", "class", "2nd paid", "Code", "code", target).write_parquet(tmp_path / "table.parquet")
    net, table = trained(tmp_path / "table.parquet", target)
    rows = table.read(tmp_path / "table.parquet")  # an empty text of the file is a missing value
    assert_predicts_as_the_table(net, table, rows, tmp_path)
    text = (tmp_path / "net.c").read_text(encoding="utf-8")
    assert re.findall(r"^    (?:double |const char \*)(\w+); /\*", text, re.MULTILINE) == [
        "seconds", "class_", "column_2nd_paid", "code", "code_2"
    ]  # fmt: skip


@pytest.mark.parametrize("missing", [True, False])
@pytest.mark.parametrize("values", [["", "a", "ab", "b"], ["a", "ab", "b"]])
def test_the_place_of_each_category(tmp_path, values, missing):
    column = {"kind": "category", "name": "c", "values": values, "missing": missing}
    target = {"kind": "regression", "name": "y", "mean": 0.0, "deviation": 1.0}
    net = pn.Network(pn.Dense(1), input_size=len(values) + missing)
    net.table = {"columns": [column], "target": target}
    functions = library(exported(net, tmp_path))
    features = np.empty(net.input_size, "float32")
    for text in ["a", "ab", "b", "", "abc", "A", None]:
        row = ctypes.c_char_p(None if text is None else text.encode())
        functions.net_features(ctypes.byref(row), pointer(features))
        expected = [text == value for value in values]
        expected += [text is None or (text == "" and "" not in values)] if missing else []
        assert features.tolist() == expected, text


def test_many_features_are_in_the_callers_memory(tmp_path):
    net, table = trained(PENGUINS, "species")
    wide = pn.Network(pn.Dense(1100), pn.Dense(3, "softmax"), input_size=net.input_size, seed=1)
    wide.table = net.table
    assert_predicts_as_the_table(wide, table, table.read(PENGUINS)[:5], tmp_path)
    text = (tmp_path / "net.c").read_text()
    assert int(re.search(r"#define NET_SCRATCH (\d+)", text)[1]) >= 1100 + net.input_size


def test_a_network_that_does_not_fit_its_table_is_refused(tmp_path):
    net, _ = trained(PENGUINS, "species")
    other = pn.Network(pn.Dense(3, "softmax"), input_size=2)
    other.table = net.table
    with pytest.raises(InvalidValue, match="takes 2 inputs and its table makes 15 features"):
        other.export(tmp_path / "net.c")


def test_a_text_with_a_zero_byte_is_refused():
    with pytest.raises(InvalidValue, match="zero byte"):
        string("a\0b")


def test_the_guide_shows_what_its_program_of_a_table_prints(tmp_path):
    text = (Path(__file__).parent.parent / "docs" / "use" / "c.md").read_text(encoding="utf-8")
    shown = re.search(r'^```c\n(#include <stdio.h>\n#include "penguins.c".*?)^```', text, re.MULTILINE | re.DOTALL)
    net, _ = trained(PENGUINS, "species")
    net.export(tmp_path / "penguins.c")
    (tmp_path / "use.c").write_text(shown[1])
    subprocess.run([*CC, "-std=c99", *WARNINGS, "use.c", "-o", "use", "-lm"], cwd=tmp_path, check=True)
    printed = subprocess.run([tmp_path / "use"], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"(Adelie|Chinstrap|Gentoo) 0\.\d{3}\n", printed)
