"""Setup: all that can be set on the page, as plain data."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from plainnet.errors import InvalidType, InvalidValue
from plainnet.network import Network

if TYPE_CHECKING:
    from plainnet.play.session.examples import Examples

VERSION = 1


@dataclass(frozen=True)
class Setup:
    """Everything that decides what a run computes."""

    data: dict[str, Any]
    seed: int = 0
    layers: list[Any] | None = None
    loss: Any = None
    optimizer: Any = None
    batch_size: int | None = None
    shuffle: bool = True
    epochs: int = 1_000_000
    early_stopping: dict[str, Any] | None = None
    metrics: Sequence[str] = ()
    class_weight: Any = None
    engine: str = "auto"
    dtype: str = "float32"

    @classmethod
    def of(cls, plain: Mapping[str, Any] | None) -> Setup:
        """Return the setup that `plain` describes; what is missing has its default."""
        given = dict(plain or {})
        given.pop("version", None)
        given.setdefault("data", {"kind": "dataset", "name": "xor"})
        for name in given:
            if name not in {field.name for field in fields(cls)}:
                raise InvalidValue(f"setup takes no {name}")
        if not isinstance(given["data"], dict):
            raise InvalidType("data takes an object")
        return cls(**copy.deepcopy(given))

    def plain(self) -> dict[str, Any]:
        """Return the setup as plain data."""
        return copy.deepcopy({"version": VERSION, **{field.name: getattr(self, field.name) for field in fields(self)}})

    def changed(self, path: Sequence[Any], value: Any) -> Setup:
        """Return the setup with another value at a path."""
        data: Any = self.plain()
        inner = data
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        return Setup.of(data)

    def completed(self, examples: Examples) -> Setup:
        """Return the setup with what suits the examples where it says nothing."""
        data = self.plain()
        classes = len(examples.classes or ())
        last = {0: (1, "identity", "mse"), 2: (1, "sigmoid", "binary_cross_entropy")}
        units, activation, loss = last.get(classes, (classes, "softmax", "cross_entropy"))
        if data["layers"] is None:
            data["layers"] = [
                {"name": "Dense", "units": 4, "activation": "tanh"},
                {"name": "Dense", "units": units, "activation": activation},
            ]
        data["loss"] = data["loss"] or loss
        data["optimizer"] = data["optimizer"] or {"name": "adam", "learning_rate": 0.01}
        return Setup.of(data)

    def problems(self, examples: Examples) -> list[dict[str, Any]]:
        """Return what cannot be combined, each as the place and a sentence."""
        return []

    def network(self, examples: Examples) -> Network:
        """Return the network with its initial weights."""
        return Network.from_description(
            {
                "layers": self.layers,
                "input_size": examples.training[0].shape[1],
                "seed": self.seed,
                "dtype": self.dtype,
            }
        )

    def options(self, examples: Examples) -> dict[str, Any]:
        """Return the keywords of `net.fit` but X and y."""
        from plainnet.training.stopping import EarlyStopping

        stopping = None if self.early_stopping is None else EarlyStopping(**self.early_stopping)
        return {
            "loss": self.loss,
            "optimizer": self.optimizer,
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "epochs": self.epochs,
            "early_stopping": stopping,
            "metrics": list(self.metrics),
            "class_weight": self.class_weight,
            "engine": self.engine,
            "sample_weight": examples.training[2],
            "validation": examples.validation,
        }
