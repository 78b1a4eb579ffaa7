"""Exported scripts read a table file as `plainnet predict` does: equal predictions, or both refuse."""

import runpy
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import plainnet as pn
from plainnet.errors import InvalidValue
from plainnet.export import script
from plainnet.tabular import ReadOptions, Table
from plainnet.tabular.reading import read_typed

TRAINING = """plain;price;day;until;member;town;code;weight;mass;y
1.5;1.234,50 €;03.12.2024;12:30;True;Ulm;02;5 kg;7000;a
2;12,00 €;31.01.2024 06:00;9:05 pm;false;Köln;2;10 kg;650;b
-3e2;0,99 €;01.01.1970;00:00;;NA;3.0;2.5 kg;;a
;1.000,00 €;28.02.2023;23:59;TRUE;True;NA;.5 kg;31250;b
4;5,5 €;29.02.2024;01:00;true;"NA";;7 kg;1200;a
"""

FIELDS = {
    "plain": [
        "1",
        " 2.50 ",
        "-3",
        "+1e3",
        "1E5",
        ".5",
        "5.",
        "1_5",
        "1,5",
        "1.234",
        "0x10",
        "inf",
        "-inf",
        "NAN",
        "nan",
        "1e300",
        "1e999",
        "−4",
        "１２",
        "007",
        "1 000",
        "\u200b7",
    ],
    "price": [
        "1.234,50 €",
        "7 €",
        "7",
        "€ 7",
        "1.5 €",
        "12.34,5 €",
        "-3,5 €",
        "1.234.567 €",
        "1 €€",
        "$5",
        "−2 €",
        "1e3 €",
    ],
    "day": ["03.12.2024", "3.1.2024 6:00", "2024-12-03", "31.02.2024", "03/12/2024", "3 Mar 2024", "3.1.24", "1"],
    "until": ["12:30", "9:05 pm", "13:00 pm", "24:00", "7:5", "07:05:30", "1"],
    "member": ["true", " FALSE ", "yes", "N", "1", "0.0", "maybe", "2"],
    "town": [
        "Ulm",
        "ulm",
        "Köln",
        "Köln ",
        "TRUE",
        "true",
        "Bonn",
        '"NA"',
        "NA",
        '""',
        '" Ulm "',
        '"Ul""m"',
        "Null",
        "NA\u200b",
    ],
    "code": ["02", "2", "2.0", "2.00", "3", "03", "NA", "None", '"NA"', "2.5"],
    "weight": ["5 kg", "5kg", "kg 5", "5", "5 g", "-2kg", "1,5 kg", "1e2 kg"],
    "mass": ["7000", "7.000", "-31.250", "７.000", "7.5", "0.250", "7.0000", "1234.567", "7.000e3", "7,000"],
}
MISSING = ["", " ", "NA", "?", '""', '"?"', '" NA "', "n/a", "-", '"#DIV/0!"', "Unknown"]
GOOD = {"plain": "1", "price": "1,5 €", "day": "01.02.2024", "until": "12:00", "member": "true", "town": "Ulm"} | {
    "code": "2",
    "weight": "1 kg",
    "mass": "650",
}


@pytest.fixture(scope="module", params=[None, ("NA", "?", "n/a")], ids=["usual markers", "listed markers"])
def model(request, tmp_path_factory):
    """A table that reads every kind of column, its network, and what its script defines."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "train.csv").write_text(TRAINING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        typed = read_typed(
            folder / "train.csv", options=ReadOptions(categories=("code",), missing=request.param), target="y"
        )
        frame, options = typed.frame, typed.options
        table = Table.learn(frame, "y", "classification", options=options)
    net = pn.Network(
        pn.Dense(8, "relu"), pn.Dense(2, "softmax"), input_size=len(table.feature_names), seed=0, dtype="float32"
    )
    net.parameters = np.random.default_rng(0).normal(0, 0.7, net.parameters.shape)
    net.table = table.to_dict()
    script.write(net, folder / "model.py")
    return net, Table.from_dict(net.table), runpy.run_path(str(folder / "model.py")), folder


def of_plainnet(net, table, path):
    """The probabilities that `plainnet predict` writes, None where it refuses the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pn.errors.PlainnetWarning)
        try:
            return net.predict(table.features(table.read(path), dtype=net.dtype), engine="numpy").astype(float)
        except InvalidValue:
            return None


def of_script(own, path):
    try:
        return own["probabilities"](own["read"](str(path)))
    except (ValueError, KeyError):
        return None


