"""`plainnet export` as a user runs it, to each format, and what it refuses."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from shared import PENGUINS, SMALL

import plainnet as pn
from plainnet.cli import run

pytestmark = pytest.mark.usefixtures("in_empty_folder")

X = np.random.default_rng(0).normal(size=(5, 3))


@pytest.fixture
def net():
    """A trained network, saved as model.npz."""
    net = pn.Network(pn.Dense(4, "tanh"), pn.BatchNorm(), pn.Dense(2, "softmax"), input_size=3, seed=1)
    net.fit(X, [0, 1, 0, 1, 1], loss="cross_entropy", epochs=3, batch_size=None)
    net.save("model.npz")
    return net


def refusal(capsys, *arguments):
    """The one line on standard error of a command that is refused with status 2."""
    status = run([str(argument) for argument in arguments])
    error = capsys.readouterr().err
    assert status == 2, error
    assert error.startswith("plainnet: ")
    assert error.count("\n") == 1
    return error


def exported(capsys, *arguments):
    """The file that the command says it wrote."""
    assert run(["export", "model.npz", *arguments]) == 0
    line = capsys.readouterr().out
    assert line.startswith("model.npz exported to ")
    return line.removeprefix("model.npz exported to ").strip()


def test_safetensors(net, capsys):
    assert exported(capsys, "--to", "safetensors") == "model.safetensors"
    again = pn.load_safetensors("model.safetensors")
    np.testing.assert_array_equal(again.predict(X), net.predict(X))


def test_safetensors_for_pytorch(net, capsys):
    from safetensors.numpy import load_file

    assert exported(capsys, "-o", "torch.safetensors", "--layout", "pytorch") == "torch.safetensors"
    tensors = load_file("torch.safetensors")
    names = ["0.bias", "0.weight", "2.bias", "2.running_mean", "2.running_var", "2.weight", "3.bias", "3.weight"]
    assert sorted(tensors) == names
    np.testing.assert_array_equal(tensors["3.weight"], net.layers[2].weights.T)


def test_a_table_comes_along_in_safetensors(capsys):
    from plainnet.tabular import Table, read_table

    options = ["--target", "species", *SMALL, "--epochs", "5", "--no-progress", "--save", "model.npz"]
    assert run(["train", str(PENGUINS), *options]) == 0
    capsys.readouterr()
    exported(capsys, "--to", "safetensors")
    net = pn.load_safetensors("model.safetensors")
    table = Table.from_dict(net.table)
    predictions = table.predictions(net.predict(table.features(read_table(PENGUINS))), probabilities=False)
    assert run(["predict", "model.npz", str(PENGUINS), "-o", "predictions.csv"]) == 0
    assert predictions.write_csv() == Path("predictions.csv").read_text()


def test_onnx(net, capsys):
    import onnxruntime

    assert exported(capsys, "--to", "onnx") == "model.onnx"
    session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
    outputs = session.run(None, {session.get_inputs()[0].name: X.astype("float32")})
    assert any(np.shape(output) == (5, 2) and np.allclose(output, net.predict(X), atol=1e-5) for output in outputs)


@pytest.mark.parametrize(("options", "name"), [([], "model_script"), (["-o", "model.py"], "model")])
def test_a_script_predicts_the_same_and_leaves_the_model(options, name, net, capsys):
    assert exported(capsys, "--to", "script", *options) == f"{name}.py"
    program = f"import {name}, numpy as np; np.save('outputs.npy', {name}.predict(np.load('inputs.npy')))"
    np.save("inputs.npy", X)
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": "."})
    np.testing.assert_array_equal(np.load("outputs.npy"), net.predict(X, engine="numpy"))
    np.testing.assert_array_equal(pn.load("model.npz").parameters, net.parameters)


def test_c_is_named_after_the_model(net, capsys):
    assert exported(capsys, "--to", "c") == "model.c"
    assert "int model_class(const float *inputs, float *probabilities);" in Path("model.c").read_text()
    assert exported(capsys, "-o", "other.c") == "other.c"
    assert "other_class" in Path("other.c").read_text()


def test_a_trainer_is_a_program(net, capsys):
    assert exported(capsys, "--to", "trainer") == "model_trainer.py"
    text = Path("model_trainer.py").read_text()
    compile(text, "model_trainer.py", "exec")
    assert "import plainnet" not in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "--to is missing; it takes one of: onnx, safetensors, script, trainer"),
        (["--to", "onx"], "--to is 'onx'; did you mean 'onnx'?"),
        (["-o", "model.bin"], "the ending of model.bin names no format; it takes .onnx, .safetensors, .py"),
        (["--to", "onnx", "--layout", "pytorch"], "--layout does not go with onnx"),
        (["--to", "safetensors", "--layout", "torch"], "layout is 'torch'; did you mean 'pytorch'?"),
        (["--to", "safetensors", "-o", "model.npz"], "--output is model.npz, the model itself"),
        (["--to", "safetensors", "-o", "no/where"], "there is no folder no"),
    ],
)
def test_bad_options_are_refused_in_one_line(options, words, net, capsys):
    before = Path("model.npz").read_bytes()
    assert words in refusal(capsys, "export", "model.npz", *options)
    assert Path("model.npz").read_bytes() == before
    assert [path.name for path in Path().iterdir()] == ["model.npz"]


def test_bad_models_are_refused_in_one_line(capsys):
    Path("half.npz").write_bytes(b"PK")
    assert "none.npz does not exist" in refusal(capsys, "export", "none.npz", "--to", "onnx")
    assert "half.npz" in refusal(capsys, "export", "half.npz", "--to", "safetensors")


def test_the_path_says_the_format_in_python_too(net):
    net.export(Path("model.SafeTensors"))
    assert pn.load_safetensors("model.SafeTensors").describe() == net.describe()
    with pytest.raises(pn.errors.InvalidValue, match="names no format"):
        net.export("model")
    with pytest.raises(pn.errors.InvalidValue, match=r"to is 'torch'"):
        net.export("model", to="torch")


def without_numbers(text):
    """The text without its fractions, whose last digits differ from machine to machine, and without spaces."""
    return re.sub(r"-?\d+\.\d+|\s", "", text)


def test_the_guide_shows_the_script_and_the_end_of_the_trainer():
    text = (Path(__file__).parent.parent / "docs" / "use" / "scripts.md").read_text(encoding="utf-8")
    X, y = pn.datasets.xor()
    net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
    net.fit(X, y, loss="mse", optimizer=pn.SGD(learning_rate=1.0), epochs=10_000, batch_size=None)
    net.export("xor_script.py")
    assert without_numbers(Path("xor_script.py").read_text(encoding="utf-8")) in without_numbers(text)
    net.export("xor_trainer.py", to="trainer")
    trainer = Path("xor_trainer.py").read_text(encoding="utf-8")
    assert trainer[trainer.index("SHAPES = ") : trainer.index("def check_gradients")].rstrip() in text
