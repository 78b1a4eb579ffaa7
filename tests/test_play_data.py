"""The data of plainnet play: own points, uploaded tables, given arrays and models, and what the page shows of them."""

import gzip
import io
import json
import zipfile
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from test_table_sources import workbook

import plainnet as pn
from plainnet.attribution.dependence import partial_dependence
from plainnet.errors import FileError, InvalidValue, PlainnetError
from plainnet.play.session.examples import Held, examples_of
from plainnet.play.session.given import held_arrays, held_model, held_table
from plainnet.play.session.session import Session
from plainnet.play.session.setup import Setup
from plainnet.play.session.tables import HeldTable
from plainnet.tabular import ReadOptions, read_table, sources
from plainnet.tabular.building import network_for
from plainnet.tabular.parts import Division, Share
from plainnet.tabular.preparing import prepare
from plainnet.tabular.problem import divide, problem_of_file
from plainnet.tabular.recipe import SMALL
from plainnet.tabular.sources import FileContent

HOSTILE = "<img src=x onerror=alert(1)>"
ROWS = 120


def frame() -> pl.DataFrame:
    """Return a table with numbers, categories, dates, booleans and missing cells."""
    random = np.random.default_rng(0)
    size = random.normal(170, 10, ROWS).round(1)
    color = random.choice(["red", "blue", "green"], ROWS, p=[0.5, 0.3, 0.2]).tolist()
    return pl.DataFrame(
        {
            HOSTILE: size.tolist(),
            "color": [None if i % 17 == 5 else one for i, one in enumerate(color)],
            "day": [date(2024, 1, 1) + timedelta(days=int(d)) for d in random.integers(0, 300, ROWS)],
            "open": (random.random(ROWS) < 0.7).tolist(),
            "gap": [None if i % 11 == 3 else float(i % 7) + 0.5 for i in range(ROWS)],
            "price": (2 * size + 30 * (np.array(color) == "red") + random.normal(0, 1, ROWS)).round(2).tolist(),
            "kind": [("low", "middle", "high")[int(s > 165) + int(s > 175)] for s in size],
        }
    )


def csv() -> bytes:
    return frame().write_csv().encode()


def upload(session: Session, name: str, content: bytes, target: str | None, **options) -> dict:
    header = {"do": "upload", "name": name, "target": target, "options": options}
    return session.handle(header, {"bytes": np.frombuffer(content, np.uint8)})[0]


def points(data: dict) -> tuple[list, list]:
    return data["X"], data["y"]


# ---- own points ----


def test_a_data_set_that_is_edited_becomes_points():
    session = Session({"data": {"kind": "dataset", "name": "moons", "options": {"rows": 20}, "validation": 0.25}})
    before = session.examples
    reply = session.handle({"do": "point", "action": "add", "x": [0.25, -0.5], "label": 1})[0]
    assert (reply["data"]["rows"], reply["setup"]["data"]["kind"]) == (21, "points")
    assert session.examples.inputs[-1].tolist() == [0.25, -0.5]
    assert session.examples.labels[-1] == 1
    assert np.array_equal(session.examples.parts[:20], before.parts)  # no point goes to another part
    session.handle({"do": "point", "action": "move", "index": 3, "x": [9.0], "axes": [1]})
    assert session.examples.inputs[3].tolist() == [before.inputs[3, 0], 9.0]
    session.handle({"do": "point", "action": "delete", "index": 0})
    assert np.array_equal(session.examples.inputs[:2], before.inputs[1:3])
    again = Session(json.loads(json.dumps(session.setup.plain())))  # a link holds the points
    assert np.array_equal(again.examples.inputs, session.examples.inputs)
    assert np.array_equal(again.examples.parts, session.examples.parts)


def test_the_constant_column_of_xor_stays_1_in_a_new_point():
    session = Session()
    session.handle({"do": "point", "action": "add", "x": [0.5, 0.5], "label": 0})
    assert session.examples.inputs[-1].tolist() == [0.5, 0.5, 1.0]
    assert [column.name for column in session.examples.columns] == ["x1", "x2", "constant"]


