"""Recipes: all the settings by which a table becomes a network, in one object that can be varied part by part."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from plainnet import optimizers
from plainnet._base import checks
from plainnet.activations import ACTIVATIONS
from plainnet.errors import InvalidType, InvalidValue
from plainnet.initializers import INITIALIZERS
from plainnet.layers import NORMALIZATIONS
from plainnet.losses import LOSSES
from plainnet.schedules import SCHEDULES
from plainnet.tabular.learning import Encoding
from plainnet.tabular.targets import Task

FEW_ROWS = 2_500
"""The most rows for which a network is trained once more on all of them."""
USUAL_EPOCHS, SHORT_EPOCHS = 256, 128
"""The epochs of a network that is trained once, and of one of few rows that is trained twice."""
FROM_DATA = "data"
"""The initializer that looks at the training rows; see `plainnet.initialize_from_data`."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A recipe says how a table's columns are encoded, how the network is built on them, and how it is trained.

    The defaults are those of RealMLP-TD (Holzmüller, Grinsztajn & Steinwart, NeurIPS 2024), whose numbers were tuned
    on 118 tables. Where a setting is None the task decides.

    >>> recipe = RECIPES["realmlp"].varied(hidden=[64], epochs=20)
    >>> recipe.hidden, recipe.epochs, recipe.dropout
    ((64,), 20, 0.15)
    """

    # ---- the columns ----
    encoding: Encoding = "robust"
    """ "robust" or "standard"; see `plainnet.tabular.Table.learn`."""
    largest_one_hot: int = 8
    """Columns with more categories than this are embedded ("robust" only)."""
    embedding_width: int = 8
    """The numbers in the embedding of a category."""
    number_embedding: str = "periodic"
    """The embedding of numbers: "periodic", "piecewise_linear", or "none" for the number itself."""
    frequency: float = 0.1
    """The deviation of the initial frequencies of the periodic embedding."""
    frequencies: int = 16
    """The number of its frequencies for a column."""
    number_width: int = 4
    """The numbers in the embedding of a number, itself among them."""

    # ---- the layers ----
    scaling: bool = True
    """A factor for each input, learned; see `plainnet.Scale`."""
    hidden: tuple[int, ...] = (256, 256, 256)
    """The units of each hidden layer."""
    activation: str | None = None
    """None is selu for classes and mish for a quantity."""
    parametric: bool = True
    """Each unit learns how much of the activation it takes; see `plainnet.ParametricActivation`."""
    initializer: str = FROM_DATA
    """The initial weights: "data" looks at the training rows, or the name of an initializer, or "auto"."""
    dropout: float = 0.15
    """The share of the outputs of a hidden layer that a step sets to 0."""
    dropout_schedule: str = "flat_cosine"
    """The schedule of that share over the run."""
    normalization: str = "none"
    """The layer between the sums and the activation: "batch", "layer", "rms" or "none"."""
    l1: float = 0.0
    """The penalty l1 · Σ|w| on the weights."""
    l2: float = 0.0
    """The penalty l2/2 · Σw² on the weights."""

    # ---- the training ----
    loss: str | None = None
    """None is cross-entropy for classes and the squared error for a quantity."""
    label_smoothing: float = 0.1
    """The share of each target that is spread evenly over all classes; see `plainnet.losses.CrossEntropy`."""
    optimizer: str = "adamw"
    """The name of the optimizer."""
    learning_rate: float | None = None
    """None is 0.04 for classes and 0.2 for a quantity, or the optimizer's own rate where `unit_rates` is False."""
    schedule: str = "cosine_log"
    """The schedule of the learning rate."""
    unit_rates: bool = True
    """Groups of parameters have learning rates of their own: weights 1/√inputs of the rate, biases 1/10, and these:"""
    scale_rate: float = 6.0
    """That of the scaling layer."""
    embedding_rate: float = 0.1
    """That of the embeddings of numbers."""
    first_rate: float = 1.0
    """That of the first hidden layer's weights, beside 1/√inputs."""
    beta2: float | None = 0.95
    """The decay of the mean square of adam and adamw; None is the optimizer's own."""
    momentum: float | None = None
    """The momentum of sgd and rmsprop; None is the optimizer's own."""
    nesterov: bool = False
    """True for Nesterov's momentum in sgd."""
    weight_decay: float | None = 0.02
    """None is the optimizer's own."""
    decay_schedule: str = "flat_cosine"
    """The schedule of the weight decay."""
    clip_norm: float | None = None
    """The largest norm of the gradient; None for any."""
    epochs: int | None = None
    """None is 256, or 128 where a network of few rows is trained a second time, which takes as long and is better."""
    batch_size: int = 256
    """Rows per step, at most all; 0 for all."""
    even_batches: bool = True
    """All batches of an epoch get the same number of rows, to one, which is then about `batch_size`."""
    early_stopping: int = 0
    """Epochs without improvement to stop after; 0 trains all epochs. The best epoch is kept in any case."""
    minimum_improvement: float = 0.0
    """An epoch is better if it is so by more than this."""
    monitor: str = "error"
    """The best epoch has the lowest "loss", or the lowest "error": 1 - accuracy, or the root mean squared error."""
    refit: bool | None = None
    """Train once more on all rows, validation rows among them, for the best number of epochs.

    None does so where there are at most `FEW_ROWS` rows, of which each more helps most. Several networks, each with
    other validation rows, are not trained again.
    """

    calibrate: bool = True
    """Scale the probabilities by a temperature that is fitted on the validation rows."""

    def __post_init__(self) -> None:
        hidden = (self.hidden,) if isinstance(self.hidden, int) else self.hidden
        try:
            sizes = tuple(checks.whole_number("hidden", units, least=1) for units in hidden)
        except TypeError:
            raise InvalidType(f"hidden is {self.hidden!r}; it takes the units of each hidden layer") from None
        object.__setattr__(self, "hidden", sizes)
        for name, known in _CHOICES.items():
            value = getattr(self, name)
            if value is not None:
                checks.one_of(name, value, known)
        for name in ("largest_one_hot", "batch_size", "early_stopping"):
            checks.whole_number(name, getattr(self, name), least=0)
        for name in ("embedding_width", "frequencies"):
            checks.whole_number(name, getattr(self, name), least=1)
        checks.whole_number("number_width", self.number_width, least=2)
        for bounds, names in _BOUNDS:
            for name in names:
                if getattr(self, name) is not None:
                    checks.number(name, getattr(self, name), **bounds)
        if self.epochs is not None:
            checks.whole_number("epochs", self.epochs, least=1)
        for name in ("scaling", "parametric", "unit_rates", "nesterov", "even_batches", "calibrate"):
            checks.flag(name, getattr(self, name))
        if self.refit is not None:
            checks.flag("refit", self.refit)
        if self.number_embedding != "none" and self.encoding != "robust":
            raise InvalidValue(
                f"number_embedding is {self.number_embedding!r} and the recipe's encoding {self.encoding!r}; numbers "
                "are embedded with the encoding 'robust' alone, such as that of the recipe 'realmlp'"
            )

    def varied(self, **given: Any) -> Recipe:
        """Return the recipe with the `given` settings in place of its own; those that are None stay as they are.

        Another optimizer takes its own rate and decay: those of the recipe were found with AdamW.
        """
        known = [field.name for field in fields(self)]
        for name in given:
            if name not in known:
                raise InvalidType(f"{name}= is no setting of a recipe; {checks.closest(name, known)}")
        changed = {name: value for name, value in given.items() if value is not None}
        if changed.get("optimizer", self.optimizer) != self.optimizer:
            changed = {**OF_THE_OPTIMIZER, **changed}
        return replace(self, **changed)

    def for_task(self, task: Task) -> Recipe:
        """Return the recipe with what it leaves to the task decided."""
        classes = task == "classification"
        rate = (0.04 if classes else 0.2) if self.unit_rates else None
        return self.varied(
            activation=self.activation or ("selu" if classes else "mish"),
            learning_rate=self.learning_rate or rate,
        )

    def for_rows(self, rows: int, networks: int = 1) -> Recipe:
        """Return the recipe with what it leaves to the number of `rows` decided, for so many `networks`."""
        few = rows <= FEW_ROWS
        refit = networks == 1 and (few if self.refit is None else self.refit)
        usual = SHORT_EPOCHS if refit and few else USUAL_EPOCHS
        return replace(self, refit=refit, epochs=self.epochs or usual)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain data."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


