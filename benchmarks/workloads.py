"""The work that is measured, as data: networks, examples and initial weights, the same for every contestant."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

import plainnet as pn
from plainnet._base.arrays import Array

LEARNING_RATE = 1e-3
DROPOUT_RATE = 0.2


@dataclass(frozen=True)
class Workload:
    """A network and the examples it trains on.

    XOR is the post's network: sigmoid, mean squared error, SGD with learning rate 1, float64. All others are relu
    networks with a softmax, cross-entropy, Adam and float32.
    """

    name: str
    sizes: tuple[int, ...]
    """Inputs, the units of each hidden layer, outputs."""
    rows: int
    batch_size: int
    """As many as there are rows for the whole set at once, which is then not shuffled."""
    kind: str = "train"
    """"train"; "variant", with `between`; "own", with a user's own parts; "reports", with as many as a contestant asks
    for; "predict", a row at a time; "many", as many networks as `networks` says; and in a fresh process "fit",
    "estimator", "first step" and "first step, all parts"."""
    between: str = ""
    """What stands in each hidden layer: "dropout" after its activation, "batch norm" or "layer norm" before it; "all
    parts" are the parts of a good network for tables, with other activations and another optimizer."""
    networks: int = 1
    epochs: int | None = None
    """Of a round, or in a fresh process; None takes as many as fill the round's time."""
    data: str = "random"
    """"random", "xor" or "digits"."""
    seed: int = 0

    @property
    def is_xor(self) -> bool:
        """Whether this is the post's network."""
        return self.data == "xor"

    @property
    def dtype(self) -> str:
        """Of examples and parameters."""
        return "float64" if self.is_xor else "float32"

    @property
    def steps_in_epoch(self) -> int:
        """Updates of one network in an epoch, by batches of the full size."""
        return self.rows // self.batch_size

    @property
    def layers(self) -> list[tuple[int, int]]:
        """(inputs, units) of each dense layer."""
        return list(zip(self.sizes, self.sizes[1:], strict=False))

    @property
    def gemm_flops(self) -> int:
        """Multiplications and additions in one step's matrix products.

        A dense layer has three, of 2 · batch · inputs · units each: forward, the weights' gradient and the inputs'
        gradient, which the first layer does not need.
        """
        products = 3 * sum(inputs * units for inputs, units in self.layers) - self.sizes[0] * self.sizes[1]
        return 2 * self.batch_size * products

    @property
    def parameters(self) -> int:
        """Weights and biases of the dense layers."""
        return sum((inputs + 1) * units for inputs, units in self.layers)

    def initial_weights(self) -> list[tuple[Array, Array]]:
        """(weights, bias) of each dense layer: He's normal for relu, the post's standard normal for XOR."""
        random = np.random.default_rng(self.seed)
        drawn = []
        for inputs, units in self.layers:
            deviation = 1.0 if self.is_xor else np.sqrt(2 / inputs)
            weights = deviation * random.standard_normal((inputs, units))
            drawn.append((weights.astype(self.dtype), np.zeros(units, self.dtype)))
        return drawn

    @cached_property
    def examples(self) -> tuple[Array, Array]:
        """Inputs, and labels (for XOR targets, one a row)."""
        if self.is_xor:
            X, y = pn.datasets.xor()
            return X.astype(self.dtype), y.astype(self.dtype)
        if self.data == "digits":
            return self.digits[:2]
        random = np.random.default_rng(self.seed + 1)
        X = random.standard_normal((self.rows, self.sizes[0]), dtype=np.float32)
        return X, random.integers(self.sizes[-1], size=self.rows)

    @cached_property
    def digits(self) -> tuple[Array, Array, Array, Array]:
        """scikit-learn's digits: inputs and labels to train on, inputs and labels to test on; `seed` is the split."""
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        order = np.random.default_rng(self.seed + 1).permutation(len(X))
        train, test = order[: self.rows], order[self.rows :]
        X = (X / 16).astype(self.dtype)
        return X[train], y[train], X[test], y[test]


