"""The contestants: each learns from typed columns and predicts labels or numbers."""

import hashlib
import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

import plainnet
from benchmarks import machine
from benchmarks.tables.folder import DataTable, Task

Targets = NDArray[np.generic]
Predict = Callable[[pl.DataFrame], Targets]
Fit = Callable[[pl.DataFrame, Targets, Task, int, int], Predict]
"""Learn from features and targets of a task, with a seed and a number of threads."""


@dataclass(frozen=True)
class Model:
    """A contestant: its title in tables, how it learns, and the packages whose versions belong to its results."""

    title: str
    fit: Fit
    packages: tuple[str, ...]
    modules: tuple[str, ...]
    """What is imported before the time starts."""
    is_reference: bool = False

    def missing(self) -> list[str]:
        """Return the packages that are not installed."""
        return [name for name in self.packages if not find_spec({"scikit-learn": "sklearn"}.get(name, name))]

    def versions(self) -> dict[str, str]:
        """Return what computed the result; for plainnet its code as well, as the version does not change with it."""
        own = {} if self.is_reference else {"plainnet": plainnet.__version__, "code": code_digest()}
        return own | {name: version(name) for name in self.packages}


def code_digest() -> str:
    """Return a few letters that change with plainnet's code."""
    digest = hashlib.sha256()
    for path in sorted(Path(plainnet.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def fit_plainnet(
    features: pl.DataFrame, targets: Targets, task: Task, seed: int, threads: int, **settings: Any
) -> Predict:
    """Learn plainnet's estimator for tables with its defaults, but for the settings."""
    from plainnet.sklearn import TableClassifier, TableRegressor

    made = TableClassifier if task == "classification" else TableRegressor
    estimator = made(random_state=seed, n_jobs=threads, **settings).fit(features, targets)
    return lambda frame: np.asarray(estimator.predict(frame))


def fit_realmlp(features: pl.DataFrame, targets: Targets, task: Task, seed: int, threads: int) -> Predict:
    """Learn RealMLP-TD; as it takes no missing numbers, they become the mean, and an indicator (as in TabArena)."""
    import pandas as pd
    from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

    numbers = [name for name, dtype in features.schema.items() if dtype.is_numeric()]
    means = {name: features[name].mean() or 0.0 for name in numbers}
    lacking = [name for name in numbers if features[name].null_count()]

    def prepared(frame: pl.DataFrame) -> Any:
        indicators = [pl.col(name).is_null().cast(pl.String).alias(f"{name} missing") for name in lacking]
        filled = frame.with_columns(*indicators, *(pl.col(name).fill_null(mean) for name, mean in means.items()))
        columns = {name: filled[name].to_list() for name in filled.columns}
        return pd.DataFrame(
            {name: pd.Series(c, dtype=float if name in means else object) for name, c in columns.items()}
        )

    made = RealMLP_TD_Classifier if task == "classification" else RealMLP_TD_Regressor
    estimator = made(device="cpu", random_state=seed, n_threads=threads).fit(prepared(features), targets)
    return lambda frame: np.asarray(estimator.predict(prepared(frame)))


MOST_CATEGORIES = 255
"""More than this HistGradientBoosting does not take in a column of categories; their codes then count as numbers."""


def fit_boosting(features: pl.DataFrame, targets: Targets, task: Task, seed: int, threads: int) -> Predict:
    """Learn scikit-learn's HistGradientBoosting with its defaults, text as its categories."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    texts = [name for name, dtype in features.schema.items() if dtype == pl.String]
    categories = {name: features[name].drop_nulls().unique().sort().to_list() for name in texts}

    def codes(frame: pl.DataFrame) -> NDArray[np.float64]:
        coded = [
            pl.col(name).replace_strict(
                {value: i for i, value in enumerate(known)}, default=None, return_dtype=pl.Float64
            )
            for name, known in categories.items()
        ]
        return frame.with_columns(*coded).fill_null(np.nan).to_numpy()

    made = HistGradientBoostingClassifier if task == "classification" else HistGradientBoostingRegressor
    categorical = [0 < len(categories.get(name, ())) <= MOST_CATEGORIES for name in features.columns]
    estimator = made(random_state=seed, categorical_features=categorical).fit(codes(features), targets)
    return lambda frame: np.asarray(estimator.predict(codes(frame)))


OWN = ("plainnet.sklearn",)
MODELS = {
    "plainnet": Model("plainnet", fit_plainnet, ("numpy",), OWN),
    "ensemble": Model("plainnet, 8 networks", partial(fit_plainnet, ensemble=8), ("numpy",), OWN),
    "small": Model("plainnet, small", partial(fit_plainnet, recipe="small"), ("numpy",), OWN),
    "realmlp": Model("RealMLP-TD", fit_realmlp, ("pytabkit", "torch"), ("pytabkit",), is_reference=True),
    "boosting": Model(
        "HistGradientBoosting", fit_boosting, ("scikit-learn",), ("sklearn.ensemble",), is_reference=True
    ),
}


def measure(table: DataTable, model_name: str, seed: int, threads: int) -> dict[str, Any]:
    """Return the error of one model on one split, its seconds, and what they depend on."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    model = MODELS[model_name]
    for module in model.modules:
        import_module(module)
    train, test = table.split(seed)
    began = time.perf_counter()
    predict = model.fit(table.features[train], table.targets[train], table.task, seed, threads)
    fitted = time.perf_counter()
    predictions = predict(table.features[test])
    ended = time.perf_counter()
    targets = table.targets[test]
    if table.task == "classification":
        error, least = np.mean(predictions.astype(str) != targets), 0.5 / len(test)
    else:
        error, least = np.sqrt(np.mean((predictions - targets) ** 2)), 0.001 * np.std(targets)
    return {
        "task": table.task,
        "rows": len(table.frame),
        "columns": table.features.width,
        "test_rows": len(test),
        "error": float(error),
        "least_error": float(least),
        "fit_seconds": round(fitted - began, 3),
        "predict_seconds": round(ended - fitted, 3),
        "versions": model.versions(),
        "load": round(machine.load(), 2),
    }
