"""Files that version 0.1 wrote go on working: goldens/version_0_1 holds some, with what they predicted then.

Bits are the same on the machine where the files were made; elsewhere the last digits may differ, as NumPy's own do.
"""

import csv
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from goldens.version_0_1 import runs

import plainnet as pn

KEPT = Path(__file__).parent / "goldens" / "version_0_1"
EXPECTED = json.loads((KEPT / "expected.json").read_text(encoding="utf-8"))
X = runs.X[:8]
"""The rows that were predicted."""


def assert_same(actual, expected, dtype="float32"):
    """Equal within rounding."""
    rounding = 1e-11 if np.dtype(dtype) == np.float64 else 2e-5
    np.testing.assert_allclose(actual, expected, rtol=rounding, atol=rounding)


def assert_same_run(net, expected):
    """The network of a finished run predicts, and its losses fell, as version 0.1's."""
    assert_same(net.history.loss, expected["loss"], net.dtype)
    assert_same(net.history.validation_loss, expected["validation_loss"], net.dtype)
    assert_same(net.predict(X), expected["predictions"], net.dtype)


def kept_module(name):
    """The kept Python file, imported."""
    spec = importlib.util.spec_from_file_location(name, KEPT / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_kept_file_is_tested():
    known = {*EXPECTED["models"], *runs.MOMENTS, *runs.TABLES, "exported", "checkpoint_table"}
    assert {path.stem for path in KEPT.glob("*.npz")} == known


# ---- models ----


@pytest.mark.parametrize("name", EXPECTED["models"])
def test_a_model_predicts_what_it_did(name):
    net = pn.load(KEPT / f"{name}.npz")
    assert_same(net.predict(X), EXPECTED["models"][name]["predictions"], net.dtype)


@pytest.mark.parametrize("name", runs.models())
def test_training_from_the_same_seed_goes_the_same_way(name):
    net, options = runs.models()[name]
    net.fit(runs.X, **options)
    assert_same_run(net, EXPECTED["models"][name])


@pytest.mark.parametrize("name", ["layers", "initializers", "one_output"])
def test_a_model_has_its_layers_and_its_record(name):
    described, _ = runs.models()[name]
    net, expected = pn.load(KEPT / f"{name}.npz"), EXPECTED["models"][name]
    assert [repr(layer) for layer in net.layers] == [repr(layer) for layer in described.layers]
    assert (net.seed, net.dtype) == (described.seed, described.dtype)
    assert (net.history.loss, net.history.validation_loss) == (expected["loss"], expected["validation_loss"])


def test_a_model_is_trained_on_and_saved_again(tmp_path):
    net = pn.load(KEPT / "layers.npz")
    net.fit(runs.X, runs.TARGETS["labels"], loss="cross_entropy", epochs=2)
    net.save(tmp_path / "layers.npz")
    np.testing.assert_array_equal(pn.load(tmp_path / "layers.npz").predict(X), net.predict(X))


# ---- checkpoints ----


@pytest.mark.parametrize("name", runs.MOMENTS)
def test_a_run_goes_on_from_its_checkpoint(name, tmp_path):
    shutil.copy(KEPT / f"{name}.npz", tmp_path / "run.npz")
    net, options = runs.resumable()[name]
    epochs = [report.epoch for report in net.training(runs.X, **options, checkpoint=tmp_path / "run.npz", resume=True)]
    assert epochs[0] > runs.MOMENTS[name][0], "the run began anew"
    assert_same_run(net, EXPECTED["checkpoints"][name])


@pytest.mark.parametrize("name", [name for name in runs.MOMENTS if name != "checkpoint_rmsprop"])
def test_an_undisturbed_run_goes_the_same_way(name):
    # Without RMSprop's, whose warm-up from 0 begins today with a step of its own instead of a rate of 0.
    net, options = runs.resumable()[name]
    net.fit(runs.X, **options)
    assert_same_run(net, EXPECTED["checkpoints"][name])


# ---- tables ----


def rows_of(path):
    """The rows of a CSV file, numbers as numbers."""

    def cell(text):
        try:
            return float(text)
        except ValueError:
            return text

    with Path(path).open(encoding="utf-8", newline="") as file:
        return [[cell(text) for text in row] for row in csv.reader(file)]


def assert_same_rows(actual, expected):
    """The same text, and numbers within rounding."""
    assert len(actual) == len(expected)
    for one, other in zip(actual, expected, strict=True):
        assert [x for x in one if isinstance(x, str)] == [x for x in other if isinstance(x, str)]
        numbers = ([x for x in row if isinstance(x, float)] for row in (one, other))
        assert_same(*numbers)


def command(*arguments):
    from plainnet.cli import run

    assert run([str(argument) for argument in arguments]) == 0


@pytest.mark.needs("cli", "tables")
@pytest.mark.parametrize("name", runs.TABLES)
def test_a_models_table_is_read_as_it_was(name, tmp_path):
    wanted = [] if name == "table_amount" else ["--probabilities"]
    command("predict", KEPT / f"{name}.npz", KEPT / "table.csv", "-o", tmp_path / "predicted.csv", *wanted)
    assert_same_rows(rows_of(tmp_path / "predicted.csv"), rows_of(KEPT / f"{name}_predicted.csv"))


@pytest.mark.needs("cli", "tables")
def test_train_goes_on_from_its_checkpoint(tmp_path):
    shutil.copy(KEPT / "checkpoint_table.npz", tmp_path / "run.npz")
    again = ["--checkpoint", tmp_path / "run.npz", "--resume", "--save", tmp_path / "model.npz"]
    command("train", KEPT / "table.csv", "--recipe", "small", *runs.TABLES["table_classes"], *again)
    assert_same(pn.load(tmp_path / "model.npz").history.loss, EXPECTED["tables"]["table_classes"]["loss"])


# ---- exports ----

EXPORTED = EXPECTED["exports"]


def test_an_exported_model_predicts_what_it_did():
    assert_same(pn.load(KEPT / "exported.npz").predict(X), EXPORTED["predictions"])


def test_a_script_predicts_what_it_did():
    assert_same(kept_module("exported_script").predict(X), EXPORTED["script"])


@pytest.mark.parametrize("name", ["exported_script", "exported_trainer"])
def test_a_script_and_a_trainer_are_programs(name, tmp_path):
    ended = subprocess.run([sys.executable, KEPT / f"{name}.py"], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout


def test_a_trainer_trains_as_it_did():
    trainer = kept_module("exported_trainer")
    p = trainer.initial_parameters()
    losses = list(trainer.train(runs.X, runs.TARGETS["labels"], p=p))
    assert_same(losses, EXPORTED["trainer"]["losses"])
    assert_same(losses, EXPORTED["loss"])
    assert_same(trainer.predict(p, X), EXPORTED["trainer"]["predictions"])


def test_a_tables_script_predicts_what_the_command_did(tmp_path):
    ended = subprocess.run(
        [sys.executable, KEPT / "table_classes_script.py", KEPT / "table.csv"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    predicted = [row[0] for row in rows_of(KEPT / "table_classes_predicted.csv")[1:]]
    assert ended.stdout.split() == predicted


def test_safetensors_come_back():
    net = pn.load_safetensors(KEPT / "exported.safetensors")
    assert_same(net.predict(X), EXPORTED["predictions"])
    described, _ = runs.models()["layers"]
    assert_same(pn.load_safetensors(KEPT / "exported_pytorch.safetensors", described).predict(X), net.predict(X))


@pytest.mark.needs("onnxruntime")
def test_onnx_runs():
    import onnxruntime

    session = onnxruntime.InferenceSession(KEPT / "exported.onnx", providers=["CPUExecutionProvider"])
    (outputs,) = session.run(None, {"X": X.astype("float32")})
    assert_same(outputs, pn.load(KEPT / "exported.npz").predict(X))
