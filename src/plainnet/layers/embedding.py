"""Embedding: whole numbers that stand for categories as rows of a table that is learned."""

from __future__ import annotations  # np.random is loaded when it is first used, not by an annotation

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from plainnet._base import checks
from plainnet._base.arrays import Array, Shape
from plainnet.errors import InvalidType, InvalidValue
from plainnet.layers.base import Backward, Layer, TrainingPass, one_axis


def rows_of_codes(codes: Array, categories: Sequence[int]) -> Array:
    """Return the row of each code (examples, columns) in a table of all columns' rows, one column after the other.

    A code is rounded to a whole number; one outside 0 ... count stands for 0, the value that is not known.
    """
    counts = np.array(categories)
    whole = np.rint(codes)
    known = (whole >= 0) & (whole <= counts)
    return np.where(known, whole, 0).astype(np.int64) + (np.cumsum(counts + 1) - counts - 1)


def embedded(rows: Array, weights: Array) -> Array:
    """The rows of the table beside each other: (examples, columns · width)."""
    return weights[rows].reshape(len(rows), rows.shape[1] * weights.shape[1])


class Embedding(Layer):
    """Replace each of the last columns, whole numbers that stand for categories, by a learned vector of `width`.

    A column of c categories holds 0 ... c; 0 stands for a value that is missing or was not seen in training, as does
    any number beyond. The outputs are the other inputs as they are, then the vector of the first such column, of the
    second, ... (Guo & Berkhahn 2016). A code is looked up in a table with a row for each code of each column:

        outputs = weights[row of the code]        ∂loss/∂weights[r] = Σ g over the places where row r was looked up

    with g = ∂loss/∂outputs; a code itself has no gradient. Shape: weights (Σ (c + 1), width), at first N(0, 1).

        categories  the number of categories of each column, a list of whole numbers of at least 1; the columns are the
                    last of the inputs
        width       the numbers that each becomes, at least 1

    Raises InvalidValue or InvalidType for an argument that it does not take, and where there are fewer inputs than
    columns.

    >>> import plainnet as pn
    >>> net = pn.Network(pn.Embedding([3], width=2), input_size=2)
    >>> net.layers[0].weights = [[0, 0], [1, 1], [2, 2], [3, 4]]
    >>> net.predict([[0.5, 3], [0.5, 9]]).tolist()
    [[0.5, 3.0, 4.0], [0.5, 0.0, 0.0]]
    """

    may_skip_input_gradient = True

    def __init__(self, categories: Iterable[int], width: int = 8) -> None:
        if isinstance(categories, str) or not isinstance(categories, Iterable):
            raise InvalidType(f"categories is {categories!r}; it takes a list of a whole number for each column")
        given = enumerate(categories)
        self.categories = [checks.whole_number(f"categories[{i}]", count, least=1) for i, count in given]
        if not self.categories:
            raise InvalidValue("categories is empty; it takes the number of categories of at least one column")
        self.width = checks.whole_number("width", width, least=1)
        self.weights: Array

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        (inputs,) = one_axis(self, input_shape)
        columns = len(self.categories)
        if inputs < columns:
            raise InvalidValue(f"categories has {columns} columns and {self.name} has {inputs} inputs; give it fewer")
        return {"weights": (sum(self.categories) + len(self.categories), self.width)}

    def output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0] + len(self.categories) * (self.width - 1),)

    def initialize(self, random: np.random.Generator) -> None:
        self.weights[...] = random.standard_normal(self.weights.shape)

    def forward(self, inputs: Array, training: TrainingPass | None = None) -> tuple[Array, Backward]:
        others = inputs.shape[1] - len(self.categories)
        rows = rows_of_codes(inputs[:, others:], self.categories)
        if training is not None:
            training.keep(rows=rows)

        def backward(gradient: Array, gradients: Mapping[str, Array]) -> Array:
            g = gradient[:, others:].reshape(len(rows), len(self.categories), self.width)
            gradients["weights"][...] = 0
            np.add.at(gradients["weights"], rows, g)  # which adds twice where a row was looked up twice
            if training is not None and not training.needs_input_gradient:
                return gradient
            return np.concatenate([gradient[:, :others], np.zeros_like(inputs[:, others:])], axis=1)

        return np.concatenate([inputs[:, :others], embedded(rows, self.weights)], axis=1), backward

    def predict(self, inputs: Array) -> Array:
        others = inputs.shape[1] - len(self.categories)
        rows = rows_of_codes(inputs[:, others:], self.categories)
        return np.concatenate([inputs[:, :others], embedded(rows, self.weights)], axis=1)
