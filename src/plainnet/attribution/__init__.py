"""This package says which inputs make a prediction what it is: for one example, for all, and as one input changes."""

from plainnet.attribution.dependence import individual_dependence, partial_dependence
from plainnet.attribution.importance import Importance, importance_of_inputs, permutation_importance
from plainnet.attribution.rows import RowExplanation, explain_rows, importance_of_columns
from plainnet.attribution.shapley import ShapleyValues, shapley_values

__all__ = [
    "Importance",
    "RowExplanation",
    "ShapleyValues",
    "explain_rows",
    "importance_of_columns",
    "importance_of_inputs",
    "individual_dependence",
    "partial_dependence",
    "permutation_importance",
    "shapley_values",
]
