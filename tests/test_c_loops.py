"""Loops printed as C, compiled and run: each operation and each kind of loop gives what NumPy gives."""

import copy

import numpy as np
import pytest
from c_compilers import library, needs_compiler, pointer

import plainnet as pn
from plainnet._base.arrays import views
from plainnet.backpropagation import backpropagate
from plainnet.engines.compiled import c_expressions
from plainnet.engines.compiled.c_code import loops_as_c
from plainnet.engines.compiled.loops import Buffer, Extent
from plainnet.engines.compiled.lowering import lower
from plainnet.layers import TrainingPass
from plainnet.tracing import ShapeDtype, simplify, trace

pytestmark = needs_compiler

NUMBERS = np.array([0.3, -0.7, 1.4, -2.6, 0.9, 3.5])
OTHERS = np.array([1.1, 2.0, -0.4, 0.9, 0.9, 2.5])
KNOWN = (c_expressions._FUNCTIONS, c_expressions._INFIX, c_expressions._WRITTEN, c_expressions._REAL)
OPERATIONS = sorted({op for table in KNOWN for op in table} - {"where", "clip", "copy"})


def function_as_c(name, function, *arrays):
    """A function of C that computes what `function` makes of arrays, into its last argument."""
    examples = [ShapeDtype(array.shape, array.dtype) for array in arrays]
    graph = simplify(trace(function, *examples, names=[f"in_{i}" for i in range(len(arrays))]))
    extents = {node: tuple(map(Extent, node.shape)) for node in graph.nodes}
    buffers = {n: Buffer(f"in_{i}", 0, extents[n], n.dtype) for i, n in enumerate(graph.inputs)}
    target = Buffer("out", 0, extents[graph.result], graph.result.dtype)
    written = loops_as_c(lower(graph, buffers, [(graph.result, target)], extents))
    kinds = [*(n.dtype for n in graph.inputs), graph.result.dtype]
    const = ["" if node in graph.updates else "const " for node in graph.inputs]
    names = [f"{const[i]}{c_expressions.memory_type(k)} *in_{i}" for i, k in enumerate(kinds[:-1])]
    head = f"void {name}({', '.join([*names, f'{c_expressions.memory_type(kinds[-1])} *out'])});\n"
    return f"{head}{head.rstrip()[:-1]}\n{{\n{written}\n}}\n"


def of_arrays(functions, name, expected, *arrays):
    out = np.empty_like(expected)
    getattr(functions, name)(*map(pointer, arrays), pointer(out))
    return out


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_operation(tmp_path, dtype):
    calls = {}
    for op in OPERATIONS:
        ufunc = getattr(np, op)
        arrays = [NUMBERS.astype(dtype), OTHERS.astype(dtype)][: ufunc.nin]
        if op.startswith("bitwise") or op == "invert":
            arrays = [array > 0.5 for array in arrays]
        with np.errstate(all="ignore"):
            calls[op] = (ufunc, arrays, ufunc(*arrays))
    text = "".join(function_as_c(f"np_{op}", ufunc, *arrays) for op, (ufunc, arrays, _) in calls.items())
    (tmp_path / "operations.c").write_text(f"#include <math.h>\n{text}")
    functions = library(tmp_path / "operations.c", "-Wno-conversion")
    for op, (_, arrays, expected) in calls.items():
        actual = of_arrays(functions, f"np_{op}", expected, *arrays)
        np.testing.assert_allclose(actual, expected, rtol=8 * np.finfo(dtype).eps, err_msg=op)


REDUCED = {
    "sum of rows": lambda x: x.sum(axis=1),
    "sum of all": lambda x: x.sum(),
    "mean": lambda x: x.mean(axis=0),
    "product": lambda x: x.prod(axis=1, keepdims=True) + x,
    "largest": lambda x: x.max(axis=0),
    "smallest": lambda x: x - x.min(axis=1, keepdims=True),
    "place": lambda x: x.argmax(axis=1),
    "all": lambda x: (x > -0.5).all(axis=1),
    "any": lambda x: (x > 2).any(axis=0),
    "distance from the mean": lambda x: ((x - x.mean(axis=0)) ** 2).sum(axis=0) ** 0.5,
    "product of matrices": lambda x: np.tanh(x @ x.T) @ x,
    "stack of matrices": lambda x: x[:, :, None] @ x[:, None, :],
    "from the end": lambda x: x[np.array([-1, 0, 1]) * 1] * x[::-1][:3],
    "integers": lambda x: (x.argmax(axis=1) * 3 - 1).max() + x.astype(np.int64).sum(axis=0),
    "integers between": lambda x: np.maximum(np.clip(x.argmax(axis=1) - 2, -1, 1), np.arange(4) % 2).min(),
    "written parts": lambda x: np.concatenate([x[1:], x[:1] * 2], axis=0)[:, ::2],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_reductions_products_and_indexes(tmp_path, dtype):
    x = np.random.default_rng(0).normal(size=(4, 5)).astype(dtype)
    x[2, 3] = np.nan if dtype == "float64" else 9
    text = "".join(function_as_c(f"f_{i}", function, x) for i, function in enumerate(REDUCED.values()))
    (tmp_path / "reduced.c").write_text(f"#include <math.h>\n{text}")
    functions = library(tmp_path / "reduced.c", "-Wno-conversion")
    for i, (name, function) in enumerate(REDUCED.items()):
        if name == "integers" and dtype == "float64":
            continue  # a NaN is no integer
        expected = np.asarray(function(x))
        actual = of_arrays(functions, f"f_{i}", expected, x)
        np.testing.assert_allclose(actual, expected, rtol=1e-5 if dtype == "float32" else 1e-13, err_msg=name)


def test_a_whole_training_step(tmp_path):
    """Forward, loss, backward and the update, in place: the parameters are those after a step of the NumPy engine."""
    net = pn.Network(pn.Dense(7, "gelu"), pn.LayerNorm(), pn.Dense(3, "softmax"), input_size=5, seed=1, dtype="float64")
    random = np.random.default_rng(0)
    X, y, loss, optimizer = random.normal(size=(8, 5)), random.integers(0, 3, 8), pn.losses.CrossEntropy(), pn.Adam(0.1)
    shapes = [{name: array.shape for name, array in own.items()} for own in net.parameter_views(net.parameters)]

    def step(x, targets, parameters, *state):
        twins, gradient = copy.deepcopy(list(net.layers)), np.zeros_like(parameters)
        for layer, own in zip(twins, views(parameters, shapes), strict=True):
            layer.bind(own)
        backpropagate(twins, loss, x, targets, None, TrainingPass(random), views(gradient, shapes))
        optimizer.whole_step(parameters, gradient, dict(zip(optimizer.remembers, state, strict=True)), 0.1, 1)
        return parameters.sum()

    state = optimizer.start(net.parameters)
    parameters = net.parameters.copy()
    arrays = [X, y, parameters, *state.values()]
    (tmp_path / "step.c").write_text(f"#include <math.h>\n{function_as_c('step', step, *arrays)}")
    total = of_arrays(library(tmp_path / "step.c", "-Wno-conversion"), "step", np.zeros(()), *arrays)
    options = {"loss": loss, "optimizer": optimizer, "batch_size": None, "engine": "numpy"}
    net.fit(X, y, epochs=1, **options)
    np.testing.assert_allclose(parameters, net.parameters, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(total, net.parameters.sum(), rtol=1e-11)