def test_points_of_a_quantity_have_values():
    session = Session({"data": {"kind": "dataset", "name": "sine", "options": {"rows": 30}}})
    session.handle({"do": "point", "action": "add", "x": [1.5], "label": 0.75})
    assert session.examples.targets[-1].tolist() == [0.75]
    assert session.examples.row(30).label == "0.75"


def test_another_share_divides_points_anew():
    session = Session({"data": {"kind": "dataset", "name": "moons", "options": {"rows": 20}}})
    session.handle({"do": "point", "action": "add", "x": [0.25, -0.5], "label": 1})
    reply = session.handle({"do": "change", "path": ["data", "validation"], "value": 0.5})[0]
    assert reply["data"]["parts"]["validation"] == 10


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"action": "add", "x": [1.0, 2.0, 3.0, 4.0], "label": 0}, "axes"),
        ({"action": "add", "x": ["a"], "label": 0}, r"x\[0\]"),
        ({"action": "add", "x": [0.0], "label": 2}, "label is 2"),
        ({"action": "add", "x": [0.0]}, "label"),
        ({"action": "move", "index": 4, "x": [0.0]}, "index is 4"),
        ({"action": "move", "index": 0, "x": []}, "x"),
        ({"action": "throw"}, "action"),
        ({"action": "delete", "index": 0, "force": True}, "force"),
    ],
)
def test_a_point_that_cannot_be_is_refused(fields, says):
    session = Session()
    with pytest.raises(PlainnetError, match=says):
        session.handle({"do": "point", **fields})
    assert session.setup.data["kind"] == "dataset"


def test_the_last_training_point_stays_and_there_are_at_most_2000():
    one = {"kind": "points", "X": [[0.0, 1.0]], "y": [1]}
    session = Session({"data": one})
    with pytest.raises(InvalidValue, match="last training point"):
        session.handle({"do": "point", "action": "delete", "index": 0})
    many = Session({"data": {"kind": "points", "X": [[0.0, 1.0]] * 2000, "y": [1] * 2000}})
    with pytest.raises(InvalidValue, match="2,000 points"):
        many.handle({"do": "point", "action": "add", "x": [0.0, 0.0], "label": 1})


# ---- files in memory ----


@pytest.mark.filterwarnings("ignore:column")
@pytest.mark.parametrize("ending", ["csv", "csv.gz", "parquet", "arrow", "xlsx", "jsonl"])
def test_a_file_in_memory_is_read_as_from_the_disk(ending, tmp_path):
    path, table = tmp_path / f"table.{ending}", frame()
    if ending == "csv":
        table.write_csv(path)
    elif ending == "csv.gz":
        path.write_bytes(gzip.compress(table.write_csv().encode()))
    elif ending == "parquet":
        table.write_parquet(path)
    elif ending == "arrow":
        table.write_ipc(path)
    elif ending == "jsonl":
        table.write_ndjson(path)
    else:
        workbook(path, {"prices": [table.columns, *map(list, table.iter_rows())]})
    in_memory = read_table(FileContent(f"table.{ending}", path.read_bytes()))
    assert in_memory.equals(read_table(path))


@pytest.mark.parametrize("ending", ["csv.gz", "zip"])
def test_a_small_upload_does_not_unpack_to_all_of_the_memory(ending, monkeypatch):
    monkeypatch.setattr(sources, "MOST_UNPACKED", 2**20)
    text, archive = b"x,y\n" + b"1,2\n" * 2**18, io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writing:
        writing.writestr("table.csv", text)
    content = archive.getvalue() if ending == "zip" else gzip.compress(text)
    with pytest.raises(FileError, match=rf"table\.{ending} holds more than 1 MiB once it is unpacked; take fewer rows"):
        read_table(FileContent(f"table.{ending}", content))


def test_german_commas_and_semicolons_are_numbers():
    text = "Größe;Preis\n" + "\n".join(f"{i},5;1.2{i:02d},25" for i in range(30))
    session = Session()
    upload(session, "preise.csv", text.encode("cp1252"), "Preis")
    assert session.examples.columns[0].name == "Größe"
    assert session.examples.cells[3].tolist() == [3.5]
    assert session.examples.labels[3] == pytest.approx(1203.25)
    assert any("decimal commas" in note for note in session.examples.notes)


