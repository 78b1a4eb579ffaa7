"""A traced function computes what the function computes, to the last bit, and what cannot be traced says why."""

import copy
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import plainnet as pn
from plainnet import adapters
from plainnet.activations import ACTIVATIONS
from plainnet.backpropagation import backpropagate
from plainnet.errors import InvalidValue
from plainnet.layers import TrainingPass
from plainnet.losses import LOSSES
from plainnet.tracing import (
    MathML,
    Number,
    ShapeDtype,
    Untraceable,
    equations,
    fold,
    formula,
    mathml,
    simplify,
    trace,
)

DTYPES = ["float32", "float64"]


def arrays_in(structure):
    if isinstance(structure, dict):
        structure = list(structure.values())
    if isinstance(structure, list | tuple):
        return [array for part in structure for array in arrays_in(part)]
    return [] if structure is None or isinstance(structure, np.random.Generator) else [np.asarray(structure)]


def assert_same_bits(got, expected):
    for a, b in zip(arrays_in(got), arrays_in(expected), strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tobytes() == b.tobytes()


def assert_traces(function, *arguments):
    """The graph does what the function does to copies of the arguments, in place changes included."""
    graph = trace(function, *arguments)
    for_function, for_graph = copy.deepcopy(arguments), copy.deepcopy(arguments)
    with np.errstate(all="ignore"):
        expected = function(*for_function)
    assert_same_bits(graph.run(*for_graph), expected)
    assert_same_bits(for_graph, for_function)
    return graph


def drawn(dtype, *shape, seed=0):
    return (np.random.default_rng(seed).normal(size=shape) * 4).astype(dtype)


# The library's own formulas


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(name, dtype):
    activation = ACTIVATIONS[name]()
    z, g = drawn(dtype, 17, 5), drawn(dtype, 17, 5, seed=1)
    a = activation.value(z)
    assert_traces(activation.value, z)
    assert_traces(activation.derivative, z, a)
    assert_traces(activation.backward, g, z, a)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(name, dtype):
    loss = LOSSES[name]()
    z = drawn(dtype, 17, 5)
    p = pn.activations.Softmax().value(z)
    y = pn.activations.Softmax().value(drawn(dtype, 17, 5, seed=1))
    labels = np.random.default_rng(2).integers(0, 5, 17)
    for targets in [y, labels] if name == "cross_entropy" else [y]:
        assert_traces(loss.elements, targets, p)
        if loss.fused_with:
            assert_traces(loss.elements_from_logits, targets, z)


OPTIMIZERS = [
    pn.SGD(0.1),
    pn.SGD(0.1, momentum=0.9),
    pn.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    pn.RMSprop(momentum=0.5),
    pn.Adagrad(clip_norm=2.0),
    pn.Adam(weight_decay=0.1),
    pn.AdamW(),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_every_optimizer(optimizer, dtype):
    state = {name: abs(drawn(dtype, 100, seed=i)) for i, name in enumerate(optimizer.remembers)}
    parameters, gradient = drawn(dtype, 100, seed=8), drawn(dtype, 100, seed=9)
    graph = assert_traces(lambda p, g, s: optimizer.step(p, g, s, 0.1, 3), parameters, gradient, state)
    assert {node.name for node in graph.updates} == {"p", *optimizer.remembers}


def with_layer(layer):
    """Forward and backward of one layer as one function of arrays."""

    def passes(inputs, gradient, parameters, gradients, statistics, random):
        layer.bind({**parameters, **statistics})
        training = None if random is None else TrainingPass(random)
        outputs, backward = layer.forward(inputs, training)
        return outputs, backward(gradient, gradients)

    return passes


def made(shapes, dtype):
    return {name: abs(drawn(dtype, *shape, seed=i)) + 1 for i, (name, shape) in enumerate(shapes.items())}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "layer",
    [
        pn.Dense(4),
        pn.Dense(4, "gelu"),
        pn.Dense(4, "softmax", bias=False),
        pn.Activation("elu"),
        pn.Dropout(0.3),
        pn.BatchNorm(),
        pn.LayerNorm(),
    ],
    ids=repr,
)
def test_every_layer(layer, dtype, training):
    parameters = made(layer.parameter_shapes((5,)), dtype)
    gradients = {name: np.zeros_like(array) for name, array in parameters.items()}
    statistics = made(layer.statistic_shapes((5,)), dtype)
    inputs, gradient = drawn(dtype, 7, 5), drawn(dtype, 7, *layer.output_shape((5,)), seed=1)
    random = np.random.default_rng(3) if training else None
    assert_traces(with_layer(layer), inputs, gradient, parameters, gradients, statistics, random)


class Following(pn.Layer):
    """Assigns to its statistics, as a user's own layer may."""

    def statistic_shapes(self, input_shape):
        return {"mean": input_shape, "largest": (1,)}

    def forward(self, inputs, training=None):
        if training is not None:
            self.mean = 0.9 * self.mean + 0.1 * inputs.mean(axis=0)
            self.largest = np.maximum(self.largest, np.abs(inputs).max())
        return inputs - self.mean, lambda gradient, gradients: gradient


def test_a_layer_that_assigns_to_its_arrays():
    statistics = made({"mean": (5,), "largest": (1,)}, "float64")
    arguments = drawn("float64", 7, 5), drawn("float64", 7, 5), {}, {}, statistics, np.random.default_rng(3)
    graph = assert_traces(with_layer(Following()), *arguments)
    assert {node.name for node in graph.updates} == {"mean", "largest"}
    statistics["mean"] = np.zeros(1)  # nothing is broadcast, as nothing is in training
    with pytest.raises(InvalidValue, match="mean has shape"):
        trace(with_layer(Following()), *arguments)


def test_a_loss_that_is_an_object():
    class Quartic:
        def value(self, targets, predictions, sample_weight=None):
            return ((predictions - targets) ** 4).mean()

        def gradient(self, targets, predictions, sample_weight=None):
            return 4 * (predictions - targets) ** 3 / predictions.size

    loss = adapters.loss_of(Quartic())
    data = drawn("float32", 7, 5), drawn("float32", 7, 5, seed=1)
    value, gradient = loss.value_and_gradient(*data)
    traced_value, traced_gradient = trace(loss.value_and_gradient, *data).run(*data)
    assert traced_value == value
    assert_same_bits(traced_gradient, gradient)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_whole_training_step(dtype, weighted):
    net = pn.Network(
        pn.Dense(8, l1=0.01), pn.BatchNorm(), pn.Activation("silu"), pn.Dropout(0.4), pn.Dense(6, "tanh", l2=0.1),
        pn.LayerNorm(), pn.Dense(3, "softmax"), input_size=5, seed=0, dtype=dtype,
    )  # fmt: skip
    loss, optimizer = LOSSES["cross_entropy"](), pn.Adam(0.1, clip_norm=1.0, weight_decay=0.1)

    def step(vector, gradient, state, statistics, x, y, weights, random):
        gradients = net.parameter_views(gradient)
        for layer, own, kept in zip(net.layers, net.parameter_views(vector), statistics, strict=True):
            layer.bind({**own, **kept})
        value = backpropagate(net.layers, loss, x, y, weights, TrainingPass(random), gradients)
        optimizer.step(vector, gradient, state, 0.1, 1)
        return value

    vector = net.parameters.copy()
    state = {name: np.zeros_like(vector) for name in optimizer.remembers}
    statistics = [made(layer.statistic_shapes((8,)), dtype) for layer in net.layers]
    x, y = drawn(dtype, 16, 5), np.random.default_rng(1).integers(0, 3, 16)
    weights = abs(drawn(dtype, 16)) if weighted else None
    arguments = (vector, np.zeros_like(vector), state, statistics, x, y, weights, np.random.default_rng(2))
    graph = assert_traces(step, *arguments)
    changed = {node.name for node in graph.updates}
    assert changed == {"vector", "gradient", "mean", "square", "running_mean", "running_variance"}
    others = copy.deepcopy(arguments)
    for _ in range(3):
        assert_same_bits(graph.run(*others), step(*arguments))
    assert_same_bits(others, arguments)


# NumPy's protocols


UNARY = [np.exp, np.tanh, np.negative, np.abs, np.square, np.sign, np.sqrt, np.log1p, np.expm1, np.reciprocal]
BINARY = [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.power, np.greater, np.equal, np.hypot]
OTHERS = [
    lambda a, b: np.where(a > b, a, 0.01 * b),
    lambda a, b: np.clip(a, -1.5, b),
    lambda a, b: np.clip(a, None, 0.3),
    lambda a, b: a.clip(-1, 1),
    lambda a, b: a**2 + b**0.5 + a**-1 + b**3,
    lambda a, b: 2**a - (a > 0),
    lambda a, b: a - a.mean(axis=0),
    lambda a, b: a / np.sum(b, axis=-1, keepdims=True),
    lambda a, b: a.max(axis=(0, 1)) + np.amin(b) + a.prod(axis=0) + np.sum(a, dtype=np.float64),
    lambda a, b: np.var(a, axis=0, ddof=1) + a.std(axis=0) + np.var(b),
    lambda a, b: a.T @ b + np.transpose(b) @ a,
    lambda a, b: np.dot(a.T, b)[0] @ b.T,
    lambda a, b: np.vdot(a, b) + np.linalg.norm(a) + np.linalg.norm(b, axis=0).sum(),
    lambda a, b: np.concatenate([a, b], axis=1).reshape(-1)[::2],
    lambda a, b: np.stack([a, b]).swapaxes(0, 1) + np.expand_dims(a, 1),
    lambda a, b: a[:, None] * b[None] + a[..., ::-1][1:2],
    lambda a, b: a[[0, 1, 1]] + a.take([1, 0, 1], axis=0) + b[np.array([0, 0, 1])],
    lambda a, b: a[np.array([True, False, True, False])] if len(a) == 4 else a,
    lambda a, b: np.take_along_axis(a, np.argmax(b, axis=1)[:, None], axis=1).squeeze(),
    lambda a, b: np.zeros_like(a) + np.ones_like(b) + np.full_like(a, 3.5) * np.broadcast_to(b[0], a.shape),
    lambda a, b: a.astype(np.float64).sum() + a.astype("float32"),
    lambda a, b: (a > 0) & (b > 0) | ~(a < b),
    lambda a, b: (a.any(), np.all(b, axis=0), np.logical_or.reduce(a), np.maximum.reduce(a, axis=1)),
    lambda a, b: {"sizes": np.full_like(a, a.size + a.ndim + len(a) + np.shape(b)[1]), "same": a.ravel() @ b.flatten()},
    lambda a, b: np.logaddexp(a, b).sum(axis=1, keepdims=True) ** 2,
    lambda a, b: np.split(a, 2)[1] + np.hsplit(b, 3)[0][:2] + np.moveaxis(a, 0, 1)[0, :2, None],
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("place", range(len(OTHERS)))
def test_functions_and_methods(place, dtype):
    assert_traces(OTHERS[place], drawn(dtype, 4, 3), drawn(dtype, 4, 3, seed=1))


@pytest.mark.parametrize("ufunc", UNARY + BINARY, ids=lambda ufunc: ufunc.__name__)
@pytest.mark.parametrize("first", ["float32", "float64", "int64", "int8"])
@pytest.mark.parametrize("second", ["float32", "int32", 2, 0.5])
def test_dtypes_are_numpys(ufunc, first, second):
    a = abs(drawn(first, 3, 4)) + 1
    b = second if not isinstance(second, str) else abs(drawn(second, 4, seed=1)) + 1
    assert_traces(ufunc, *(a, b)[: ufunc.nin])


def in_place_arithmetic(a, b, i):
    a += b
    a *= 2
    a -= b * a
    a /= 3
    a **= 2
    np.exp(-abs(b), out=b)
    np.matmul(a.T, b, out=a[:, :3][:3])
    np.add.reduce(b, axis=0, out=a[0])


def views(a, b, i):
    c = a[1:3]
    first = c[0]
    c += 1
    c[0] *= 3
    a[:, 1] = 7
    a.T[2] -= 1
    flat = a.reshape(-1)
    flat[2:5] = b[0]
    return c, first, flat.sum()


def scatter(a, b, i):
    rows = np.arange(len(a))
    a[rows, i] -= 1
    b[i] = a[rows, i][:, None]
    a[a > 0] = 0
    np.put_along_axis(b, i[:, None], 5, axis=1)
    np.copyto(a[2:], b[:2])
    a[...] = a + a.T[0][:, None]


def in_place_then_aliases(a, b, i):
    alias = a
    before = a.copy()
    a *= b
    a[1:] = a[:-1]
    return alias, before, a


def swap(a, b, i):
    kept = a.copy()
    a[...] = b
    b[...] = kept
    return kept, a


def changes_with_another_dtype(a, b, i):
    a += b.astype(np.float64)
    a *= i[:, None]
    a += np.float64(0.1)
    b[...] = i[:, None]
    b.fill(0.25)


IN_PLACE = [in_place_arithmetic, views, scatter, in_place_then_aliases, swap, changes_with_another_dtype]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", IN_PLACE)
def test_changes_in_place(function, dtype):
    assert_traces(function, drawn(dtype, 4, 3), drawn(dtype, 4, 3, seed=1), np.array([1, 0, 2, 1]))


def test_a_gradient_written_into_a_vector_is_summed_in_the_vectors_order():
    def step(x, vector):
        weights = vector[: 30 * 50].reshape(30, 50)
        weights[...] = x.T * 0.1
        return weights.sum() + vector.mean(), weights.sum(axis=0)

    assert_traces(step, drawn("float32", 50, 30), drawn("float32", 30 * 50 + 7))


@pytest.mark.parametrize("dtype", DTYPES)
def test_arrays_stay_in_the_order_in_which_they_lie_in_memory(dtype):
    def function(x):
        w = x.T * 0.1
        w += 1
        w[...] = w * w
        v = np.exp(x) * 0.1
        flat = v.reshape(-1)
        flat *= 0.3
        return w.sum(axis=0), w.sum(axis=1), w.mean(), v.sum(axis=0)

    graph = assert_traces(function, drawn(dtype, 301, 203))
    assert any(node.op == "setitem" for node in graph.nodes)


@pytest.mark.parametrize("dtype", DTYPES)
def test_python_numbers_stay_python_numbers(dtype):
    def update(parameters, rate, t):
        scale = rate / (1 - 0.9**t)
        root = (1 - 0.999**t) ** 0.5
        parameters *= 1 - scale * -root
        parameters -= np.sqrt(rate) * (t + 1) * abs(rate - 1)
        return scale, np.minimum(1.0, rate), t % 2, t // 2

    parameters = drawn(dtype, 10)
    graph = trace(update, parameters, Number(float), Number(int))
    for rate, t in [(0.1, 1), (0.3, 1000)]:
        own, other = parameters.copy(), parameters.copy()
        assert_same_bits(graph.run(own, rate, t), update(other, rate, t))
        assert_same_bits(own, other)
    with pytest.raises(InvalidValue, match="float32 of shape"):
        graph.run(np.zeros(3, np.float32), 0.1, 1)


def test_draws_are_made_in_order_even_those_that_nothing_uses():
    def draw(x, random):
        random.random(3)
        mask = random.random(x.shape, dtype=np.float32) > 0.5
        return x * mask + random.standard_normal(3)

    assert_traces(draw, drawn("float32", 2, 3), np.random.default_rng(4))


def test_an_example_can_be_a_shape_and_plain_values_are_part_of_the_graph():
    def function(x, n, options, missing):
        return x * n if options["scale"] else (missing, x)

    graph = trace(function, ShapeDtype((2, 3), "float64"), 3, {"scale": True}, None)
    assert [node.name for node in graph.inputs] == ["x"]
    np.testing.assert_array_equal(graph.run(np.ones((2, 3)), 3, {"scale": True}, None), np.full((2, 3), 3.0))
    with pytest.raises(InvalidValue, match="4; the graph was traced with 3"):
        graph.run(np.ones((2, 3)), 4, {"scale": True}, None)


def test_names_are_the_parameters_names_or_the_given_ones():
    two = ShapeDtype((2,))
    assert [node.name for node in trace(lambda z, *rest: z, two, two).inputs] == ["z", "argument_1"]
    assert [node.name for node in trace(lambda z, pair: z, two, (two, {"b": two})).inputs] == ["z", "pair_0", "b"]
    assert [node.name for node in trace(np.add, two, two, names=["x", "y"]).inputs] == ["x", "y"]


SAFE = [np.add, np.multiply, np.maximum, np.subtract, np.tanh, np.negative, np.abs, np.square, np.where]


@st.composite
def programs(draw):
    """A program over a growing list of arrays: operations on any of them, reductions, views and changes in place."""
    steps = draw(st.lists(st.tuples(st.sampled_from(range(14)), *[st.integers(0, 99)] * 3), min_size=1, max_size=12))

    def program(*arguments):
        values = list(arguments)

        for kind, i, j, k in steps:
            a, b, c = (values[n % len(values)] for n in (i, j, k))
            if kind < len(SAFE):
                ufunc = SAFE[kind]
                values.append(ufunc(a > b, b, c) if ufunc is np.where else ufunc(*(a, b)[: ufunc.nin]))
            elif kind == 9:
                values.append(a.sum(axis=i % 2, keepdims=True) * b)
            elif kind == 10 and a.shape == (3, 4):
                a += b
            elif kind == 11 and a.shape == (3, 4):
                a[j % 3 :, k % 4] *= 0.5
            elif kind == 12:
                values.append(a @ b.T @ c)
            elif kind == 13:
                values.append(a[:, ::-1] if i % 2 else a / (1 + b * b))
        return values

    return program


@settings(max_examples=150, deadline=None)
@given(programs(), st.sampled_from(DTYPES), st.data())
def test_any_program(program, dtype, data):
    elements = st.floats(-3, 3, width=32)
    arguments = [data.draw(hnp.arrays(dtype, (3, 4), elements=elements)) for _ in range(3)]
    with np.errstate(all="ignore"):
        assert_traces(program, *arguments)


# Simplifying and folding


def ops(graph):
    return sorted(node.op for node in graph.nodes if node.op not in ("input", "constant"))


@pytest.mark.parametrize(
    ("function", "remaining"),
    [
        (lambda z: (z * 1 + 0) / 1 - 0, []),
        (lambda z: np.negative(np.negative(z)), []),
        (lambda z: 1 * (0 + z) ** 1, []),
        (lambda z: z.T.T.reshape(6).reshape(2, 3).copy(), []),
        (lambda z: z * np.ones_like(z), []),
        (lambda z: z + -z, ["subtract"]),
        (lambda z: z - (-z), ["add"]),
        (lambda z: np.exp(z) + np.exp(z), ["add", "exp"]),
        (lambda z: z * (np.float32(2) + 3) * np.exp(np.float32(0)), ["multiply"]),
        (lambda z: (np.tanh(z), z)[1], []),
        (lambda z: z.astype(np.float32), []),
        (lambda z: np.concatenate([z, z])[:2], ["concatenate", "getitem"]),
    ],
)
def test_simplify(function, remaining):
    z = drawn("float32", 2, 3)
    graph = simplify(trace(function, z))
    assert ops(graph) == remaining
    np.testing.assert_array_equal(graph.run(z), function(z))


def test_parts_of_a_vector_that_were_written_apart_are_read_without_the_writing():
    def function(vector, x):
        vector[:3] = x
        vector[3:] *= 2
        return vector[:3] + vector[3:]

    vector, x = drawn("float32", 6), drawn("float32", 3)
    graph = simplify(trace(function, vector, x))
    assert not any(node.op == "setitem" for node in _below(graph.result))
    own = vector.copy()
    np.testing.assert_array_equal(graph.run(vector, x), function(own, x))
    np.testing.assert_array_equal(vector, own)


def _below(node):
    return [node, *(deeper for given in node.inputs for deeper in _below(given))]


def test_simplify_keeps_the_order_of_draws():
    def draw(x, random):
        random.random(2)
        return x + random.random(3)

    x = drawn("float64", 3)
    graph = simplify(trace(draw, x, np.random.default_rng(1)))
    assert_same_bits(graph.run(x, np.random.default_rng(1)), draw(x, np.random.default_rng(1)))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def silu(z):
    return z * sigmoid(z)


def softplus(z):
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def relu(z):
    return np.maximum(z, 0)


def leaky_relu(z, slope: float):
    return np.where(z > 0, z, slope * z)


def difference(a, b):
    return np.abs(a - b) + 1


WELL_KNOWN = {f.__name__: f for f in (sigmoid, silu, softplus, softmax, relu, leaky_relu, difference)} | {
    "tanh": np.tanh
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("function", "found"),
    [
        (sigmoid, ["sigmoid"]),
        (lambda z: np.divide(1, np.add(np.exp(np.negative(z)), 1)), ["sigmoid"]),
        (lambda z: sigmoid(3 * z) * (3 * z), ["multiply", "silu"]),
        (lambda z: sigmoid(z) * (1 - sigmoid(z)), ["multiply", "sigmoid", "subtract"]),
        (softplus, ["softplus"]),
        (lambda z: softmax(relu(z @ z.T)), ["matmul", "relu", "softmax", "transpose"]),
        (lambda z: np.where(z > 0, z, z * 0.2), ["leaky_relu"]),
        (lambda z: np.where(z > 0, z, z * z), ["greater", "multiply", "where"]),
        (lambda z: 1 / (2 + np.exp(-z)), ["add", "divide", "exp", "negative"]),
        (lambda z: z * sigmoid(z + 1), ["add", "multiply", "sigmoid"]),
        (lambda z: 1 + abs(z - z[0]), ["absolute", "add", "getitem", "subtract"]),  # the pattern takes two like arrays
        (lambda z: 1 + abs(z - np.tanh(z)), ["difference", "tanh"]),
    ],
)
def test_fold_finds_functions_by_their_graphs(function, found, dtype):
    z = drawn(dtype, 3, 3)
    graph = fold(trace(function, z), WELL_KNOWN)
    assert ops(graph) == found
    assert_same_bits(graph.run(z), function(z))


def test_a_folded_node_takes_the_functions_arguments_in_order():
    graph = fold(trace(lambda x, y: abs(y * 2 - x) + 1, ShapeDtype((2,)), ShapeDtype((2,))), WELL_KNOWN)
    assert [node.op for node in graph.result.inputs] == ["multiply", "input"]
    slope = fold(trace(lambda z: leaky_relu(z, 0.3), ShapeDtype((2,))), WELL_KNOWN).result.inputs[1]
    assert slope.attributes["value"] == np.float32(0.3)


# Formulas


VECTOR = ShapeDtype((4,), "float64")
MATRIX = ShapeDtype((5, 4), "float64")


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda a, b, c: (a + b) + c, "a + b + c"),
        (lambda a, b, c: a + (b + c), "a + b + c"),
        (lambda a, b, c: a - (b + c), "a - (b + c)"),
        (lambda a, b, c: a - (b - c), "a - (b - c)"),
        (lambda a, b, c: a - b - c, "a - b - c"),
        (lambda a, b, c: (a + b) * c, "(a + b) ∘ c"),
        (lambda a, b, c: a + b * c, "a + b ∘ c"),
        (lambda a, b, c: a * (b * c), "a ∘ b ∘ c"),
        (lambda a, b, c: a / b / c, "a / (b ∘ c)"),
        (lambda a, b, c: a / (b / c), "a / (b / c)"),
        (lambda a, b, c: a * (b / c), "a ∘ b / c"),
        (lambda a, b, c: (a + b) / (a - c), "(a + b) / (a - c)"),
        (lambda a, b, c: -(a + b), "-(a + b)"),
        (lambda a, b, c: -a * b, "-a ∘ b"),
        (lambda a, b, c: a * -b, "-a ∘ b"),
        (lambda a, b, c: c + -2 * a, "c - 2 a"),
        (lambda a, b, c: c - a * -2, "c + 2 a"),
        (lambda a, b, c: c + (-a + b), "c + (-a + b)"),
        (lambda a, b, c: (-a) ** 2, "a²"),
        (lambda a, b, c: -(a**2), "-a²"),
        (lambda a, b, c: (a * b) ** 2, "a² ∘ b²"),
        (lambda a, b, c: (a + b) ** 3, "(a + b)³"),
        (lambda a, b, c: a * a * a * b, "a³ ∘ b"),
        (lambda a, b, c: (a**2) ** 3.5, "(a²)^3.5"),
        (lambda a, b, c: a ** (b + 1), "a^(b + 1)"),
        (lambda a, b, c: 0.9**a, "0.9^a"),
        (lambda a, b, c: np.exp(-a), "e^-a"),
        (lambda a, b, c: np.exp(-a * b), "e^(-a ∘ b)"),
        (lambda a, b, c: np.exp(a) ** 2, "(e^a)²"),
        (lambda a, b, c: np.exp(-(a**2)), "e^(-a²)"),
        (lambda a, b, c: np.expm1(a) * 2, "2 (e^a - 1)"),
        (lambda a, b, c: np.log1p(np.exp(a)), "ln(1 + e^a)"),
        (lambda a, b, c: np.log1p(-a), "ln(1 - a)"),
        (lambda a, b, c: np.sqrt(a) * np.sqrt(b + 1), "√a ∘ √(b + 1)"),
        (lambda a, b, c: np.abs(a - b) / 2, "|a - b| / 2"),
        (lambda a, b, c: 1 / np.sqrt(a), "1 / √a"),
        (lambda a, b, c: 0.5 * a * 3, "0.5 · 3 a"),
        (lambda a, b, c: np.where(a > 0, a, 0.01 * a), "a for a > 0, else 0.01 a"),
        (lambda a, b, c: b * np.where(a > 0, a, 0), "b ∘ (a for a > 0, else 0)"),
        (lambda a, b, c: np.where(a > 0, 1.0, np.where(a < -1, b, -c)), "1 for a > 0, b for a < -1, else -c"),
        (lambda a, b, c: b + (a >= c), "b + (1 for a ≥ c, else 0)"),
        (lambda a, b, c: np.where((a > 0) & (b < 1), c, 1), "c for a > 0 and b < 1, else 1"),
        (lambda a, b, c: np.maximum(a, 0) - np.minimum(b, c), "max(a, 0) - min(b, c)"),
        (lambda a, b, c: np.clip(a, -1, 1), "max(-1, min(a, 1))"),
        (lambda a, b, c: (a * b).sum(), "Σ a ∘ b"),
        (lambda a, b, c: (a + b).sum() * c, "(Σ (a + b)) c"),
        (lambda a, b, c: c * (a / b).sum(), "(Σ (a / b)) c"),
        (lambda a, b, c: a.sum() / 3, "(Σ a) / 3"),
        (lambda a, b, c: a.sum() / 4, "mean(a)"),
        (lambda a, b, c: np.linalg.norm(a - b), "‖a - b‖"),
        (lambda a, b, c: a @ b, "aᵀ b"),
        (lambda a, b, c: a[1:3].sum() + b[0], "Σ a[1:3] + b[0]"),
        (lambda a, b, c: a + 1e-8 - 0.1, "a + 1e-08 - 0.1"),
        (lambda a, b, c: np.tanh(a).astype(np.float32) + b, "tanh(a) + b"),
        (lambda a, b, c: a.mean() - b.max() + np.hypot(a, b), "mean(a) - max(b) + hypot(a, b)"),
        (lambda a, b, c: np.tanh(a * 3 + b) ** 2 - np.tanh(a * 3 + b), "t² - t, t = tanh(3 a + b)"),
    ],
)
def test_brackets_stand_where_mathematics_needs_them(function, expected):
    assert formula(trace(function, VECTOR, VECTOR, VECTOR, names="abc")) == expected


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x, w, z: x @ w + z, "x w + z"),
        (lambda x, w, z: (x + x) @ w, "(x + x) w"),
        (lambda x, w, z: (x @ w) * z, "(x w) ∘ z"),
        (lambda x, w, z: 0.5 * (x @ w), "0.5 x w"),
        (lambda x, w, z: x.T @ z @ w.T, "xᵀ z wᵀ"),
        (lambda x, w, z: (x * x) @ w / 5, "x² w / 5"),
        (lambda x, w, z: (x @ w).T, "(x w)ᵀ"),
        (lambda x, w, z: x.sum(axis=0) + x[0], "Σ_i x + x[0, :]"),
        (lambda x, w, z: x - x.max(axis=1, keepdims=True), "x - max_j(x)"),
        (lambda x, w, z: z.mean(axis=0) * z, "mean_i(z) ∘ z"),
        (lambda x, w, z: (x * x).sum(axis=1, keepdims=True) / 4, "mean_j(x²)"),
        (lambda x, w, z: (x[:, 0].astype(int)[:, None] == np.arange(3)) * z, "one_hot(x[:, 0]) ∘ z"),
        (lambda x, w, z: x.max(axis=0, keepdims=True)[0] + x[:1][0], "max_i(x) + x[0:1, :]"),
        (lambda x, w, z: sigmoid(x), "σ(x)"),
        (lambda x, w, z: x * sigmoid(x), "silu(x)"),
    ],
)
def test_matrices_in_formulas(function, expected):
    weights = ShapeDtype((4, 3), "float64")
    graph = trace(function, MATRIX, weights, ShapeDtype((5, 3), "float64"), names="xwz")
    assert formula(fold(graph, WELL_KNOWN)) == expected


