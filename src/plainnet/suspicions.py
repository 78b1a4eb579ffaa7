"""What looks wrong in training data without being an error: each gets a warning."""

import numpy as np

from plainnet.arrays import Array
from plainnet.errors import warn
from plainnet.mapped import Rows, blocks

MOST_NAMED = 5


def warn_of_suspicious(inputs: Rows, targets: Rows) -> None:
    """Warn of constant columns, of columns equal to the target, and of targets that are all the same.

    A column of ones is taken for a bias made by hand, as in the XOR post, and not mentioned.
    """
    first, first_target = inputs[:1], targets[:1]
    constant = np.ones(inputs.shape[1], bool)
    leaks = np.full(inputs.shape[1], targets.shape in {(len(targets),), (len(targets), 1)})
    one_answer = True
    for block in blocks(inputs, targets):
        x, y = inputs[block], targets[block]
        constant &= (x == first).all(axis=0)
        one_answer = one_answer and bool((y == first_target).all())
        if leaks.any():
            leaks &= (x == y.reshape(-1, 1)).all(axis=0)
        if not (constant.any() or one_answer or leaks.any()):
            break
    _warn(constant & (first[0] != 1), "the same value in every row; it tells the network nothing")
    if one_answer:
        warn("every target is the same; the network can only learn that one answer")
    else:
        _warn(leaks, "equal to the target in every row; such a leak makes results look better than they are")


def _warn(columns: Array, what: str) -> None:
    found = np.flatnonzero(columns)
    if not len(found):
        return
    named = ", ".join(map(str, found[:MOST_NAMED])) + (", ..." if len(found) > MOST_NAMED else "")
    subject = f"column {named} of X is" if len(found) == 1 else f"columns {named} of X ({len(found)}) are each"
    warn(f"{subject} {what}")
