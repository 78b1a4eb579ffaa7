"""One training step of a network in numbers: every sum, every gradient with its formula, every update."""

from plainnet.explain.explanation import Check, Explanation, Quantity, Section, Stage
from plainnet.explain.walk import explain

__all__ = ["Check", "Explanation", "Quantity", "Section", "Stage", "explain"]