def test_words_are_multiplied_by_a_sign():
    graph = trace(lambda x, w: x @ w, MATRIX, ShapeDtype((4, 2), "float64"), names=["inputs", "weights"])
    assert formula(graph) == "inputs @ weights"
    assert formula(graph, {"inputs": "X", "weights": "W₁"}) == "X W₁"


class Reader:
    """Reads a formula in plain text back by the rules of mathematics, and computes its value."""

    TOKEN = re.compile(r"\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?|[a-z]+|[√|²³^()∘·/+,><≥≤-])")
    FUNCTIONS = {"tanh": np.tanh, "max": np.maximum, "ln": np.log}  # noqa: RUF012

    def __init__(self, text, **values):
        self.tokens = self.TOKEN.findall(text)
        assert "".join(self.tokens) == text.replace(" ", "")
        self.values = {**values, "e": np.e}
        self.in_bars = False

    def peek(self):
        return self.tokens[0] if self.tokens else ""

    def take(self, *expected):
        assert not expected or self.tokens[0] in expected
        return self.tokens.pop(0)

    def cases(self):
        value = self.sum()
        if self.peek() != "for":
            return value
        self.take("for")
        left = self.sum()
        compare = {">": np.greater, "<": np.less}[self.take(">", "<")]
        condition = compare(left, self.sum())
        self.take(",")
        self.take("else")
        return np.where(condition, value, self.cases())

    def sum(self):
        sign = -1 if self.peek() == "-" and self.take() else 1
        value = sign * self.product()
        while self.peek() in ("+", "-"):
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def product(self):
        """Factors and quotients from left to right; two factors side by side are multiplied."""
        value = self.power()
        while self.peek() not in ("", "+", "-", ")", ",", ">", "<", "for", "else", "|" if self.in_bars else ""):
            if self.peek() == "/":
                self.take()
                value = value / self.power()
            else:
                if self.peek() in ("∘", "·"):
                    self.take()
                value = value * self.power()
        return value

    def power(self):
        value = self.atom()
        while self.peek() in ("²", "³", "^"):
            sign = self.take()
            exponent = {"²": 2, "³": 3}.get(sign) or self.exponent()
            value = value**exponent
        return value

    def exponent(self):
        return -self.atom() if self.peek() == "-" and self.take() else self.atom()

    def inside(self, closing):
        """What stands between brackets, or between bars, where the next bar is the closing one."""
        outside, self.in_bars = self.in_bars, closing == "|"
        parts = [self.cases()]
        while self.take(",", closing) == ",":
            parts.append(self.cases())
        self.in_bars = outside
        return parts

    def atom(self):
        token = self.take()
        if token == "√":
            return np.sqrt(self.atom())
        if token == "|":
            return np.abs(self.inside("|")[0])
        if token == "(":
            return self.inside(")")[0]
        if token in self.FUNCTIONS:
            self.take("(")
            return self.FUNCTIONS[token](*self.inside(")"))
        return self.values[token] if token in self.values else float(token)


