"""A traced function computes what the function computes, to the last bit, and what cannot be traced says why."""

import copy
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import plainnet as pn
from plainnet.activations import ACTIVATIONS
from plainnet.errors import InvalidValue
from plainnet.layers import TrainingPass
from plainnet.losses import LOSSES
from plainnet.tracing import Number, ShapeDtype, Untraceable, trace

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
    pn.Adagrad(),
    pn.Adam(weight_decay=0.1),
    pn.AdamW(),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_every_optimizer(optimizer, dtype):
    state = {name: abs(drawn(dtype, 100, seed=i)) for i, name in enumerate(optimizer.remembers)}
    parameters, gradient = drawn(dtype, 100, seed=8), drawn(dtype, 100, seed=9)
    graph = assert_traces(lambda p, g, s: optimizer.descend(p, g, s, 0.1, 3), parameters, gradient, state)
    changed = {node.name for node in graph.updates}
    assert {"p", *optimizer.remembers} <= changed


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


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_whole_training_step(dtype):
    net = pn.Network(
        pn.Dense(8), pn.BatchNorm(), pn.Activation("silu"), pn.Dropout(0.4), pn.Dense(6, "tanh"), pn.LayerNorm(),
        pn.Dense(3, "softmax"), input_size=5, seed=0, dtype=dtype,
    )  # fmt: skip
    loss, optimizer = LOSSES["cross_entropy"](), pn.Adam(0.1)

    def step(vector, gradient, state, statistics, x, y, random):
        parameters, gradients = net.parameter_views(vector), net.parameter_views(gradient)
        for layer, own, kept in zip(net.layers, parameters, statistics, strict=True):
            layer.bind({**own, **kept})
        backwards, outputs = [], x
        for layer in net.layers:
            forward = layer.pre_activation if layer is net.layers[-1] else layer.forward
            outputs, backward = forward(outputs, TrainingPass(random))
            backwards.append(backward)
        losses, derivatives = loss.elements_from_logits(y, outputs)
        g = derivatives / losses.size
        for backward, own in zip(reversed(backwards), reversed(gradients), strict=True):
            g = backward(g, own)
        optimizer.step(vector, gradient, state, 0.1, 1)
        return losses.mean()

    vector = net.parameters.copy()
    state = {name: np.zeros_like(vector) for name in ("mean", "square")}
    statistics = [made(layer.statistic_shapes((8,)), dtype) for layer in net.layers]
    x, y = drawn(dtype, 16, 5), np.random.default_rng(1).integers(0, 3, 16)
    graph = assert_traces(step, vector, np.zeros_like(vector), state, statistics, x, y, np.random.default_rng(2))
    assert {node.name for node in graph.updates} >= {"vector", "mean", "square", "running_mean", "running_variance"}
    # a second step from where the first one ended
    random = np.random.default_rng(2)
    arguments = (vector, np.zeros_like(vector), state, statistics, x, y, random)
    others = copy.deepcopy(arguments)
    for _ in range(2):
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


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "function", [in_place_arithmetic, views, scatter, in_place_then_aliases, swap, changes_with_another_dtype]
)
def test_changes_in_place(function, dtype):
    assert_traces(function, drawn(dtype, 4, 3), drawn(dtype, 4, 3, seed=1), np.array([1, 0, 2, 1]))


def test_a_gradient_written_into_a_vector_is_summed_in_the_vectors_order():
    def step(x, vector):
        weights = vector[: 30 * 50].reshape(30, 50)
        weights[...] = x.T * 0.1
        return weights.sum() + vector.mean(), weights.sum(axis=0)

    assert_traces(step, drawn("float32", 50, 30), drawn("float32", 30 * 50 + 7))


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


def test_functions_of_other_libraries_are_named():
    pytest.importorskip("scipy")
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
