"""What is taken along from `plainnet play` does what the page did: each file is really run, compiled or loaded."""

import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from tests import c_compilers

import plainnet as pn
from plainnet.errors import MissingExtraError
from plainnet.play.session.examples import Held
from plainnet.play.session.given import held_arrays
from plainnet.play.session.session import Session

SECONDS = 120
DENSE = {"name": "Dense", "units": 5, "activation": "relu"}
MOONS = {"kind": "dataset", "name": "moons", "options": {"noise": 0.2}, "validation": 0.25, "test": 0.1, "seed": 3}
OWN = {
    "kind": "points",
    "name": 'mine"""\n\\ import os',
    "task": "regression",
    "X": [[0, 1.5], [2, 3], [4, -1], [5, 5.25], [0.1, 0.2]],
    "y": [1, 2.5, -3, 4, 0],
    "columns": ['a"b', "<i>"],
    "parts": [0, 0, 1, 0, 2],
}
CLASSES = {"kind": "points", "classes": ["no", "yes\n'"], "X": [[0.0], [1.0], [2.0]], "y": [0, 1, 1]}


def taken(session, what, run=0):
    reply, arrays = session.handle({"do": "take", "what": what, "run": run})
    return reply, arrays["bytes"].tobytes()


def session_of(trained, setup=None, held=None):
    session = Session(setup, held)
    assert session.problems == []
    session.runs[0].advance(epochs=trained)
    return session


