"""plainnet: neural networks in plain NumPy.

>>> import plainnet as pn
>>> X, y = pn.datasets.xor()
>>> net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
>>> history = net.fit(X, y, loss="mse", optimizer=pn.SGD(learning_rate=1.0), epochs=10_000, batch_size=None)
>>> (net.predict(X) > 0.5).astype(int).ravel().tolist()
[1, 1, 0, 0]
"""

from typing import TYPE_CHECKING, Any

from plainnet import (
    activations,
    datasets,
    errors,
    gradients,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    schedules,
)
from plainnet._base.pieces import Pieces
from plainnet.explain import explain
from plainnet.files.model import load
from plainnet.gradients import check_gradients
from plainnet.history import History, Report
from plainnet.layers import *  # noqa: F403 - the names are in its __all__
from plainnet.network import Network
from plainnet.network.averaging import averaged
from plainnet.network.initialization import initialize_from_data
from plainnet.optimizers import *  # noqa: F403 - the names are in its __all__
from plainnet.play import play
from plainnet.training.stopping import EarlyStopping

if TYPE_CHECKING:
    from plainnet import plots
    from plainnet.attribution import shapley_values
    from plainnet.comparison import compare
    from plainnet.export.safetensors import load as load_safetensors
    from plainnet.tabular.tuning import tune
    from plainnet.training.calibration import calibrated, fit_temperature, scaled_by_temperature
    from plainnet.training.many import train_many

__version__ = "0.1.0"

__all__ = [
    "EarlyStopping",
    "History",
    "Network",
    "Pieces",
    "Report",
    "activations",
    "averaged",
    "calibrated",
    "check_gradients",
    "compare",
    "datasets",
    "errors",
    "explain",
    "fit_temperature",
    "gradients",
    "initialize_from_data",
    "initializers",
    "layers",
    "load",
    "load_safetensors",
    "losses",
    "metrics",
    "optimizers",
    "play",
    "plots",
    "scaled_by_temperature",
    "schedules",
    "shapley_values",
    "train_many",
    "tune",
]
__all__ += layers.__all__
__all__ += optimizers.__all__


LATER = {
    "calibrated": "plainnet.training.calibration",
    "compare": "plainnet.comparison",
    "fit_temperature": "plainnet.training.calibration",
    "load_safetensors": "plainnet.export.safetensors",
    "scaled_by_temperature": "plainnet.training.calibration",
    "shapley_values": "plainnet.attribution",
    "train_many": "plainnet.training.many",
    "tune": "plainnet.tabular.tuning",
}
"""Functions by the module that is imported when they are first asked for."""


def __getattr__(name: str) -> Any:
    """Import on first use what a program that only predicts does not need."""
    from importlib import import_module

    if name == "plots":
        return import_module("plainnet.plots")
    if name in LATER:
        module = import_module(LATER[name])
        return getattr(module, "load" if name == "load_safetensors" else name)
    raise AttributeError(f"module 'plainnet' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Tell completion the public names, those that are imported later as well."""
    return [*__all__, "__version__"]