def test_the_reader_reads_as_mathematics_does():
    assert Reader("1 - 2 / 4 - e^-a²", a=0).cases() == -0.5
    assert Reader("-a² b / 2", a=3, b=4).cases() == -18


LEAVES = st.sampled_from([lambda a, b, c: a, lambda a, b, c: b, lambda a, b, c: c])
NUMBERS = st.sampled_from([2, 0.5, -3, 1.25, -0.75, 7])


def combined(inner):
    """Expressions of the ones that `inner` draws."""
    one = [np.negative, np.tanh, np.square, np.exp, lambda x: np.sqrt(abs(x)), abs, lambda x: x**3, lambda x: 1.5**x]
    one += [lambda x: np.log1p(abs(x)), lambda x: np.expm1(-x), lambda x: 1 / (1 + np.exp(-x)), lambda x: abs(x) ** 2.5]
    two = [np.add, np.subtract, np.multiply, np.divide, np.maximum, lambda x, y: np.where(x > 0, y, 0.1 * x)]
    two += [lambda x, y: np.where(x < y, x, -y), lambda x, y: np.abs(x) ** y]
    with_number = [np.add, np.subtract, np.multiply, np.divide]
    return st.one_of(
        st.builds(lambda f, x: lambda *abc: f(x(*abc)), st.sampled_from(one), inner),
        st.builds(lambda f, x, y: lambda *abc: f(x(*abc), y(*abc)), st.sampled_from(two), inner, inner),
        st.builds(lambda f, x, n: lambda *abc: f(x(*abc), n), st.sampled_from(with_number), inner, NUMBERS),
        st.builds(lambda f, x, n: lambda *abc: f(n, x(*abc)), st.sampled_from(with_number), inner, NUMBERS),
    )


