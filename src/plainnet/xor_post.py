"""The XOR post as it was published: its own arithmetic, its five defects included, and the proof of each.

The post trains a 3-4-1 sigmoid network for the XOR gate. Its two layers compute

    hidden = σ(X hidden_weights + hidden_bias)             (4, 4): an example a row, a hidden unit a column
    output = σ(hidden output_weights + output_bias)        (4, 1)

and every step subtracts `published_update` from the four arrays. The rest of plainnet trains the network
correctly; this module keeps the original, so that the difference can be shown. docs/learn/five-defects.md explains it.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from plainnet._base.arrays import Array
from plainnet._base.checks import whole_number
from plainnet.errors import InvalidValue

X = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 1], [0, 0, 1]])
Y = np.array([[1], [1], [0], [0]])
"""The post's four examples: inputs with a constant third column, and the XOR of the first two as target."""

DEFECTS = {
    1: "σ' is taken of the activations, σ(a)(1 - σ(a)), where that of weighted sums, a(1 - a), was meant.",
    2: "The hidden bias is averaged over units, not examples, and runs only because there are four of each.",
    3: "Bias updates are means, weight updates are sums, and neither carries the 2/n of the stated loss.",
    4: "The written derivative lacks the factor (ŷ - y), and the one for the bias is headed ∂J/∂w.",
    5: "The printed loss is the mean absolute error, not the mean squared error that the text defines.",
}
"""The defects of the post: 1, 2 and 3 in its code, 4 in its formulas, 5 in what it prints."""

IN_THE_UPDATE = frozenset({1, 2, 3})
"""The defects that change what is subtracted from the parameters."""

WHY_LATER_DIGITS_DIFFER = (
    "From the third line on, no two machines need agree on a digit: soon after step 1,500 the loss begins to "
    "swing from each step to the next (0.367, 0.242, 0.366 at steps 1,999 to 2,001 where it was measured). "
    "The swing magnifies the rounding of all earlier steps, and how those were rounded depends on the order "
    "in which each build of NumPy adds."
)


class Parameters(NamedTuple):
    """The post's four arrays, in the order it draws them; an update or a gradient has the same four."""

    hidden_weights: Array
    """(3, 4): inputs by hidden units."""
    output_weights: Array
    """(4, 1): hidden units by outputs."""
    hidden_bias: Array
    """(4,)"""
    output_bias: Array
    """(1,)"""


def initial_parameters() -> Parameters:
    """Return what the post draws after `numpy.random.seed(1)`; NumPy's global random state is left alone."""
    random = np.random.RandomState(1)  # the generator behind numpy.random.seed
    return Parameters(random.randn(3, 4), random.randn(4, 1), random.randn(4), random.randn(1))


def sigmoid(x: Array) -> Array:
    """σ(x) = 1 / (1 + exp(-x)), as the post writes it."""
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def sigmoid_prime(x: Array) -> Array:
    """σ'(x) = σ(x)(1 - σ(x)) for a weighted sum x, as the post writes it; what it passes is an activation."""
    return np.asarray(sigmoid(x) * (1 - sigmoid(x)))


def forward(parameters: Parameters) -> tuple[Array, Array]:
    """Return the activations of both layers for the four examples: hidden (4, 4) and output (4, 1)."""
    hidden = sigmoid(np.dot(X, parameters.hidden_weights) + parameters.hidden_bias)
    output = sigmoid(np.dot(hidden, parameters.output_weights) + parameters.output_bias)
    return hidden, output


def mean_squared_error(parameters: Parameters) -> float:
    """Return the loss that the post's text defines: 1/n Σ (output - Y)², n = 4 examples."""
    return float(np.mean((forward(parameters)[1] - Y) ** 2))


def mean_absolute_error(parameters: Parameters) -> float:
    """Return the loss that the post prints: 1/n Σ |output - Y| (defect 5)."""
    return float(np.mean(np.abs(forward(parameters)[1] - Y)))


