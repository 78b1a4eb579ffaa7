"""The data of the runs: the same arrays for every seed, or the ones that a function returns for each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plainnet._base.conversion import FEATURES, LABELS, numbers_of
from plainnet._base.identity import fingerprint
from plainnet.errors import InvalidType, InvalidValue


@dataclass(frozen=True)
class SeedData:
    """Examples and targets, or in place of X a function of the seed that returns them: see `of`."""

    X: Any
    y: Any

    def __post_init__(self) -> None:
        if callable(self.X) and self.y is not None:
            raise InvalidValue("y is given beside a function for X; the function gives X, y and validation itself")
        if not callable(self.X) and self.y is None:
            raise InvalidType("y is None; it takes the targets, or X takes a function seed -> (X, y, validation)")

    @property
    def is_function(self) -> bool:
        """True if each seed has data of its own."""
        return callable(self.X)

    def of(self, seed: int) -> tuple[Any, Any, Mapping[str, Any]]:
        """Return the examples and targets for a seed and, if a function returns them, options of `fit`.

        The function returns (X, y, validation) or (X, y, validation, sample_weight).
        """
        if not self.is_function:
            return self.X, self.y, {}
        given = self.X(seed)
        if not isinstance(given, tuple) or len(given) not in (3, 4):
            raise InvalidType(
                f"the function for X gives {type(given).__name__} for seed {seed}; it must give (X, y, validation), "
                "validation a pair of arrays or None, or (X, y, validation, sample_weight)"
            )
        X, y, *rest = given
        return X, y, dict(zip(("validation", "sample_weight"), rest, strict=False))

    def fingerprints(self) -> dict[str, Any]:
        """Return fingerprints that tell these data from others; of a function, those of seed 0."""
        X, y, held_out = self.of(0)
        parts = {"X": X, "y": y}
        if held_out.get("validation") is not None:
            names = ("X_validation", "y_validation", "validation_weight")
            parts |= dict(zip(names, held_out["validation"], strict=False))
        if held_out.get("sample_weight") is not None:
            parts["sample_weight"] = held_out["sample_weight"]
        advice = {"y": LABELS, "y_validation": LABELS}
        given = {name: part for name, part in parts.items() if part is not None}
        return {name: fingerprint(numbers_of(name, part, advice.get(name, FEATURES))) for name, part in given.items()}