@settings(max_examples=300, deadline=None)
@given(st.recursive(LEAVES, combined, max_leaves=8))
def test_any_formula_reads_as_what_is_computed(expression):
    text = formula(trace(expression, *[ShapeDtype((4,), "float64")] * 3, names="abc"))
    values = {
        "a": np.array([0.5, 1.5, -0.3, 2]),
        "b": np.array([0.7, -1.1, 0.2, 1]),
        "c": np.array([-0.4, 0.9, 1.3, -2]),
    }
    with np.errstate(all="ignore"):
        expected = expression(*values.values())
        text, *definitions = re.split(r", (?=[a-z] = )", text)
        for definition in definitions:
            name, _, meaning = definition.partition(" = ")
            values[name] = Reader(meaning, **values).cases()
        reader = Reader(text, **values)
        got = reader.cases()
    assert not reader.tokens
    ordinary = np.isfinite(expected) & (np.abs(expected) < 1e6)
    np.testing.assert_allclose(np.broadcast_to(got, expected.shape)[ordinary], expected[ordinary], rtol=1e-4, atol=1e-4)


def adam(parameters, gradient, mean, square, learning_rate, t, beta1, beta2, epsilon):
    mean += (1 - beta1) * (gradient - mean)
    square += (1 - beta2) * (gradient * gradient - square)
    parameters -= learning_rate / (1 - beta1**t) * mean / ((square / (1 - beta2**t)) ** 0.5 + epsilon)


