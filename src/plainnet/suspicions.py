"""What looks wrong in training data without being an error: each gets a warning."""

import warnings

import numpy as np

from plainnet.arrays import Array
from plainnet.errors import PlainnetWarning

MOST_NAMED = 5


def warn_of_suspicious(inputs: Array, targets: Array) -> None:
    """Warn of constant columns, of columns equal to the target, and of targets that are all the same.

    A column of ones is taken for a bias made by hand, as in the XOR post, and not mentioned.
    """
    first = inputs[0]
    constant = (inputs == first).all(axis=0)
    _warn(constant & (first != 1), "the same value in every row; it tells the network nothing")
    if (targets == targets[0]).all():
        warnings.warn(
            "every target is the same; the network can only learn that one answer", PlainnetWarning, stacklevel=6
        )
    elif targets.size == len(targets):
        leaks = (inputs == targets.reshape(-1, 1)).all(axis=0)
        _warn(leaks, "equal to the target in every row; such a leak makes results look better than they are")


def _warn(columns: Array, what: str) -> None:
    found = np.flatnonzero(columns)
    if not len(found):
        return
    named = ", ".join(map(str, found[:MOST_NAMED])) + (", ..." if len(found) > MOST_NAMED else "")
    subject = f"column {named} of X is" if len(found) == 1 else f"columns {named} of X ({len(found)}) are each"
    warnings.warn(f"{subject} {what}", PlainnetWarning, stacklevel=7)
