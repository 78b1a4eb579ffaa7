"""Any program of NumPy's operations, drawn by Hypothesis, gives in machine code the numbers that NumPy gives."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plainnet as pn
from plainnet import adapters, engines
from plainnet.engines import Job

Program = Callable[[list[Any], np.dtype[Any]], Any]

ELEMENTWISE: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a - 0.5 * b,
    lambda a, b: a / (1 + b * b),
    lambda a, b: np.tanh(a),
    lambda a, b: np.exp(-np.abs(a)) + b,
    lambda a, b: np.log1p(a * a),
    lambda a, b: np.maximum(a, 0.3 * b),
    lambda a, b: np.clip(a, -0.7, 0.9),
    lambda a, b: np.sqrt(1 + a * a) ** 3,
    lambda a, b: np.zeros_like(a) + 1.5,
]
OTHERS: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a.sum(axis=0) * b,
    lambda a, b: a.mean(axis=1, keepdims=True) + b,
    lambda a, b: a.max(axis=1, keepdims=True) - b,
    lambda a, b: a - a.min(),
    lambda a, b: np.tanh(a @ (b.T @ a)),
    lambda a, b: a @ np.tanh(a.T @ b),
    lambda a, b: np.sqrt(a.var(axis=0) + 1) * b,
    lambda a, b: a[:, ::-1] * b[::-1],
    lambda a, b: np.concatenate([b[:, :1], a[:, 1:]], axis=1),
    lambda a, b: (a.T * b.T).reshape(a.shape),
    lambda a, b: a.ravel()[:1] + b[-1] + 0 * a,
    lambda a, b: np.broadcast_to(a[0], a.shape) + b,
    lambda a, b: (a * b).sum() * a,
]


Steps = list[tuple[int, int, int, int]]
"""The kind of each step, and which arrays it takes."""


def program_of(steps: Steps) -> Program:
    """Return a program over a growing list of arrays of one shape; it may change its arguments in place."""

    def program(arguments: list[Any], other: np.dtype[Any]) -> Any:
        values = list(arguments)
        for kind, i, j, k in steps:
            a, b = values[i % len(values)], values[j % len(values)]
            chosen = arguments[k % len(arguments)]
            if kind < len(ELEMENTWISE):
                values.append(ELEMENTWISE[kind](a, b))
            elif kind < len(ELEMENTWISE) + len(OTHERS):
                values.append(np.tanh(OTHERS[kind - len(ELEMENTWISE)](a, b)))
            elif kind == len(ELEMENTWISE) + len(OTHERS):
                values.append(np.where(arguments[0] > 0.2, a, 0.1 * b))
            elif kind == len(ELEMENTWISE) + len(OTHERS) + 1:
                values.append(a.astype(other))
            elif kind == len(ELEMENTWISE) + len(OTHERS) + 2:
                chosen *= 0.5
                chosen += np.tanh(a)
            else:
                chosen[:, k % chosen.shape[1]] = np.tanh(b[:, 0])
        return sum(np.tanh(value) for value in values)

    return program


KINDS = st.sampled_from(range(len(ELEMENTWISE) + len(OTHERS) + 4))
PROGRAMS = st.lists(st.tuples(KINDS, *[st.integers(0, 99)] * 3), min_size=1, max_size=10)


class Computing(pn.optimizers.Optimizer):
    """Leaves the network alone and lets a program work on the arrays of its memory."""

    def __init__(self, program: Program, arrays: list[np.ndarray], other: np.dtype[Any]) -> None:
        super().__init__(0.1, 0.0, None)
        self.program, self.arrays, self.other = program, arrays, other

    def start(self, parameters):
        memory = {f"x{i}": array.copy() for i, array in enumerate(self.arrays)}
        return {**memory, "result": np.zeros_like(self.arrays[0])}

    def update(self, parameters, gradient, state, learning_rate, t):
        arguments = [state[f"x{i}"] for i in range(len(self.arrays))]
        state["result"][...] = self.program(arguments, self.other)


def memory_after(engine: str, optimizer: Computing, dtype: str) -> dict[str, np.ndarray]:
    net = pn.Network(pn.Dense(1), input_size=1, seed=1, dtype=dtype)
    data = np.ones((1, 1), dtype)
    job = Job(net, adapters.loss_of("mse"), optimizer, data, data, None, None, False, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a program without machine code
        choice = engines.choose(engine, job, 1 if engine == "compiled" else None)
    engines.make(choice, job).run(3)
    return job.optimizer_state


def check(steps: Steps, dtype: str, shape: tuple[int, int]) -> None:
    random = np.random.default_rng(shape[0])
    optimizer = Computing(
        program_of(steps),
        [random.normal(size=shape).astype(dtype) for _ in range(3)],
        np.dtype("float64" if dtype == "float32" else "float32"),
    )
    expected, found = (memory_after(engine, optimizer, dtype) for engine in ("numpy", "compiled"))
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-3, atol=1e-4, err_msg=name)


SHAPES = [(3, 4), (1, 1), (5, 1), (1, 6), (4, 16), (17, 8), (16, 33), (2, 65)]


@settings(max_examples=40)
@given(PROGRAMS, st.sampled_from(["float32", "float64"]), st.sampled_from(SHAPES))
def test_any_program(steps: Steps, dtype: str, shape: tuple[int, int]) -> None:
    check(steps, dtype, shape)


@pytest.mark.slow
@settings(max_examples=1500)
@given(PROGRAMS, st.sampled_from(["float32", "float64"]), st.sampled_from(SHAPES))
def test_many_programs(steps: Steps, dtype: str, shape: tuple[int, int]) -> None:
    check(steps, dtype, shape)