@pytest.mark.parametrize(
    ("name", "content", "target", "says"),
    [
        ("a.csv", b"", "y", "empty"),
        ("a.csv", b"a,y\n", "y", "no rows"),
        ("a.csv", csv(), "colour", "color"),
        ("a.parquet", b"a,y\n1,2\n", "y", "not a Parquet file"),
        ("a.xlsx", b"PK\x03\x04 damaged", "y", "a.xlsx"),
        ("a.exe", b"MZ", "y", "a table ends in one of"),
        ("a.csv", b"y\n" + b"1\n2\n" * 20, "y", "no column"),
        ("a.csv", b"x,y\n1,1\n2,1\n", "y", "nothing to learn"),
        ("../../etc/passwd", b"x", "y", "a table ends in one of"),
    ],
)
def test_a_file_that_is_no_table_is_refused_and_the_run_stays(name, content, target, says):
    session = Session()
    with pytest.raises(PlainnetError, match=says):
        upload(session, name, content, target)
    assert session.examples.name == "xor"
    assert session.held.tables == {}
    session.handle({"do": "epoch"})


def test_without_a_target_the_columns_are_listed():
    session = Session()
    reply = upload(session, "table.csv", csv(), None)
    kinds = {column["name"]: column["kind"] for column in reply["columns"]}
    assert kinds == {
        **{HOSTILE: "number", "color": "category", "day": "date", "open": "boolean", "gap": "number"},
        **{"price": "number", "kind": "category"},
    }
    assert session.examples.name == "xor"


# ---- tables ----


@pytest.mark.filterwarnings("ignore:column")
@pytest.mark.parametrize("target", ["price", "kind", "open"])
def test_a_table_is_divided_and_encoded_as_train_does_it(target, tmp_path):
    session = Session()
    reply = upload(session, "table.csv", csv(), target)
    assert reply["problems"] == []
    (tmp_path / "table.csv").write_bytes(csv())
    problem = problem_of_file(tmp_path / "table.csv", target)
    prepared = prepare(problem, divide(problem, Division(test=Share(0), validation=Share(0.2)), 0), SMALL)
    inputs, targets, _ = session.examples.training
    assert np.array_equal(inputs.astype(np.float32), prepared.X)
    assert np.array_equal(targets, prepared.y)
    assert session.examples.validation is not None
    assert np.array_equal(session.examples.validation[0].astype(np.float32), prepared.validation[0])
    net = network_for(prepared.table, SMALL, problem.loss, *prepared.examples, seed=0)
    assert np.array_equal(session.runs[0].network.parameters, net.parameters)
    assert session.runs[0].network.table["columns"] == net.table["columns"]


def test_test_rows_are_neither_trained_on_nor_validated_on():
    session = Session()
    upload(session, "table.csv", csv(), "kind")
    reply = session.handle({"do": "change", "path": ["data", "test"], "value": 0.25})[0]
    assert reply["data"]["parts"] == {"training": 72, "validation": 18, "test": 30}


def test_the_plane_is_in_the_columns_own_units():
    session = Session()
    upload(session, "table.csv", csv(), "price")
    examples, table = session.examples, pn.tabular.Table.from_dict(session.examples.table)
    columns = {column.name: place for place, column in enumerate(examples.columns)}
    size, color = columns[HOSTILE], columns["color"]
    assert examples.columns[color].levels == ["blue", "green", "red", "(missing)"]
    plane = examples.plane([size, color], 9)
    ranges = examples.ranges([size, color])
    medians = {name: examples.columns[columns[name]].usual for name in ("day", "gap", "open")}
    expected = pl.DataFrame(
        [
            {HOSTILE: x, "color": level, "day": medians["day"], "open": medians["open"] == 1.0, "gap": medians["gap"]}
            | {"kind": examples.columns[columns["kind"]].levels[int(examples.columns[columns["kind"]].usual)]}
            for y in np.linspace(*ranges[1], 9)
            for level in [["blue", "green", "red", None][min(3, max(0, round(y)))]]
            for x in np.linspace(*ranges[0], 9)
        ]
    )
    assert np.allclose(plane, table.features(expected))
    at_row = examples.plane([size, color], 3, at=7)
    others = [
        i for i in range(plane.shape[1]) if i not in (*examples.columns[size].inputs, *examples.columns[color].inputs)
    ]
    assert np.array_equal(at_row[:, others], np.tile(examples.inputs[7, others], (9, 1)))