XOR = Workload("xor", (3, 4, 1), rows=4, batch_size=4, data="xor")
SMALL = Workload("30-64-32-2", (30, 64, 32, 2), rows=2048, batch_size=32)
MIDDLE = Workload("64-128-64-10", (64, 128, 64, 10), rows=4096, batch_size=64)
LARGE = Workload("784-256-128-10", (784, 256, 128, 10), rows=2048, batch_size=128)
LARGEST = Workload("1024-2048-1024-10", (1024, 2048, 1024, 10), rows=1024, batch_size=256)
TRAINING = (XOR, SMALL, MIDDLE, LARGE, LARGEST)
MANY = replace(XOR, name="many", kind="many", networks=1000, epochs=5000)
PREDICT = replace(SMALL, name="predict", kind="predict")
VARIANTS = tuple(
    replace(work, name=f"{work.name}+{between.replace(' ', '')}", kind="variant", between=between)
    for work in (SMALL, MIDDLE)
    for between in ("dropout", "batch norm", "layer norm")
)
OWN = tuple(replace(work, name=f"{work.name}+own", kind="own") for work in (SMALL, MIDDLE))
REPORTS = replace(XOR, name="reports", kind="reports", epochs=10_000)
ROWS = (*TRAINING, MANY, PREDICT, REPORTS, *VARIANTS, *OWN)
"""The rows of the table of speeds."""

FIT = Workload("fit", (64, 128, 64, 10), rows=1797, batch_size=32, kind="fit", epochs=60, data="digits")
"""All of scikit-learn's digits; the last batch is a smaller one."""
ESTIMATOR = replace(FIT, name="estimator", kind="estimator")
TABULAR = Workload("256-256-256", (32, 256, 256, 256, 10), rows=512, batch_size=256, between="all parts")


def first_step(work: Workload, kind: str = "first step") -> Workload:
    """Return an epoch of two batches (XOR: of one), which next to all that comes before it takes no time."""
    rows = work.rows if work.is_xor else 2 * work.batch_size
    return replace(work, name=f"first-{work.name}", kind=kind, rows=rows, epochs=1)


FIRST_STEPS = (*map(first_step, (XOR, SMALL, LARGE)), first_step(TABULAR, "first step, all parts"))
FRESH = (FIT, ESTIMATOR, *FIRST_STEPS)
"""The rows of the table of fresh processes."""

WORKS = {work.name: work for work in (*ROWS, *FRESH)}

IMPORT = "import"
"""What importing plainnet with its compiled engine is called."""

DESCRIPTIONS = {
    "xor": "XOR 3-4-1, full batch",
    "many": "1,000 XOR networks",
    "predict": "predict one row, 30-64-32-2",
    "reports": "XOR, a report each epoch",
    "fit": "digits, all of fit",
    "estimator": "digits, MLPClassifier",
    IMPORT: "import, beyond NumPy's own",
    **{work.name: f"{work.name}, batch {work.batch_size}" for work in TRAINING[1:]},
    **{work.name: f"{'-'.join(map(str, work.sizes))}, {work.between}" for work in VARIANTS},
    **{work.name: f"{'-'.join(map(str, work.sizes))}, user's own parts" for work in OWN},
    **{
        work.name: f"first step, {name}"
        for work, name in zip(FIRST_STEPS, ("XOR", "30-64-32-2", "784-256-128-10", "3 × 256, all parts"), strict=True)
    },
}
"""What each row is called in tables."""


def estimator_settings(work: Workload) -> dict[str, Any]:
    """Return what both MLPClassifiers are given beside the number of epochs: Adam and relu are their defaults."""
    return {
        "hidden_layer_sizes": work.sizes[1:-1],
        "batch_size": work.batch_size,
        "n_iter_no_change": work.epochs,  # never stops early
        "random_state": work.seed,
    }
