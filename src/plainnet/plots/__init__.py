"""Pictures with matplotlib (extra `plots`): each function draws on the axes given, or on its own, and returns them.

Arguments:
    axes: the matplotlib axes to draw on; None for new ones.
    net: a network that has its parameters.
    X, y: examples (examples, features) and their targets, as `net.fit` takes them.
    history: the record of a run, `net.history`.
    targets, predictions: targets, and what `net.predict` returns for them, as the metrics take them.
    sample_weight: a weight of at least 0 for each example.
    names, colors: names and colours of what is drawn: inputs, or classes.

`axes.figure.savefig("picture.svg")` writes a picture to a file. Raises InvalidValue or InvalidType for arguments that
do not fit, and MissingExtraError without matplotlib.

>>> import plainnet as pn
>>> X, y = pn.datasets.moons(200, noise=0.1, seed=1)
>>> net = pn.Network(pn.Dense(8, "tanh"), pn.Dense(2, "softmax"), input_size=2, seed=1)
>>> history = net.fit(X, y, loss="cross_entropy", epochs=20)
>>> axes = pn.plots.loss_curve(history)
>>> axes.get_xlabel()
'epoch'
>>> axes = pn.plots.decision_boundary(net, X, y, axes=pn.plots.new_axes(5, 4))
"""

from plainnet.attribution.dependence import partial_dependence
from plainnet.attribution.importance import permutation_importance
from plainnet.plots.boundary import decision_boundary
from plainnet.plots.curves import gradient_norms, loss_curve, metric_curves
from plainnet.plots.dependence import dependence
from plainnet.plots.diagram import network_diagram
from plainnet.plots.distributions import activation_distributions, weight_distributions
from plainnet.plots.drawing import new_axes
from plainnet.plots.outcomes import confusion_matrix, importance, predicted_against_true, residuals
from plainnet.plots.probabilities import precision_recall_curve, reliability_diagram, roc_curve
from plainnet.plots.units import hidden_units
from plainnet.plots.valley import loss_surface

__all__ = [
    "activation_distributions",
    "confusion_matrix",
    "decision_boundary",
    "dependence",
    "gradient_norms",
    "hidden_units",
    "importance",
    "loss_curve",
    "loss_surface",
    "metric_curves",
    "network_diagram",
    "new_axes",
    "partial_dependence",
    "permutation_importance",
    "precision_recall_curve",
    "predicted_against_true",
    "reliability_diagram",
    "residuals",
    "roc_curve",
    "weight_distributions",
]