def test_a_row_is_shown_as_it_stands_in_the_table():
    session = Session()
    upload(session, "table.csv", csv(), "kind")
    given = frame()
    row = session.examples.row(0)
    shown = dict(zip([column.name for column in session.examples.columns], row.cells, strict=True))
    assert shown["color"] == (given["color"][0] or "")
    assert shown["day"] == str(given["day"][0])
    assert float(shown[HOSTILE]) == given[HOSTILE][0]
    assert row.label == given["kind"][0]
    assert session.examples.row(5).cells[1] == "(missing)"


def test_each_input_of_the_network_has_the_name_that_train_gives_it():
    session = Session()
    upload(session, "table.csv", csv(), "price")
    names = [one["name"] for one in session.scene()["network"]["inputs"]]
    assert names[:6] == [HOSTILE, "color=blue", "color=green", "color=red", "color missing", "day"]
    assert "gap missing" in names


def test_outputs_and_labels_are_in_the_unit_of_the_target():
    session = Session()
    upload(session, "table.csv", csv(), "price")
    session.runs[0].advance(epochs=60)
    examples, net = session.examples, session.runs[0].network
    assert examples.labels == pytest.approx(frame()["price"].to_numpy())
    predicted = examples.in_units(net.predict(examples.inputs))[:, 0]
    assert predicted == pytest.approx(net.predict_labels(examples.inputs), rel=1e-5)
    assert np.abs(predicted - examples.labels).mean() < 10  # of prices from 300 to 420


def test_the_dependence_is_the_partial_dependence():
    session = Session()
    upload(session, "table.csv", csv(), "price")
    examples, net = session.examples, session.runs[0].network
    color = next(place for place, column in enumerate(examples.columns) if column.name == "color")
    values, inputs = examples.dependence(color, 40)
    assert values.tolist() == [0, 1, 2, 3]
    X = examples.training[0]
    found = partial_dependence(net, X, examples.columns[color].inputs, inputs)
    changed = X.copy()
    changed[:, examples.columns[color].inputs] = [0, 0, 1, 0]  # all red
    assert found[2] == pytest.approx(net.predict(changed).mean(axis=0), rel=1e-5)


def test_a_table_that_is_not_in_memory_is_asked_for():
    session = Session()
    upload(session, "table.csv", csv(), "kind")
    with pytest.raises(InvalidValue, match="upload the file again") as caught:
        Session(session.setup.plain())
    assert caught.value.at == ["data"]


@pytest.mark.parametrize(
    ("path", "value", "at"),
    [
        (["target"], "nothing", ["data", "target"]),
        (["options", "decimal"], "x", ["data", "options", "decimal"]),
        (["options", "columns"], {"gap": "integer"}, ["data", "options"]),
        (["validation"], 0.95, ["data", "validation"]),
    ],
)
def test_a_table_that_cannot_be_read_so_is_refused_with_the_place(path, value, at):
    session = Session()
    upload(session, "table.csv", csv(), "kind")
    with pytest.raises(InvalidValue) as caught:
        session.handle({"do": "change", "path": ["data", *path], "value": value})
    assert caught.value.at == at
    assert session.setup.data["target"] == "kind"


def test_columns_may_be_read_otherwise():
    session = Session()
    upload(session, "table.csv", csv(), "kind")
    columns = {"gap": "category", "color": "ignore"}
    session.handle({"do": "change", "path": ["data", "options", "columns"], "value": columns})
    kinds = {column.name: column.kind for column in session.examples.columns}
    assert kinds["gap"] == "category"
    assert "color" not in kinds
    session.handle({"do": "change", "path": ["data", "target"], "value": "price"})
    assert (session.setup.loss, session.setup.layers[-1]["units"], session.problems) == ("mse", 1, [])


