"""`plainnet xor --code`: the loops of a training step as C, LLVM IR and machine code."""

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest
from c_compilers import library, needs_compiler, pointer

import plainnet as pn
from plainnet.cli import run

pytestmark = pytest.mark.usefixtures("in_empty_folder")


def printed(capsys, *options):
    """What the command prints."""
    assert run(["xor", "--code", *options]) == 0
    return capsys.readouterr().out


def one_step(activation, hidden, loss):
    """The network of the command, and what one step of the NumPy engine makes of it: parameters and loss."""
    X, y = pn.datasets.xor()
    layers = [pn.Dense(units, activation, initializer="normal") for units in hidden]
    net = pn.Network(*layers, pn.Dense(1, "sigmoid", initializer="normal"), input_size=3, seed=1, dtype="float64")
    start = net.parameters.copy()
    history = net.fit(X, y, loss=loss, optimizer=pn.SGD(1.0), epochs=1, batch_size=None, engine="numpy")
    return X, y, start, net.parameters, history


@needs_compiler
@pytest.mark.parametrize(
    ("activation", "hidden", "loss"),
    [
        ("sigmoid", (4,), "mse"),
        ("tanh", (8, 4), "mse"),
        ("relu", (64,), "binary_cross_entropy"),
        ("silu", (3,), "huber"),
        ("softmax", (3,), "mae"),
    ],
)
def test_the_printed_loops_are_the_step(activation, hidden, loss, capsys, tmp_path):
    """A C compiler makes of them what the NumPy engine does."""
    sizes = ",".join(map(str, hidden))
    code = printed(capsys, "loops", "--activation", activation, "--hidden", sizes, "--loss", loss)
    (tmp_path / "step.c").write_text(code, encoding="utf-8")
    step = library(tmp_path / "step.c")

    X, y, parameters, expected, history = one_step(activation, hidden, loss)
    gradient, results = np.zeros_like(parameters), np.zeros(3)
    step.forward_and_back(*map(pointer, (X, y, parameters, gradient, results)))
    assert results[0] == pytest.approx(history.loss[0], rel=1e-12)
    step.update(*map(pointer, (parameters, gradient, results)), ctypes.c_double(1.0))
    np.testing.assert_allclose(parameters, expected, rtol=1e-12, atol=1e-14)
    assert results[2] == pytest.approx(history.gradient_norm[0], rel=1e-12)


def test_the_loops_name_each_layers_formulas(capsys):
    code = printed(capsys, "loops", "--hidden", "8,4")
    for i in range(3):
        assert f"layers[{i}], Dense: outputs = f(inputs @ weights + bias), f = sigmoid" in code
        assert f"layers[{i}], Dense: ∂loss/∂weights = inputsᵀ @ δ" in code
        assert f"weights_{i}_gradient[" in code
    for name in ("outputs_0", "outputs_1", "delta_0", "delta_1", "delta_2"):
        assert re.search(rf"\b{name}\[.*\] = ", code), name
    assert "SGD" in code
    assert "parameters[i] - learning_rate * gradient[i]" in code


@pytest.mark.parametrize("kind", ["loops", "llvm", "machine"])
def test_code_is_coloured_for_a_terminal_alone(kind):
    command = [sys.executable, "-m", "plainnet", "xor", "--code", kind]
    plain, coloured = (
        subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True, env=env).stdout
        for env in (environment(), environment(FORCE_COLOR="1"))
    )
    assert "\x1b" not in plain
    assert "\x1b" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured).split() == plain.split()


def environment(**more):
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8", **more}


def test_the_llvm_ir_is_llvms(capsys):
    module = llvm.parse_assembly(printed(capsys, "llvm"))
    module.verify()
    assert {"run", "pass_0", "update"} <= {function.name for function in module.functions}


def test_the_machine_code_has_the_loop_over_the_steps(capsys):
    assert re.search(r"^_?run:", printed(capsys, "machine"), re.MULTILINE)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--code", "lops"], "--code is 'lops'; did you mean 'loops'?"),
        (["--code", "loops", "--save", "x.npz"], "--save does not go with --code"),
        (["--code", "loops", "--explain"], "--explain does not go with --code"),
        (["--code", "loops", "--as-published"], "--code does not go with --as-published"),
        (["--code", "loops", "--loss", "poisson"], "poisson"),
    ],
)
def test_what_does_not_go_with_code(options, reason, capsys):
    assert run(["xor", *options]) == 2
    assert reason in capsys.readouterr().err


def test_the_page_on_engines_shows_what_the_command_prints(capsys):
    page = Path(__file__).parent.parent / "docs" / "how" / "engines.md"
    assert f"```c\n{printed(capsys, 'loops')}```" in page.read_text(encoding="utf-8")
