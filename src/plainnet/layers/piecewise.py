"""PiecewiseLinearEmbedding: numbers as lines with bends at given places."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array, Shape
from plainnet.errors import InvalidType, InvalidValue
from plainnet.layers.base import Backward, Layer, TrainingPass, one_axis


def quantile_edges(X: Any, bins: int = 48) -> list[list[float]]:
    """Return for each column of X, (examples, columns), the edges of at most `bins` bins with about as many rows each.

    They are the distinct ones of the quantiles at 0, 1/bins, ..., 1; a column of one value v has the bin v ± 1/2.
    Raises InvalidValue where X is not finite.

    >>> quantile_edges([[0, 1], [1, 1], [2, 1], [6, 1]], bins=3)
    [[0.0, 1.0, 2.0, 6.0], [0.5, 1.5]]
    """
    values = checks.examples("X", X, np.dtype(np.float64))
    shares = np.linspace(0, 1, checks.whole_number("bins", bins, least=1) + 1)
    found = [np.unique(np.quantile(column, shares)) for column in values.T]
    return [(edges if len(edges) > 1 else np.add(edges[0], [-0.5, 0.5])).tolist() for edges in found]


def bins_of(edges: list[list[float]], dtype: Any) -> tuple[Array, Array, Array, Array]:
    """Return where bins begin, how long they are, and the least and the most of the share of a bin below a number.

    Each has the shape (columns, 1, most bins); the bins that a column has not have shares of 0.
    """
    shape = len(edges), 1, max(map(len, edges)) - 1
    start, least, most = (np.zeros(shape, dtype) for _ in range(3))
    size = np.ones(shape, dtype)
    for column, own in enumerate(edges):
        count = len(own) - 1
        start[column, 0, :count] = own[:-1]
        size[column, 0, :count] = np.diff(own)
        most[column, 0, :count] = 1
        least[column, 0, 0], most[column, 0, count - 1] = -np.inf, np.inf
    return start, size, least, most


def shares_of(numbers: Array, start: Array, size: Array, least: Array, most: Array) -> Array:
    """The part of each bin that lies below a number: numbers (columns, examples), (columns, examples, bins)."""
    return np.minimum(np.maximum((numbers[:, :, None] - start) / size, least), most)


class PiecewiseLinearEmbedding(Layer):
    """Replace each of the first inputs by `width` functions of it that bend at its edges, a straight line at first.

    A column's edges e_0 < e_1 < ... part its numbers into bins, at best as many rows in each (`quantile_edges`):

        t_b = (x - e_b) / (e_(b+1) - e_b), at least 0 but in the first bin, at most 1 but in the last
        outputs = x · slopes + bias + t @ weights

    weights begin at 0, slopes and bias uniform over ±1/√width, all of each column's own. The outputs are those of the
    first column, of the second, ..., then the other inputs as they are. (Gorishniy, Rubachev & Babenko 2022, in the
    version of TabM: Gorishniy, Kotelnikov & Babenko 2025.)

    Shapes: slopes and bias (columns, width), weights (columns, most bins, width). With g = ∂loss/∂outputs, of each
    column:

        ∂loss/∂bias   = Σ_examples g            ∂loss/∂weights = Σ_examples tᵀ g
        ∂loss/∂slopes = Σ_examples x · g
        ∂loss/∂x      = Σ slopes · g + Σ_b (g @ weightsᵀ)_b / (e_(b+1) - e_b) over the bins in which x may move t_b

        edges  for each column, from the first input on, two or more growing numbers
        width  the numbers that a column becomes, at least 1

    Raises InvalidValue or InvalidType for an argument that it does not take, and where there are fewer inputs than
    columns.

    >>> import plainnet as pn
    >>> X = [[0.0, 1.0], [1.0, 1.5], [2.0, 9.0], [6.0, 2.0]]
    >>> embedding = pn.PiecewiseLinearEmbedding(pn.quantile_edges(X, bins=2), width=3)
    >>> embedding.edges
    [[0.0, 1.5, 6.0], [1.0, 1.75, 9.0]]
    >>> pn.Network(embedding, input_size=2, seed=1).predict(X).shape
    (4, 6)
    """

    may_skip_input_gradient = True

    def __init__(self, edges: Iterable[Iterable[float]], width: int = 16) -> None:
        if isinstance(edges, str) or not isinstance(edges, Iterable):
            raise InvalidType(f"edges is {edges!r}; it takes a list of growing numbers for each column")
        self.edges = [_checked_edges(f"edges[{i}]", own) for i, own in enumerate(edges)]
        if not self.edges:
            raise InvalidValue("edges is empty; it takes the edges of at least one column")
        self.width = checks.whole_number("width", width, least=1)
        self.slopes: Array
        self.bias: Array
        self.weights: Array

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        (inputs,) = one_axis(self, input_shape)
        columns = len(self.edges)
        if inputs < columns:
            raise InvalidValue(f"edges has {columns} columns and {self.name} has {inputs} inputs; give it fewer")
        lines = columns, self.width
        return {"slopes": lines, "bias": lines, "weights": (columns, max(map(len, self.edges)) - 1, self.width)}

    def output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0] + len(self.edges) * (self.width - 1),)

    def initialize(self, random: np.random.Generator) -> None:
        limit = 1 / np.sqrt(self.width)
        self.slopes[...] = random.uniform(-limit, limit, self.slopes.shape)
        self.bias[...] = random.uniform(-limit, limit, self.bias.shape)

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        columns = len(self.edges)
        start, size, least, most = bins_of(self.edges, inputs.dtype)
        numbers = inputs[:, :columns].T
        shares = shares_of(numbers, start, size, least, most)

        def backward(gradient: Array, gradients: Mapping[str, Array]) -> Array:
            embedded = columns * self.width
            g = gradient[:, :embedded].reshape(len(gradient), columns, self.width).transpose(1, 0, 2)
            gradients["bias"][...] = g.sum(axis=1)
            gradients["slopes"][...] = (numbers[:, None, :] @ g)[:, 0]
            gradients["weights"][...] = shares.transpose(0, 2, 1) @ g
            if training is not None and not training.needs_input_gradient:
                return gradient
            moves = (shares > least) & (shares < most)
            by_shares = np.where(moves, g @ self.weights.transpose(0, 2, 1) / size, 0)
            by_numbers = by_shares.sum(axis=2) + (g * self.slopes[:, None, :]).sum(axis=2)
            return np.concatenate([by_numbers.T, gradient[:, embedded:]], axis=1)

        return self._beside(self._embedded(numbers, shares), inputs), backward

    def predict(self, inputs: Array) -> Array:
        numbers = inputs[:, : len(self.edges)].T
        return self._beside(self._embedded(numbers, shares_of(numbers, *bins_of(self.edges, inputs.dtype))), inputs)

    def _embedded(self, numbers: Array, shares: Array) -> Array:
        return numbers[:, :, None] * self.slopes[:, None, :] + self.bias[:, None, :] + shares @ self.weights

    def _beside(self, embedded: Array, inputs: Array) -> Array:
        columns, examples, width = embedded.shape
        by_example = embedded.transpose(1, 0, 2).reshape(examples, columns * width)
        return np.concatenate([by_example, inputs[:, columns:]], axis=1)


def _checked_edges(name: str, edges: Any) -> list[float]:
    if isinstance(edges, str) or not isinstance(edges, Iterable):
        raise InvalidType(f"{name} is {edges!r}; it takes growing numbers")
    checked = [checks.number(f"{name}[{i}]", edge) for i, edge in enumerate(edges)]
    if len(checked) < 2 or not (np.diff(checked) > 0).all():
        raise InvalidValue(f"{name} is {checked}; it takes two or more growing numbers")
    return checked