def test_equations_of_changes_in_place():
    numbers = Number(float), Number(int), 0.9, Number(float), 1e-8
    graph = trace(adam, VECTOR, VECTOR, VECTOR, VECTOR, *numbers)
    assert equations(graph, names={"mean": "m", "square": "v"}) == [
        "m ← m + 0.1 (g - m)",
        "v ← v + (1 - β₂) (g² - v)",
        "θ ← θ - η m / ((1 - 0.9^t) (√(v / (1 - β₂^t)) + 1e-08))",
    ]


def test_equations_refer_to_results_before_them():
    def function(z):
        a = np.tanh(2 * z + 1)
        return {"a": a, "slope": 1 - a * a, "twice": 2 * (1 - a * a) * z}

    graph = trace(function, VECTOR)
    assert equations(graph) == ["a = tanh(2 z + 1)", "slope = 1 - a²", "twice = 2 slope ∘ z"]
    assert equations(graph, ["α", "f'"])[:2] == ["α = tanh(2 z + 1)", "f' = 1 - α²"]


def test_an_old_value_that_a_later_equation_reads_keeps_its_name():
    def function(velocity, theta):
        old = velocity.copy()
        velocity *= 0.9
        theta += old * velocity * velocity

    lines = equations(trace(function, VECTOR, VECTOR))
    assert lines == ["velocity' = 0.9 velocity", "theta ← theta + velocity ∘ velocity'²"]