def test_a_table_of_the_same_name_takes_the_place_of_the_first():
    session = Session()
    upload(session, "table.csv", csv(), "kind")
    upload(session, "table.csv", frame()[:60].write_csv().encode(), "kind")
    assert len(session.examples.labels) == 60


def test_a_category_that_training_did_not_have_is_a_level_of_its_own():
    session = Session()
    rare = "\n".join(f"{i},{'only ' + str(i) if i % 5 == 0 else 'ab'[i % 2]},{i * 2.5}" for i in range(100))
    upload(session, "rare.csv", b"x,c,y\n" + rare.encode(), "y")
    column = session.examples.columns[1]
    assert column.levels[-1] == "(not seen)"
    assert not column.encode(np.array([len(column.levels) - 1.0])).any()
    unseen = session.examples.cells[:, 1] == len(column.levels) - 1
    assert not session.examples.inputs[unseen][:, column.inputs].any()
    assert (session.examples.parts[unseen] == 1).all()
    assert unseen.any()


@pytest.mark.parametrize("rows", ["1,2\n3,4\n", "1,a\n2,b\n3,c\n4,d\n"])
def test_a_table_too_small_to_hold_rows_out_trains_on_all(rows):
    session = Session()
    reply = upload(session, "small.csv", b"x,y\n" + rows.encode(), "y")
    assert reply["data"]["parts"]["validation"] == 0
    session.handle({"do": "epoch"})


def test_many_classes_and_one_column():
    text = "x,who\n" + "\n".join(f"{i},name {i // 2}" for i in range(200))
    session = Session()
    upload(session, "names.csv", text.encode(), "who")
    assert (len(session.examples.classes), session.problems) == (100, [])
    session.handle({"do": "epoch"})
    assert session.examples.plane([0], 50).shape == (50, 1)


# ---- what a program gives ----


def test_a_network_that_is_given_keeps_its_weights_loss_and_optimizer():
    X, y = pn.datasets.moons(100, noise=0.1, seed=1)
    net = pn.Network(pn.Dense(70, "relu"), pn.Dense(1, "sigmoid"), seed=1)
    net.fit(X, y, loss="mse", optimizer=pn.SGD(0.2), epochs=3)
    before = net.parameters.copy()
    session = Session(held=held_arrays(net, X, y, columns=["<a>", "b"], classes=["no", "yes"]))
    assert session.problems == []
    assert (session.setup.loss, session.setup.optimizer["name"]) == ("mse", "sgd")
    assert session.setup.optimizer["learning_rate"] == 0.2
    assert np.array_equal(session.runs[0].network.parameters, before)
    session.handle({"do": "epoch"})
    assert np.array_equal(net.parameters, before)  # the program's own is left alone
    session.handle({"do": "restart", "seed": None})
    assert np.array_equal(session.runs[0].network.parameters, before)
    session.handle({"do": "restart", "seed": 9})
    assert not np.array_equal(session.runs[0].network.parameters, before)
    assert session.examples.classes == ["no", "yes"]
    assert Setup.of(session.setup.plain()) == session.setup


class Bent(pn.Layer):
    """k · tanh(inputs)."""

    def __init__(self, k: float = 2.0) -> None:
        self.k = k

    def forward(self, inputs, training=None):
        outputs = self.k * np.tanh(inputs)
        return outputs, lambda gradient, gradients: gradient * self.k * (1 - np.tanh(inputs) ** 2)


def wave(z):
    return np.sin(z), np.cos(z)


def fourth_power(targets, predictions):
    error = predictions - targets
    return error**4, 4 * error**3


def test_parts_of_the_users_own_train_here_too():
    X, y = pn.datasets.sine(50, seed=1)
    net = pn.Network(pn.Dense(5, wave), Bent(k=3.0), pn.Dense(1), seed=1)
    net.fit(X, y, loss=fourth_power, epochs=2)
    session = Session(held=held_arrays(net, X, y))
    assert session.problems == []
    twin = net.copy()
    twin.fit(X, y, loss=fourth_power, epochs=2, engine="numpy")
    session.handle({"do": "change", "path": ["engine"], "value": "numpy"})
    session.runs[0].advance(epochs=2)
    assert np.array_equal(session.runs[0].network.parameters, twin.parameters)
    reply = session.handle({"do": "change", "path": ["layers", 1], "value": {"name": "own:Other"}})[0]
    assert reply["problems"][0]["at"] == ["layers", 1]