def published_update(parameters: Parameters, mended: Collection[int] = ()) -> Parameters:
    """Return what the post subtracts from its four arrays in a step, with the defects in `mended` put right.

    Mending nothing is the post; mending 1, 2 and 3 is gradient descent with learning rate 1. InvalidValue
    where `mended` names another number: 4 is in the post's formulas and 5 in what it prints.
    """
    if not IN_THE_UPDATE.issuperset(mended):
        raise InvalidValue(f"mended is {mended!r}; it takes defects of the update: 1, 2, 3")
    slope = _slope_of_activation if 1 in mended else sigmoid_prime
    examples = 0 if 2 in mended else 1  # the axis that the hidden bias runs over
    scale, gather = (2 / len(X), np.sum) if 3 in mended else (1, np.mean)

    hidden, output = forward(parameters)
    delta_output = (output - Y) * slope(output)
    delta_hidden = np.dot(delta_output, parameters.output_weights.T) * slope(hidden)
    return Parameters(
        hidden_weights=scale * np.dot(X.T, delta_hidden),
        output_weights=scale * np.dot(hidden.T, delta_output),
        hidden_bias=scale * gather(delta_hidden, axis=examples),
        output_bias=scale * gather(delta_output, axis=0),
    )


def _slope_of_activation(activation: Array) -> Array:
    """σ'(x) = a(1 - a), from the activation a = σ(x)."""
    return np.asarray(activation * (1 - activation))


def true_gradient(parameters: Parameters) -> Parameters:
    """Return the gradient of `mean_squared_error`, by the chain rule from the loss back to each array.

    With J = 1/n Σ (output - Y)², z the weighted sums of a layer, and σ'(z) = a(1 - a) for a = σ(z):

        ∂J/∂output         = 2/n (output - Y)                                        (4, 1)
        ∂J/∂z_output       = ∂J/∂output ∘ output (1 - output)                        (4, 1)
        ∂J/∂output_weights = hiddenᵀ ∂J/∂z_output                                    (4, 1)
        ∂J/∂output_bias    = Σ over examples of ∂J/∂z_output                         (1,)
        ∂J/∂hidden         = ∂J/∂z_output output_weightsᵀ                            (4, 4)
        ∂J/∂z_hidden       = ∂J/∂hidden ∘ hidden (1 - hidden)                        (4, 4)
        ∂J/∂hidden_weights = Xᵀ ∂J/∂z_hidden                                         (3, 4)
        ∂J/∂hidden_bias    = Σ over examples of ∂J/∂z_hidden                         (4,)
    """
    hidden, output = forward(parameters)
    by_output_sum = 2 / len(X) * (output - Y) * output * (1 - output)
    by_hidden_sum = by_output_sum @ parameters.output_weights.T * hidden * (1 - hidden)
    return Parameters(
        hidden_weights=X.T @ by_hidden_sum,
        output_weights=hidden.T @ by_output_sum,
        hidden_bias=by_hidden_sum.sum(axis=0),
        output_bias=by_output_sum.sum(axis=0),
    )


def published_losses(steps: int = 8000, every: int = 1000) -> Iterator[float]:
    """Return the losses that the post prints: the mean absolute error before steps 0, `every`, 2 `every`, and so on.

    >>> next(published_losses())
    0.5013730688788007
    """
    whole_number("steps", steps, least=1)
    whole_number("every", every, least=1)
    parameters = initial_parameters()
    for step in range(steps):
        if step % every == 0:
            yield mean_absolute_error(parameters)
        update = published_update(parameters)
        parameters = Parameters(*(array - change for array, change in zip(parameters, update, strict=True)))


@dataclass(frozen=True)
class PublishedCheck:
    """The post's update of one array, held against the true gradient of the loss it states."""

    name: str
    error: float
    """Relative error of the update as published: ‖update - gradient‖ / ‖gradient‖."""
    defects: tuple[int, ...]
    """The defects that cause it: those that leave an error when all others are mended."""
    error_mended: float
    """Relative error once these defects, and no others, are mended: rounding."""


def check_published() -> list[PublishedCheck]:
    """Each of the post's updates at its initial weights, held against the true gradient.

    >>> for check in check_published():
    ...     print(f"{check.name:14}  error {check.error:.3f}, caused by {check.defects}")
    hidden_weights  error 2.207, caused by (1, 3)
    output_weights  error 1.135, caused by (1, 3)
    hidden_bias     error 1.081, caused by (1, 2, 3)
    output_bias     error 0.469, caused by (1, 3)
    """
    return [_check(index, name) for index, name in enumerate(Parameters._fields)]


def _check(index: int, name: str) -> PublishedCheck:
    parameters = initial_parameters()
    gradient = true_gradient(parameters)[index]

    def error(mended: Collection[int]) -> float:
        difference = published_update(parameters, mended)[index] - gradient
        return float(np.linalg.norm(difference) / np.linalg.norm(gradient))

    causes = tuple(defect for defect in sorted(IN_THE_UPDATE) if error(IN_THE_UPDATE - {defect}) > 1e-9)
    return PublishedCheck(name, error(()), causes, error_mended=error(causes))