def test_formulas_in_mathml():
    graph = trace(lambda z: np.exp(-z) / np.sqrt(1 + z**2), VECTOR)
    assert mathml(graph) == (
        '<math displaystyle="true"><mfrac>'
        "<msup><mi>e</mi><mrow><mo>−</mo><mi>z</mi></mrow></msup>"
        "<msqrt><mrow><mn>1</mn><mo>+</mo><msup><mi>z</mi><mn>2</mn></msup></mrow></msqrt>"
        "</mfrac></math>"
    )


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_mathml_is_well_formed(name):
    activation = ACTIVATIONS[name]()
    graph = trace(activation.backward, MATRIX, MATRIX, MATRIX)
    for text in [mathml(graph), *equations(graph, ["∂loss/∂z₁"], notation=MathML())]:
        root = ElementTree.fromstring(text)
        assert root.tag == "math"
        for fraction in root.iter("mfrac"):
            assert len(fraction) == 2
        for script in (*root.iter("msup"), *root.iter("msub")):
            assert len(script) == 2


@settings(max_examples=100, deadline=None)
@given(programs(), st.sampled_from(DTYPES), st.data())
def test_any_program_simplified_computes_the_same(program, dtype, data):
    arguments = [data.draw(hnp.arrays(dtype, (3, 4), elements=st.floats(-3, 3, width=32))) for _ in range(3)]
    graph = trace(program, *arguments)
    expected = program(*copy.deepcopy(arguments))
    for got, wanted in zip(simplify(graph).run(*copy.deepcopy(arguments)), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


# What cannot be traced


def branch(z):
    if z.max() > 0:
        return z
    return -z


def loop(z):
    return [2 * row for row in z]


def builtin_max(z):
    return max(z.sum(), 0)


def plain_array(z):
    total = np.zeros(z.shape)
    total += z
    return total


def reshaped_then_changed(z):
    w = z.T * 2
    flat = w.reshape(-1)
    w += 1
    return flat


def scipy_ufunc(z):
    from scipy.special import expit

    return expit(z)


def scipy_function(z):
    from scipy.special import softmax

    return softmax(z)


COUNTER = [0]


def counted(z):
    COUNTER[0] += 1
    return z * COUNTER[0]


STORED = []


def stored(z):
    STORED.append(z)
    return z + STORED[0]


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (branch, r"a branch .* depends on values.*\(test_tracing.py:\d+: if z.max\(\) > 0:\)"),
        (loop, r"a loop takes the rows.*test_tracing.py:\d+: return \[2 \* row for row in z\]"),
        (builtin_max, r"a branch \(if, while, and, or, min, max\)"),
        (lambda z: float(z.sum()) * z, r"float\(\).*test_tracing.py"),
        (lambda z: int(z[0, 0]) * z, r"int\(\)"),
        (lambda z: math.exp(z[0, 0]) * z, r"function of math.*math.exp"),
        (lambda z: [1, 2, 3][z.sum()], "index of a plain array or list"),
        (lambda z: z.tolist(), "tolist of an array"),
        (lambda z: z.sort(), "sort of an array"),
        (lambda z: np.asarray(z) + 1, r"np.asarray.*test_tracing.py:\d+: .*np.asarray\(z\)"),
        (lambda z: np.sort(z), "np.sort is not among the functions"),
        (lambda z: np.linalg.inv(z), "np.linalg.*inv is not among the functions"),
        (lambda z: np.modf(z), "np.modf is not among"),
        (lambda z: np.add.accumulate(z), "np.add.accumulate is not among"),
        (lambda z: np.exp(z, where=z > 0), "argument where of np.exp"),
        (lambda z: z.max() in z, "`in` depends on values"),
        (lambda z: z[z > 0], "which elements are taken depends on values"),
        (lambda z: np.where(z > 0), "as many places as the values decide"),
        (lambda z: z * np.random.random(), "pass a np.random.Generator"),  # noqa: NPY002
        (lambda z: z * np.random.default_rng().random(z.shape), "pass a np.random.Generator"),
        (lambda z: z * 1j, "complex128 is not among the dtypes"),
        (plain_array, "plain array, which is no argument.*total \\+= z"),
        (reshaped_then_changed, r"changed in place after a reshape.*w \+= 1"),
        (counted, "computes something else when it runs again"),
        (stored, "an array of another trace"),
    ],
)
def test_what_cannot_be_traced_says_why(function, reason):
    with pytest.raises(Untraceable, match=reason):
        trace(function, ShapeDtype((3, 3)))


