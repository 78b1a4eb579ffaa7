"""Predicts kind: 8 inputs → 6 relu → 4 relu → 3 softmax.

The network has 97 parameters (float32). plainnet 0.1.0 wrote this file after training
on table.csv for 4 epochs. It needs NumPy alone, and predicts what plainnet predicts, to
the last bit where NumPy is the same.

    from table_classes_script import predict, probabilities

    predict(rows)
    probabilities(rows)

where rows are dicts with the keys colour, weight, height, legs; None, NaN and empty
text are missing values.

As a program it predicts the rows of a CSV file: python table_classes_script.py rows.csv
"""

import csv
import math
import sys

import numpy as np

ROWS_AT_A_TIME = 8192  # another number may round sums in another order

CLASSES = np.array(["bird", "cat", "ox"])
MISSING = {"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?"}

# fmt: off
hidden_1_weights = np.array([  # (8, 6)
    [ 0.32680258,  -0.57320577,   0.25128123,  -0.32787904,  -0.7150533,    0.552436],
    [-0.61894464,   0.58175033,  -0.06139176,  -0.29206032,  -0.2859652,   -0.69623065],
    [ 0.44632363,  -0.81327283,  -0.2991118,   -0.49172527,   0.5276487,    0.026605578],
    [ 0.23311678,  -0.40109688,   0.56851745,  -0.8042325,    0.81854635,  -0.45270085],
    [ 0.33041102,   0.10084441,  -0.16502066,   0.23915176,   0.56691206,  -0.1793568],
    [ 0.6377968,   -0.6648289,    0.3530885,    0.6501906,    0.3574126,    0.06840147],
    [ 0.35514492,   0.41982067,   0.84759295,  -0.13583778,   0.100429066,  0.37094715],
    [-0.36819306,  -0.73531026,   0.7273321,    0.48085135,   0.72596776,   0.52843875],
], np.float32)
hidden_1_bias = np.array([  # (6,)
    -0.019102626, -0.015601206, -0.003198635, -0.017398437, -0.014593272, -0.008919622,
], np.float32)
hidden_2_weights = np.array([  # (6, 4)
    [ 0.8158434,    0.8295619,   -0.09907078,   0.6288322],
    [ 0.46742693,   0.14730722,   0.76742065,  -0.6070254],
    [-0.6859109,    0.004909308, -0.8530559,   -0.1752507],
    [-0.13226646,   0.4484955,   -0.7524749,    0.26061094],
    [-0.61777717,  -0.10964815,  -0.39648786,  -0.8620782],
    [ 0.4353694,    0.24994352,   0.019052407,  0.6062696],
], np.float32)
hidden_2_bias = np.array([  # (4,)
    -0.018884588, -0.016914226, -0.01590334,  -0.005202076,
], np.float32)
output_weights = np.array([  # (4, 3)
    [-0.16800615, -0.2939244,   0.6780976],
    [-0.30113858,  0.6820151,  -0.71589226],
    [-0.8907132,  -0.90104544,  0.16863959],
    [-0.55163854, -0.7220886,   0.61464775],
], np.float32)
output_bias = np.array([0.011239846, -0.01409773, 0.0043022824], np.float32)  # (3,)
# fmt: on


def relu(z):
    """max(z, 0)."""
    return np.maximum(z, 0)


def softmax(z):
    """e^z_i / Σ_j e^z_j in each row; less its maximum, so that nothing overflows."""
    a = np.exp(z - z.max(axis=1, keepdims=True))
    return a / a.sum(axis=1, keepdims=True)


def forward(inputs):
    """The outputs for rows of 8 inputs."""
    hidden_1 = relu(inputs @ hidden_1_weights + hidden_1_bias)  # (rows, 6)
    hidden_2 = relu(hidden_1 @ hidden_2_weights + hidden_2_bias)  # (rows, 4)
    outputs = softmax(hidden_2 @ output_weights + output_bias)  # (rows, 3)
    return outputs


def is_missing(value):
    """Whether a value is missing: None, NaN, or text that says so."""
    if isinstance(value, str):
        return value.strip() in MISSING
    is_float = isinstance(value, float | np.floating)
    return value is None or (is_float and math.isnan(value))


def as_text(value):
    """A category as a table file holds it: text, 3 for 3.0, true for True."""
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, float | np.floating) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def number(value, mean, deviation):
    """A number, standardized; 0, the mean, where it is missing."""
    if is_missing(value):
        return [0.0]
    value = float(value)
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number to predict from; leave it empty")
    return [(value - mean) / deviation]


def number_or_missing(value, mean, deviation):
    """A number, standardized, and 1 where it is missing, else 0."""
    return [*number(value, mean, deviation), float(is_missing(value))]


def category(value, known):
    """1 at the place of the value among the known ones, else 0; all 0 for any other."""
    if value not in known:
        value = None if is_missing(value) else as_text(value)
    return [float(value == one) for one in known]


def category_or_missing(value, known):
    """The places of the known values, and one for a missing value."""
    missing = value not in known and is_missing(value)
    return [*category(value, known), float(missing)]


def features(row):
    """The 8 numbers that the network takes for a row."""
    # fmt: off
    return [
        *category_or_missing(row["colour"], ["black", "brown", "white"]),
        *number_or_missing(row["weight"], mean=253.89783783783787, deviation=308.39498434361417),
        *number(row["height"], mean=78.83842105263159, deviation=63.39724074712582),
        *number(row["legs"], mean=3.3157894736842106, deviation=0.9488292830168393),
    ]
    # fmt: on


def in_blocks(inputs):
    """`forward` for any number of rows, so many at a time."""
    starts = range(0, len(inputs), ROWS_AT_A_TIME)
    return np.concatenate([forward(inputs[i : i + ROWS_AT_A_TIME]) for i in starts])


def probabilities(rows):
    """The probability of each class, (rows, 3), in the order of CLASSES."""
    inputs = np.array([features(row) for row in rows], np.float32)
    outputs = in_blocks(inputs)
    return outputs.astype(np.float64)


def predict(rows):
    """The most probable class of each row."""
    return CLASSES[probabilities(rows).argmax(axis=1)]


def main():
    """Print the prediction for each row of a CSV file."""
    if len(sys.argv) != 2:
        sys.exit("usage: python table_classes_script.py rows.csv")
    with open(sys.argv[1], newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        sys.exit(f"{sys.argv[1]} has no rows")
    try:
        predictions = predict(rows)
    except KeyError as column:
        sys.exit(f"{sys.argv[1]} has no column {column}")
    print(*predictions, sep="\n")


if __name__ == "__main__":
    main()
