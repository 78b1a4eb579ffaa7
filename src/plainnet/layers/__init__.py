"""Layers: each takes the outputs of the one before it and carries the gradient back.

A layer's `forward(inputs, training)` returns its outputs together with the function that takes ∂loss/∂outputs back
to ∂loss/∂inputs. All that a pass needs to remember lives in that function and nothing on the layer, so several
threads can use a network at once. In the backward pass the function writes the gradient of each of the layer's
parameters into an array it is given for it.

A user's own layer is a subclass of `Layer` with a `forward`; `docs/use/extending.md` has one, line by line.
"""

from typing import Any

from plainnet._base import checks
from plainnet._base.configurable import parts
from plainnet.adapters import Activatable
from plainnet.layers.activation import Activation, ParametricActivation
from plainnet.layers.average import Average
from plainnet.layers.base import Backward as Backward
from plainnet.layers.base import Layer
from plainnet.layers.base import Penalty as Penalty
from plainnet.layers.base import TrainingPass as TrainingPass
from plainnet.layers.dense import Dense
from plainnet.layers.dropout import Dropout
from plainnet.layers.embedding import Embedding
from plainnet.layers.normalization import BatchNorm, LayerNorm, RMSNorm
from plainnet.layers.periodic import PeriodicEmbedding
from plainnet.layers.piecewise import PiecewiseLinearEmbedding, quantile_edges
from plainnet.layers.scale import Scale
from plainnet.schedules import Rate

__all__ = [
    "Activation",
    "Average",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Embedding",
    "Layer",
    "LayerNorm",
    "ParametricActivation",
    "PeriodicEmbedding",
    "PiecewiseLinearEmbedding",
    "RMSNorm",
    "Scale",
    "quantile_edges",
]

LAYERS: dict[str, type[Layer]] = parts(Layer, globals())
"""Every layer by its name."""

NORMALIZATIONS: dict[str, type[Layer]] = {cls.normalization: cls for cls in LAYERS.values() if cls.normalization}
"""The layers that an argument `normalization` chooses from."""


def hidden_block(
    units: int, activation: Activatable, *, normalization: str | None = None, dropout: Rate = 0.0, **settings: Any
) -> list[Layer]:
    """Return a hidden layer: Dense, with a normalization before its activation and Dropout after it, if given.

    `settings` are Dense's own, such as its initializer.
    """
    if normalization is None:
        block: list[Layer] = [Dense(units, activation, **settings)]
    else:
        made = NORMALIZATIONS[checks.one_of("normalization", normalization, NORMALIZATIONS)]()
        block = [Dense(units, **settings), made, Activation(activation)]
    return [*block, Dropout(dropout)] if dropout else block