@pytest.mark.needs("scipy")
def test_functions_of_other_libraries_are_named():
    with pytest.raises(Untraceable, match=r"expit is a function of another library.*return expit\(z\)"):
        trace(scipy_ufunc, ShapeDtype((3, 3)))
    with pytest.raises(Untraceable, match=r"here it is in \w+ \(test_tracing.py:\d+: return softmax\(z\)"):
        trace(scipy_function, ShapeDtype((3, 3)))


def test_a_generators_other_methods_cannot_be_traced():
    with pytest.raises(Untraceable, match="poisson of a generator cannot be traced"):
        trace(lambda z, random: z * random.poisson(3), ShapeDtype((3,)), np.random.default_rng(0))


def test_an_argument_that_is_replaced_is_refused():
    def replace(z, state):
        state["mean"] = state["mean"] * 0.9 + z

    with pytest.raises(Untraceable, match="can change that in place"):
        trace(replace, ShapeDtype((3,)), {"mean": ShapeDtype((3,))})


def test_numpys_own_errors_stay_its_own():
    with pytest.raises(ValueError, match="broadcast"):
        trace(np.add, ShapeDtype((3,)), ShapeDtype((4,)))
    with pytest.raises(ValueError, match="matmul"):
        trace(np.matmul, ShapeDtype((3, 2)), ShapeDtype((4, 2)))
    with pytest.raises(IndexError):
        trace(lambda z: z[3], ShapeDtype((3,)))
    with pytest.raises(TypeError, match="cannot be written"):
        trace(lambda i: np.divide(i, 2, out=i), ShapeDtype((3,), "int64"))