@pytest.mark.parametrize(
    ("net", "y", "classes"),
    [
        (pn.Network(pn.Dense(3, "softmax"), seed=1), np.arange(60) % 3, 3),
        (pn.Network(pn.Dense(3, "softmax"), seed=1), np.eye(3)[np.arange(60) % 3], 3),
        (pn.Network(pn.Dense(1, "sigmoid"), seed=1), np.arange(60) % 2, 2),
        (pn.Network(pn.Dense(2), seed=1), np.ones((60, 2)) * np.arange(2), 0),
        (pn.Network(pn.Dense(1), seed=1, dtype="float64"), np.arange(60), 0),
    ],
)
def test_the_task_of_arrays_is_that_of_the_network(net, y, classes):
    X = np.random.default_rng(0).normal(size=(60, 2))
    session = Session(held=held_arrays(net, X, y))
    assert (len(session.examples.classes or ()), session.problems) == (classes, [])
    session.handle({"do": "epoch"})
    assert session.runs[0].network.dtype == net.dtype


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ((np.ones((3, 2)), np.ones(4)), "y has 4 rows"),
        ((np.ones((3, 5)), np.ones(3)), "X has 5 columns"),
        (([["a", "b"]], [1]), "X"),
        (([[np.nan, 0.0]], [1]), "X"),
    ],
)
def test_arrays_that_do_not_go_with_the_network_are_refused(arrays, says):
    with pytest.raises(PlainnetError, match=says):
        held_arrays(pn.Network(pn.Dense(1), input_size=2), *arrays)


def test_a_table_and_a_model_from_the_command_line(tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(csv())
    options = ReadOptions(columns={"gap": "ignore", "color": "ignore"})
    session = Session(held=held_table(HeldTable("table.csv", csv()), "price", options, seed=4))
    assert [column.name for column in session.examples.columns] == [HOSTILE, "day", "open", "kind"]
    assert (session.setup.seed, session.problems) == (4, [])
    session.runs[0].advance(epochs=5)
    net = session.runs[0].network
    net.save(tmp_path / "model.npz")
    model = pn.load(tmp_path / "model.npz")
    again = Session(held=held_model(model, HeldTable("table.csv", csv())))
    assert again.problems == []
    assert np.array_equal(again.runs[0].network.parameters, net.parameters)
    assert np.array_equal(again.examples.inputs, session.examples.inputs)
    assert again.setup.loss == "mse"
    rows = frame()
    assert again.runs[0].network.predict(again.examples.inputs) == pytest.approx(net.predict(path), rel=1e-5)
    assert again.examples.labels == pytest.approx(rows["price"].to_numpy())
    lacking = rows.drop("price").write_csv().encode()
    with pytest.raises(InvalidValue, match="price"):
        Session(held=held_model(model, HeldTable("table.csv", lacking)))


def test_nothing_that_was_given_is_in_a_link():
    X, y = pn.datasets.moons(30, seed=1)
    session = Session(held=held_arrays(pn.Network(pn.Dense(1, "sigmoid"), seed=1), X, y))
    plain = json.loads(json.dumps(session.setup.plain()))
    with pytest.raises(InvalidValue, match="given by a program"):
        examples_of(Setup.of(plain), Held())
    assert len(json.dumps(plain)) < 2_000


def test_no_upload_touches_the_disk(monkeypatch):
    opened = io.open

    def refuse(file, mode="r", *arguments, **options):
        assert not set(mode) & set("wax+"), f"{file} is opened for writing"
        return opened(file, mode, *arguments, **options)

    session = Session()
    upload(session, "table.csv", csv(), "kind")  # all modules are imported now
    monkeypatch.setattr(io, "open", refuse)
    monkeypatch.setattr("builtins.open", refuse)
    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    upload(session, "again.csv", csv(), "price")
    assert session.examples.name == "again.csv"