def ran(text, folder):
    """The parameters and the output of the network that a program makes, run in a process of its own."""
    path = folder / "program.py"
    path.write_bytes(text + b"\nimport sys\nnet.save(sys.argv[1])\n")
    command = [sys.executable, str(path), str(folder / "made.npz")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, f"{done.stderr}\n{text.decode()}"
    return pn.load(folder / "made.npz")


CASES = {
    "xor": (300, {}),
    "numpy": (20, {"engine": "numpy", "dtype": "float64", "batch_size": 3, "shuffle": False}),
    "moons": (12, {"data": MOONS, "metrics": ["accuracy"], "class_weight": "balanced"}),
    "layers": (
        7,
        {
            "data": MOONS,
            "layers": [
                {"name": "PiecewiseLinearEmbedding"},
                {"name": "Dense", "units": 6, "activation": {"name": "leaky_relu", "slope": 0.3}, "l2": 0.01},
                {"name": "BatchNorm"},
                {"name": "Dropout", "rate": 0.3},
                {"name": "Dense", "units": 2, "activation": "softmax"},
            ],
            "loss": {"name": "cross_entropy", "label_smoothing": 0.1},
        },
    ),
    "schedule, in the middle": (
        9,
        {
            "data": MOONS,
            "epochs": 30,
            "optimizer": {"name": "sgd", "momentum": 0.9, "learning_rate": {"name": "cosine", "learning_rate": 0.1}},
        },
    ),
    "schedule, at the end": (
        30,
        {
            "data": MOONS,
            "epochs": 30,
            "optimizer": {"name": "adamw", "learning_rate": {"name": "cosine", "learning_rate": 0.1}},
        },
    ),
    "early stopping, in the middle": (25, {"data": MOONS, "early_stopping": {"patience": 200}, "epochs": 400}),
    "early stopping, ended": (4000, {"data": MOONS, "early_stopping": {"patience": 3}, "epochs": 4000}),
    "points": (40, {"data": OWN, "layers": [DENSE, {"name": "Dense", "units": 1}], "loss": "huber"}),
    "classes": (40, {"data": CLASSES}),
    "sine": (5, {"data": {"kind": "dataset", "name": "sine", "options": {"rows": 50}, "test": 0.5, "seed": 1}}),
    "spirals": (5, {"data": {"kind": "dataset", "name": "spirals", "options": {"classes": 3}, "validation": 0.2}}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_code_makes_the_same_network_to_the_bit(name, tmp_path):
    epochs, setup = CASES[name]
    session = session_of(epochs, setup)
    reply, text = taken(session, "code")
    assert reply["notes"] == []
    made = ran(text, tmp_path)
    net = session.runs[0].network
    np.testing.assert_array_equal(made.parameters, net.parameters)
    np.testing.assert_array_equal(made.statistics, net.statistics)
    X = session.examples.inputs
    np.testing.assert_array_equal(made.predict(X), net.predict(X))


def test_the_code_and_the_model_of_a_network_that_was_edited_by_hand_say_so(tmp_path):
    session = session_of(30)
    session.handle({"do": "weight", "place": 2, "value": 1.25})
    reply, text = taken(session, "code")
    assert [note["key"] for note in reply["notes"]] == ["edited"]
    assert "edited by hand" in text.decode()
    ran(text, tmp_path)
    _, content = taken(session, "model")
    (tmp_path / "model.npz").write_bytes(content)
    net = pn.load(tmp_path / "model.npz")
    assert net.parameters[2] == np.float32(1.25)
    np.testing.assert_array_equal(net.parameters, session.runs[0].network.parameters)


def test_the_model_has_its_classes_and_the_record_of_its_training(tmp_path):
    session = session_of(4, {"data": {**CLASSES, "name": "2 Räume.csv"}})
    reply, content = taken(session, "model")
    assert reply["name"] == "data_2_r_ume_model.npz"
    (tmp_path / reply["name"]).write_bytes(content)
    net = pn.load(tmp_path / reply["name"])
    assert net.classes == CLASSES["classes"]
    assert (net.history.stopped, net.history.epoch[-1]) == ("interrupted", 4)


def test_the_code_says_where_the_page_stands_within_an_epoch_and_before_the_first_one(tmp_path):
    session = Session({"data": MOONS})
    reply, text = taken(session, "code")
    assert [(note["key"], note["values"]) for note in reply["notes"]] == [("fresh", {"epochs": 1000})]
    assert "epochs=1000," in text.decode()
    session.runs[0].advance(epochs=2)
    before = session.runs[0].network.parameters.copy()
    session.handle({"do": "step"})
    reply, text = taken(session, "code")
    assert [note["key"] for note in reply["notes"]] == ["middle"]
    np.testing.assert_array_equal(ran(text, tmp_path).parameters, before)


def test_the_code_of_the_second_run_is_its_own(tmp_path):
    session = Session({"data": MOONS})
    session.handle({"do": "twin", "setup": {**session.setup.plain(), "batch_size": 7}})
    for run in session.runs:
        run.advance(epochs=3)
    made = ran(taken(session, "code", run=1)[1], tmp_path)
    np.testing.assert_array_equal(made.parameters, session.runs[1].network.parameters)


@pytest.mark.parametrize("width", [5, 60])
def test_the_exported_script_predicts_the_same(width, tmp_path):
    wide = [{"name": "Dense", "units": width, "activation": "tanh"}] * 2
    output = {"name": "Dense", "units": 1, "activation": "sigmoid"}
    session = session_of(5, {"data": MOONS, "layers": [*wide, output]})
    reply, content = taken(session, "script")
    if width == 60:  # its numbers are in a file beside it
        assert reply["name"] == "moons_predict.zip"
        zipfile.ZipFile(io.BytesIO(content)).extractall(tmp_path)
    else:
        (tmp_path / reply["name"]).write_bytes(content)
    X = session.examples.inputs.astype(np.float32)
    np.save(tmp_path / "X.npy", X)
    program = "import numpy as np; from moons_predict import predict; np.save('y.npy', predict(np.load('X.npy')))"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=SECONDS)
    predicted = np.load(tmp_path / "y.npy")
    np.testing.assert_array_equal(predicted, session.runs[0].network.predict(X, engine="numpy"))


def test_the_trainer_trains_the_same_losses(tmp_path):
    session = session_of(12, {"engine": "numpy"})
    reply, content = taken(session, "trainer")
    assert reply["notes"] == []
    (tmp_path / reply["name"]).write_bytes(content)
    X, y, _ = session.examples.training
    np.savez(tmp_path / "data.npz", X=X, y=y.reshape(-1, 1))
    program = (
        "import numpy as np; import xor_train as t; d = np.load('data.npz');"
        "np.save('losses.npy', list(t.train(d['X'], d['y'], p=t.initial_parameters())))"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=SECONDS)
    np.testing.assert_allclose(np.load(tmp_path / "losses.npy"), session.runs[0].training.history.loss, rtol=1e-6)
    subprocess.run([sys.executable, reply["name"]], cwd=tmp_path, check=True, timeout=SECONDS)  # its own check


def test_that_the_trainer_leaves_out_early_stopping_is_told():
    reply, _ = taken(session_of(2, {"data": MOONS, "early_stopping": {"patience": 200}}), "trainer")
    assert [note["key"] for note in reply["notes"]] == ["trainer"]


@c_compilers.needs_compiler
def test_the_c_file_compiles_and_predicts_the_same(tmp_path):
    session = session_of(12, {"data": MOONS})
    reply, content = taken(session, "c")
    path = tmp_path / reply["name"]
    path.write_bytes(content)
    net, X = session.runs[0].network, session.examples.inputs
    actual = c_compilers.predicted(c_compilers.library(path), net, X, prefix="moons")
    np.testing.assert_allclose(actual, net.predict(X), rtol=1e-5, atol=1e-6)


@pytest.mark.needs("exchange", "onnxruntime")
def test_the_onnx_file_predicts_the_same():
    import onnxruntime

    session = session_of(12, {"data": {**MOONS, "name": "spirals"}})
    reply, content = taken(session, "onnx")
    assert reply["name"] == "spirals.onnx"
    run = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    X = session.examples.inputs.astype(np.float32)
    outputs = run.run(None, {run.get_inputs()[0].name: X})
    assert any(
        found.shape == (len(X), 1) and np.allclose(found, session.runs[0].network.predict(X), atol=1e-5)
        for found in outputs
        if isinstance(found, np.ndarray)
    )


@pytest.mark.needs("plots")
def test_the_report_is_one_page_on_the_held_out_rows():
    session = session_of(3, {"data": MOONS})
    reply, content = taken(session, "report")
    assert (reply["name"], reply["type"]) == ("moons_report.html", "text/html")
    html = content.decode()
    assert "Shown on 20 test rows" in html
    assert "https://" not in html


def test_a_missing_extra_and_a_layer_that_cannot_be_exported_are_told_in_a_sentence(monkeypatch):
    session = session_of(1)
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.delitem(sys.modules, "plainnet.export.onnx", raising=False)
    monkeypatch.delitem(sys.modules, "plainnet.export.onnx_graph", raising=False)
    monkeypatch.delitem(sys.modules, "plainnet.export.onnx_operators", raising=False)
    with pytest.raises(MissingExtraError, match="exchange"):
        taken(session, "onnx")


# ---- tables and what was given ----


def table(rows=80):
    """A CSV file as German spreadsheets write it, with missing cells and names that are no names of Python."""
    random = np.random.default_rng(1)
    lines = ['"Länge; ""cm""";Farbe;Gewicht;Art']
    for i in range(rows):
        size, color = 100 + 50 * random.random(), random.choice(["rot", "blau", "grün"])
        shown = "" if i % 9 == 4 else f"{size:.2f}".replace(".", ",")
        lines.append(f"{shown};{color};{f'{2 * size:.3f}'.replace('.', ',')};{'groß' if size > 125 else 'klein'}")
    return "\n".join(lines).encode()


@pytest.mark.needs("tables")
@pytest.mark.parametrize(
    ("target", "setup"),
    [
        ("Art", {}),
        ("Gewicht", {}),
        ("Gewicht", {"dtype": "float64", "data": {"validation": 0.0, "test": 0.3, "seed": 4}}),
        ("Art", {"data": {"options": {"task": "classification", "missing": ["rot"]}}}),
    ],
)
def test_the_code_of_a_table_reads_the_file_and_makes_the_same_network(target, setup, tmp_path):
    from plainnet.play.session.tables import HeldTable

    name = "Meine Tabelle.csv"
    held = Held(tables={name: HeldTable(name, table())})
    data = {"kind": "table", "name": name, "target": target, "validation": 0.2, **setup.get("data", {})}
    session = session_of(6, {**setup, "data": data}, held)
    reply, text = taken(session, "code")
    assert reply["name"] == "meine_tabelle_code.py"
    assert [(note["key"], note["values"]) for note in reply["notes"]] == [("table", {"data": name})]
    (tmp_path / name).write_bytes(table())
    made = ran(text, tmp_path)
    net = session.runs[0].network
    np.testing.assert_array_equal(made.parameters, net.parameters)
    X = session.examples.inputs
    np.testing.assert_array_equal(made.predict(X), net.predict(X))
    assert made.table["target"] == net.table["target"]


@pytest.mark.parametrize("is_trained", [False, True])
def test_the_code_of_given_arrays_and_a_given_network_reads_their_archive(is_trained, tmp_path):
    X, y = pn.datasets.moons(80, noise=0.2, seed=1)
    net = pn.Network(pn.Dense(5, "tanh"), pn.Dropout(0.2), pn.Dense(2, "softmax"), input_size=2, seed=3)
    if is_trained:
        net.fit(X, y, loss="cross_entropy", epochs=3)
    session = session_of(5, held=held_arrays(net, X, y, sample_weight=np.linspace(0.5, 1, 80), name="my data"))
    session.handle({"do": "change", "path": ["data", "validation"], "value": 0.25})
    session.runs[0].advance(epochs=5)
    reply, text = taken(session, "code")
    assert [note["key"] for note in reply["notes"]] == ["data"]
    named, content = taken(session, "data")
    assert (named["name"], named["type"]) == ("my_data_data.npz", "application/octet-stream")
    (tmp_path / named["name"]).write_bytes(content)
    np.testing.assert_array_equal(ran(text, tmp_path).parameters, session.runs[0].network.parameters)


def bend(z):
    """An activation of a user's own, as plainnet takes it: values and slopes."""
    return np.sin(z), np.cos(z)


def test_the_code_names_parts_of_your_own(tmp_path):
    X, y = pn.datasets.sine(20, seed=0)
    net = pn.Network(pn.Dense(3, bend), pn.Dense(1), input_size=1, seed=0)
    session = session_of(4, held=held_arrays(net, X, y))
    reply, text = taken(session, "code")
    assert [note["key"] for note in reply["notes"]] == ["data", "own"]
    named, content = taken(session, "data")
    (tmp_path / named["name"]).write_bytes(content)
    mine = "import numpy as np\n\n\ndef bend(z):\n    return np.sin(z), np.cos(z)\n\n\n"
    path = tmp_path / "program.py"
    path.write_text(mine + text.decode() + "np.save('parameters.npy', net.parameters)\n", "utf-8")
    subprocess.run([sys.executable, str(path)], cwd=tmp_path, check=True, timeout=SECONDS)
    np.testing.assert_array_equal(np.load(tmp_path / "parameters.npy"), session.runs[0].network.parameters)


@pytest.mark.needs("tables", "plots")
def test_the_report_of_a_table():
    from plainnet.play.session.tables import HeldTable

    held = Held(tables={"t.csv": HeldTable("t.csv", table())})
    data = {"kind": "table", "name": "t.csv", "target": "Art", "validation": 0.2}
    session = session_of(6, {"data": data}, held)
    _, content = taken(session, "report")
    assert "Shown on 16 validation rows" in content.decode()
    assert "Länge; &quot;cm&quot;" in content.decode()
    assert "groß" in content.decode()
