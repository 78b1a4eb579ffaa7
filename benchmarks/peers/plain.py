"""plainnet itself, by what a user writes: with either engine, or with none named."""

import os
import warnings
from typing import Any

import plainnet as pn
from benchmarks.workloads import DROPOUT_RATE, LEARNING_RATE, Workload, estimator_settings
from plainnet._base.arrays import Array
from plainnet.errors import PlainnetWarning


def threads(engine: str, report_every: int | None = None) -> int:
    """The compiled engine uses up to a thread a core, or OMP_NUM_THREADS; NumPy's BLAS has its own default."""
    from benchmarks.machine import blas_threads

    return blas_threads() if engine == "numpy" else int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


def network(work: Workload, seed: int = 0) -> pn.Network:
    """Return the workload's network, without its initial weights."""
    activation = "sigmoid" if work.is_xor else "relu"
    layers: list[pn.Layer] = []
    for number, units in enumerate(work.sizes[1:-1]):
        if work.between == "all parts":
            norm, activation = ((pn.BatchNorm(), "silu"), (pn.LayerNorm(), "mish"))[number % 2]
            layers += [pn.Dense(units), norm, pn.Activation(activation), pn.Dropout(DROPOUT_RATE)]
        elif work.between in ("batch norm", "layer norm"):
            norm = pn.BatchNorm() if work.between == "batch norm" else pn.LayerNorm()
            layers += [pn.Dense(units), norm, pn.Activation(activation)]
        else:
            layers.append(pn.Dense(units, activation))
        if work.between == "dropout":
            layers.append(pn.Dropout(DROPOUT_RATE))
    layers.append(pn.Dense(work.sizes[-1], "sigmoid" if work.is_xor else "softmax"))
    return pn.Network(*layers, input_size=work.sizes[0], seed=seed, dtype=work.dtype)


def optimizer(work: Workload) -> pn.optimizers.Optimizer:
    """Return the workload's optimizer."""
    if work.is_xor:
        return pn.SGD(learning_rate=1.0)
    if work.between == "all parts":
        schedule = pn.schedules.LinearWarmup(pn.schedules.Cosine(LEARNING_RATE))
        return pn.AdamW(schedule, weight_decay=0.01, clip_norm=1.0)
    return pn.Adam(learning_rate=LEARNING_RATE)


def fit_options(work: Workload, engine: str) -> dict[str, Any]:
    """Return what `fit` and `train_many` are given."""
    return {
        "loss": "mse" if work.is_xor else "cross_entropy",
        "optimizer": optimizer(work),
        "batch_size": None if work.batch_size == work.rows else work.batch_size,
        "engine": engine,
    }


def confirm(engine: str, history: pn.History) -> None:
    """Refuse figures of another engine than the one they are meant to be of."""
    ran, why = history.settings["engine"], history.settings.get("engine_note", "")
    if ran != engine != "auto":
        raise RuntimeError(f"the {ran} engine ran{f', as {why}' if why else ''}")


class Single:
    """One network; `report_every` None is what suits the work: a report at the end, or what `fit` does by itself."""

    def __init__(
        self, work: Workload, engine: str, own: pn.Network | None = None, report_every: int | None = None
    ) -> None:
        self.network = own or network(work, work.seed)
        weighted = [layer for layer in self.network.layers if hasattr(layer, "weights")]
        for layer, (weights, bias) in zip(weighted, work.initial_weights(), strict=True):
            layer.weights[...], layer.bias[...] = weights, bias
        self.initial = self.network.parameters.copy()
        self.X, self.y = work.examples
        self.engine = engine
        self.options = fit_options(work, engine)
        self.report_every: int | str | None = report_every or ("auto" if work.kind == "fit" else None)

    def reset(self) -> None:
        """Back to the initial weights; `fit` starts its optimizer anew."""
        self.network.parameters = self.initial

    def train(self, epochs: int) -> None:
        """One `fit`."""
        report_every = self.report_every or epochs
        with warnings.catch_warnings(action="ignore", category=PlainnetWarning):  # some pixels are empty in all digits
            history = self.network.fit(self.X, self.y, epochs=epochs, report_every=report_every, **self.options)
        confirm(self.engine, history)

    def predict(self, X: Array) -> Array:
        """Outputs of the rows of X."""
        return self.network.predict(X)


class Many:
    """Many networks of one shape with `plainnet.train_many`."""

    def __init__(self, work: Workload, engine: str) -> None:
        self.networks = [network(work, seed) for seed in range(work.networks)]
        self.initial = [each.parameters.copy() for each in self.networks]
        self.X, self.y = work.examples
        self.engine = engine
        self.options = fit_options(work, engine)

    def reset(self) -> None:
        """Back to the initial weights."""
        for each, parameters in zip(self.networks, self.initial, strict=True):
            each.parameters = parameters

    def train(self, epochs: int) -> None:
        """One `train_many`."""
        histories = pn.train_many(self.networks, self.X, self.y, epochs=epochs, report_every=epochs, **self.options)
        confirm(self.engine, histories[0])


class Estimator:
    """`plainnet.sklearn.MLPClassifier`, with the settings that scikit-learn's is given."""

    def __init__(self, work: Workload, engine: str) -> None:
        from plainnet.sklearn import MLPClassifier

        self.estimator = MLPClassifier(**estimator_settings(work), engine=engine)
        X, self.y = work.examples
        self.X = X.astype("float64")  # as load_digits gives them

    def train(self, epochs: int) -> None:
        """One `fit`."""
        with warnings.catch_warnings(action="ignore"):  # that it ends after max_iter epochs is what is wanted
            self.estimator.set_params(max_iter=epochs).fit(self.X, self.y)

    def predict(self, X: Array) -> Array:
        """Probabilities of the rows of X."""
        return self.estimator.predict_proba(X)
