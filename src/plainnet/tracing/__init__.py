"""NumPy code to a graph: `trace` runs a function on stand-ins for arrays and returns what it computes.

>>> import numpy as np
>>> graph = trace(lambda z: 1 / (1 + np.exp(-z)), ShapeDtype((2, 3)))
>>> [node.op for node in graph.nodes]
['input', 'constant', 'constant', 'negative', 'exp', 'add', 'divide']
>>> graph.run(np.zeros((2, 3), np.float32))
array([[0.5, 0.5, 0.5],
       [0.5, 0.5, 0.5]], dtype=float32)
>>> from plainnet.tracing import formula
>>> formula(graph)
'1 / (1 + e^-z)'

The whole is described in docs/how/tracing.md.
"""

from typing import TYPE_CHECKING, Any

from plainnet.tracing.graph import Graph, Node, Number, ShapeDtype, evaluate
from plainnet.tracing.simplify import fold, simplify
from plainnet.tracing.symbol import Symbol
from plainnet.tracing.tracer import trace
from plainnet.tracing.untraceable import Untraceable

if TYPE_CHECKING:
    from plainnet.tracing.notation import MathML, Text
    from plainnet.tracing.printing import LEGEND, equations, formula, mathml

__all__ = [
    "LEGEND",
    "Graph",
    "MathML",
    "Node",
    "Number",
    "ShapeDtype",
    "Symbol",
    "Text",
    "Untraceable",
    "equations",
    "evaluate",
    "fold",
    "formula",
    "mathml",
    "simplify",
    "trace",
]


def __getattr__(name: str) -> Any:
    """Import on first use what prints formulas: a training run has no need of it."""
    if name in __all__:
        from plainnet.tracing import printing

        return getattr(printing, name)
    raise AttributeError(f"module 'plainnet.tracing' has no attribute {name!r}")