def assert_read_alike(model, content):
    net, table, own, folder = model
    path = folder / "new.csv"
    path.write_bytes(content.encode())
    expected, found = of_plainnet(net, table, path), of_script(own, path)
    assert (expected is None) == (found is None), content
    assert expected is None or np.array_equal(expected, found), content
    return expected


def test_the_model_has_every_kind_of_column(model):
    table = model[1]
    kinds = [*["number"] * 4, "boolean", *["category"] * 2, *["number"] * 2]
    assert [column.kind for column in table.columns] == kinds
    assert {name: notation.to_dict() for name, notation in table.options.notations.items()} == {
        "price": {"decimal": ",", "thousands": ".", "unit": "€"},
        "day": {"date": "dmy"},
        "until": {"date": "time"},
        "weight": {"unit": "kg"},
        "mass": {"whole": True},
    }


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in FIELDS.items() for value in [*values, *MISSING]]
)
def test_a_value_means_the_same_or_is_refused_by_both(model, name, value):
    header, row = ";".join(GOOD), ";".join({**GOOD, name: value}.values())
    assert_read_alike(model, f"{header}\n{';'.join(GOOD.values())}\n{row}\n")


def test_good_rows_are_read_and_wrong_ones_refused(model):
    header, good = ";".join(GOOD), ";".join(GOOD.values())
    assert assert_read_alike(model, f"{header}\n{good}\n") is not None
    for name, value in (("plain", "1_5"), ("plain", "1e300"), ("price", "1.5 €"), ("day", "31.02.2024")):
        row = ";".join({**GOOD, name: value}.values())
        assert assert_read_alike(model, f"{header}\n{good}\n{row}\n") is None


@st.composite
def tables(draw):
    """The text of a table that may be anything."""
    separator = draw(st.sampled_from(";;;,\t|"))
    names = draw(st.permutations([*GOOD, *draw(st.sampled_from([[], ["more"], ["town"]]))]))
    lines = [separator.join(draw(st.sampled_from(["", " "])) + name for name in names)]
    for _ in range(draw(st.integers(1, 4))):
        row = [
            draw(st.sampled_from([GOOD.get(name, "x")] * 12 + FIELDS.get(name, ["x"]) + MISSING)).replace(
                separator, "."
            )
            for name in names
        ]
        kind = draw(st.sampled_from(["row"] * 9 + ["short", "long", "blank", "spaces", "quote", "header"]))
        changed = {
            "short": row[:-1],
            "long": [*row, "1"],
            "blank": [],
            "spaces": ["  "],
            "quote": [row[0] + '"', *row[1:]],
            "header": names,
        }
        lines.append(separator.join(changed.get(kind, row)))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    first = draw(st.sampled_from(["", "", "\ufeff", "\n", "  \n", f"sep={separator}\n"]))
    return first.replace("\n", end) + end.join(lines) + draw(st.sampled_from(["", end, end * 2, " " + end]))


@settings(max_examples=300, deadline=None)
@given(content=tables())
@example(content='plain;price;day;until;member;town;code;weight\n0.5;"0,1 €\n-0.5;0,2 €"\n')
@example(content=";".join(GOOD) + "\n" + ";".join({**GOOD, "member": '"?"'}.values()) + "\n")
@example(content='"sep=;"\n' + ";".join(GOOD) + "\n" + ";".join(GOOD.values()).replace(",", ".") + "\n")
def test_messy_files_are_read_alike(model, content):
    assert_read_alike(model, content)


def test_the_program_prints_labels_as_predict_writes_them(tmp_path):
    """Booleans as the training file wrote them, numbers with their unit."""
    for labels in (("True", "False"), ("5%", "10%"), ("true", "false"), ("1.0", "2.0")):
        rows = "".join(f"{i},{labels[i % 2]}\n" for i in range(6))
        (tmp_path / "train.csv").write_text(f"x,y\n{rows}")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            typed = read_typed(tmp_path / "train.csv", target="y")
            frame, options = typed.frame, typed.options
        table = Table.learn(frame, "y", "classification", options=options)
        net = pn.Network(pn.Dense(2, "softmax"), input_size=1, seed=1)
        net.table = table.to_dict()
        script.write(net, tmp_path / "model.py")
        outputs = net.predict(table.features(frame), engine="numpy")
        expected = table.predictions(outputs)["prediction"].cast(str).to_list()
        assert set(expected) <= set(labels)
        done = subprocess.run(
            [sys.executable, "model.py", "train.csv"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == expected
