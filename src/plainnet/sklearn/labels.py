"""A classifier's labels as numbers and back, and the weights of classes.

scikit-learn's `LabelBinarizer` keeps the sorted labels, and if a row has one or several. For three classes and more
encoded labels are the place of the class among them, (rows,); otherwise 0 and 1 in a column for each output,
(rows, outputs): for the second of two classes, or for each of several labels.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer  # type: ignore[import-untyped]
from sklearn.utils import compute_class_weight  # type: ignore[import-untyped]

from plainnet._base import checks
from plainnet._base.arrays import Array
from plainnet.errors import InvalidType, InvalidValue
from plainnet.tabular.kinds import LARGEST_EXACT
from plainnet.tabular.targets import MOST_NUMERIC_CLASSES
from plainnet.tabular.texts import as_text


def is_multilabel(binarizer: LabelBinarizer) -> bool:
    """Return True if a row has several labels."""
    return bool(binarizer.y_type_.startswith("multilabel"))


def refuse_mixed(y: Any) -> None:
    """Raise InvalidType for labels of which some are text and others are not: they have no order."""
    if getattr(y, "dtype", None) != np.dtype(object):
        return
    is_text = np.array([isinstance(label, str) for label in y.ravel()])
    if is_text.any() and not is_text.all():
        row = int(np.argmin(is_text))
        raise InvalidType(f"y holds {y.ravel()[row]!r} at row {row} (counted from 0) among labels that are text")


def outputs_of(binarizer: LabelBinarizer) -> int:
    """Return the number of outputs of the network."""
    one = not is_multilabel(binarizer) and len(binarizer.classes_) < 3
    return 1 if one else len(binarizer.classes_)


def plain_labels(binarizer: LabelBinarizer) -> list[Any] | None:
    """Return the labels as text or numbers, for the network's file; None for several labels per row."""
    if is_multilabel(binarizer):
        return None
    labels = binarizer.classes_.tolist()
    is_plain = all(isinstance(label, str) for label in labels) or binarizer.classes_.dtype.kind in "biuf"
    return labels if is_plain else [str(label) for label in labels]


def labels_of_table(classes: Array) -> list[str] | list[int] | list[bool]:
    """Return different labels as a table's target holds them: text, some whole numbers, or booleans.

    Labels of other kinds are their text; where two would have the same one, they are numbered.
    """
    labels = classes.tolist()
    if classes.dtype == bool:
        return labels
    is_whole = classes.dtype.kind in "iuf" and all(label == int(label) for label in labels)
    if is_whole and len(labels) <= MOST_NUMERIC_CLASSES and max(map(abs, labels)) <= LARGEST_EXACT:
        return [int(label) for label in labels]
    texts = [str(label) for label in labels]
    alike = len(set(map(as_text, texts))) < len(texts)
    return [str(place) for place in range(len(texts))] if alike else texts


def encode(binarizer: LabelBinarizer, y: Any) -> Array:
    """Return known labels as numbers, without making a table (rows, classes) if each row has one label."""
    if is_multilabel(binarizer):
        table: Array = binarizer.transform(y)
        return table
    labels, place = np.unique(y, return_inverse=True)
    order = np.argsort(binarizer.classes_)
    codes: Array = order[np.searchsorted(binarizer.classes_, labels, sorter=order)][place]
    return codes[:, None] if outputs_of(binarizer) == 1 else codes


def decide(binarizer: LabelBinarizer, outputs: Array) -> Array:
    """Return the encoded labels that a network's outputs mean."""
    if is_multilabel(binarizer) or outputs.shape[1] == 1:
        return (outputs > 0.5).astype(int)
    return outputs.argmax(axis=1)


def decode(binarizer: LabelBinarizer, encoded: Array) -> Array:
    """Return the labels of encoded ones."""
    if is_multilabel(binarizer):
        table: Array = binarizer.inverse_transform(encoded)  # sparse if y was sparse
        return table
    if len(binarizer.classes_) == 1:
        encoded = np.zeros_like(encoded)
    return np.asarray(binarizer.classes_)[encoded.ravel()]


def class_weights(class_weight: Any, binarizer: LabelBinarizer, encoded: Array) -> Array:
    """Return the weight of each class, (columns of encoded labels, classes), as `class_weight` says.

    With "balanced" a class without rows has the weight 1.
    """
    columns = encoded.reshape(len(encoded), -1).T
    several = is_multilabel(binarizer)
    labels = np.arange(2) if several else binarizer.classes_
    if isinstance(class_weight, str):
        return np.stack([_balanced(column, len(labels)) for column in columns])
    given = class_weight if several else [class_weight]
    if not isinstance(given, list) or not all(isinstance(one, Mapping) for one in given):
        takes = "a list with a dict {0: weight, 1: weight} for each label" if several else "a dict {label: weight}"
        raise InvalidType(f"class_weight is {class_weight!r}; it takes {takes}, or 'balanced'")
    if len(given) != len(columns):
        raise InvalidValue(f"class_weight has {len(given)} dicts and y {len(columns)} labels; it takes one for each")
    checked = [
        {label: checks.number(f"class_weight[{label!r}]", weight, least=0) for label, weight in one.items()}
        for one in given
    ]
    return np.stack([compute_class_weight(one, classes=labels, y=labels) for one in checked])


def _balanced(codes: Array, classes: int) -> Array:
    counts = np.bincount(codes, minlength=classes)
    weights = len(codes) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return np.where(counts > 0, weights, 1.0)


def weight_by_class(table: Array, encoded: Array) -> Array:
    """Return the weight of each row: that of its class, or the product over several labels."""
    columns = encoded.reshape(len(encoded), -1)
    weights: Array = table[np.arange(len(table)), columns].prod(axis=1)
    return weights
