"""What the runs train on: the same arrays for every seed, or what a function gives for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plainnet.checkpoints import fingerprint
from plainnet.conversion import numbers_of
from plainnet.errors import InvalidType, InvalidValue


@dataclass(frozen=True)
class Data:
    """Examples and targets, or in place of X a function seed -> (X, y, validation)."""

    X: Any
    y: Any

    def __post_init__(self) -> None:
        if callable(self.X) and self.y is not None:
            raise InvalidValue("y is given beside a function for X; the function gives X, y and validation itself")
        if not callable(self.X) and self.y is None:
            raise InvalidType("y is None; it takes the targets, or X takes a function seed -> (X, y, validation)")

    @property
    def is_function(self) -> bool:
        """Whether each seed has data of its own."""
        return callable(self.X)

    def of(self, seed: int) -> tuple[Any, Any, Mapping[str, Any]]:
        """The examples and targets for a seed and, where the function gives it, the option `validation` of `fit`."""
        if not self.is_function:
            return self.X, self.y, {}
        given = self.X(seed)
        if not isinstance(given, tuple) or len(given) != 3:
            raise InvalidType(
                f"the function for X gives {type(given).__name__} for seed {seed}; it must give (X, y, validation), "
                "validation a pair of arrays or None"
            )
        X, y, validation = given
        return X, y, {"validation": validation}

    def fingerprints(self) -> dict[str, Any]:
        """What tells these data from others; of a function, those of seed 0."""
        X, y, held_out = self.of(0)
        parts = {"X": X, "y": y}
        if held_out.get("validation") is not None:
            parts |= zip(("X_validation", "y_validation", "weight_validation"), held_out["validation"], strict=False)
        return {name: fingerprint(numbers_of(name, part)) for name, part in parts.items() if part is not None}