OF_THE_OPTIMIZER: dict[str, Any] = {
    "learning_rate": None,
    "unit_rates": False,
    "beta2": None,
    "momentum": None,
    "nesterov": False,
    "weight_decay": None,
    "decay_schedule": "constant",
}
"""The settings that go with an optimizer, as another one has them."""

_CHOICES: dict[str, Any] = {
    "encoding": ("robust", "standard"),
    "number_embedding": ("periodic", "piecewise_linear", "none"),
    "activation": ACTIVATIONS,
    "initializer": (FROM_DATA, "auto", *INITIALIZERS),
    "normalization": ("none", *NORMALIZATIONS),
    "loss": LOSSES,
    "optimizer": optimizers.OPTIMIZERS,
    "schedule": SCHEDULES,
    "decay_schedule": SCHEDULES,
    "dropout_schedule": SCHEDULES,
    "monitor": ("error", "loss"),
}

_BOUNDS: tuple[tuple[dict[str, float], tuple[str, ...]], ...] = (
    ({"above": 0}, ("frequency", "learning_rate", "clip_norm")),
    ({"least": 0, "below": 1}, ("dropout", "label_smoothing", "beta2", "momentum")),
    ({"least": 0}, ("scale_rate", "embedding_rate", "first_rate", "weight_decay", "l1", "l2", "minimum_improvement")),
)

SMALL = Recipe(
    encoding="standard",
    number_embedding="none",
    scaling=False,
    hidden=(64, 32),
    activation="relu",
    parametric=False,
    initializer="auto",
    dropout=0.0,
    dropout_schedule="constant",
    label_smoothing=0.0,
    optimizer="adam",
    schedule="constant",
    unit_rates=False,
    beta2=None,
    weight_decay=None,
    decay_schedule="constant",
    epochs=200,
    batch_size=32,
    even_batches=False,
    early_stopping=20,
    monitor="loss",
    refit=False,
    calibrate=False,
)
"""The default network of version 0.1: two small layers, trained within a second or two on most tables."""

RECIPES: dict[str, Recipe] = {"realmlp": Recipe(), "small": SMALL}
"""Every recipe by its name."""


def recipe_of(recipe: str | Recipe) -> Recipe:
    """Return the recipe meant by its name."""
    if isinstance(recipe, Recipe):
        return recipe
    return RECIPES[checks.one_of("recipe", recipe, RECIPES)]
