"""Pictures with matplotlib (extra `plots`); each function draws on the axes given, or on its own, and returns them."""

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
