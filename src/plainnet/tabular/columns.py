"""The input columns of a table: what each kind knows from the training rows, and the features it makes.

The encoding "standard" has the first three kinds. Those of "robust" are in `plainnet.tabular.robust_columns`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from plainnet._base import checks
from plainnet._base.wording import in_date
from plainnet.errors import InvalidType
from plainnet.tabular import encodings
from plainnet.tabular.description import check_ascending, check_text
from plainnet.tabular.features import Features
from plainnet.tabular.kinds import Kind
from plainnet.tabular.scores import in_plain_figures


@dataclass(frozen=True)
class Column:
    """Each column has a name; `missing` is True if training had missing values."""

    kind: ClassVar[Kind]
    """The kind of its values."""
    entry: ClassVar[str]
    """The name of this kind of column in the description of a table."""
    unknown: ClassVar[str] = "the mean"
    """The value that a missing one counts as where training had none."""
    name: str
    missing: bool

    def __post_init__(self) -> None:
        check_text("name of a column", self.name)
        if not isinstance(self.missing, bool):
            raise InvalidType(f"missing of column {self.name!r} is {self.missing!r}; it takes true or false")

    @cached_property
    def features(self) -> tuple[Features, ...]:
        """Describe the features, numbers first, codes last."""
        return tuple(self._features())

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Return the name of each feature, such as "mass" or "island=Biscoe"."""
        return tuple(name for features in self.features for name in features.names)

    def in_training(self, *, is_date: bool = False) -> str:
        """Say in a few words what training saw in the column, whose numbers may be those of dates."""
        return (self._dates_seen() if is_date else self._seen()) + ("; some missing" if self.missing else "")

    def _features(self) -> Iterator[Features]:
        raise NotImplementedError

    def _seen(self) -> str:
        raise NotImplementedError

    def _dates_seen(self) -> str:
        raise NotImplementedError


@dataclass(frozen=True)
class Categories(Column):
    """The values of a column of text, in order."""

    kind = "category"
    unknown = "unknown"
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ascending(f"values of column {self.name!r}", self.values, (str,), least=1)

    def _seen(self) -> str:
        return ", ".join(self.values[:6]) + (f", ... ({len(self.values)})" if len(self.values) > 6 else "")


# ---- the encoding "standard" ----


@dataclass(frozen=True)
class NumberColumn(Column):
    """Numbers are standardized: (x - mean) / deviation over the training rows, 0 where missing.

    If training had missing numbers, a second feature marks them.
    """

    kind = "number"
    entry = "number"
    mean: float
    deviation: float

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number(f"mean of column {self.name!r}", self.mean)
        checks.number(f"deviation of column {self.name!r}", self.deviation, above=0)

    def _seen(self) -> str:
        return f"mean {in_plain_figures(self.mean, 4)}, deviation {in_plain_figures(self.deviation, 4)}"

    def _dates_seen(self) -> str:
        return f"mean {in_date(self.mean)}, deviation {self.deviation:.4g} days"

    def _features(self) -> Iterator[Features]:
        settings = {"mean": self.mean, "deviation": self.deviation}
        yield Features("plain", (self.name,), encodings.standardized, settings)
        if self.missing:
            yield Features("plain", (f"{self.name} missing",), encodings.mark)


@dataclass(frozen=True)
class BooleanColumn(Column):
    """Booleans are 1 for true, 0 for false; where missing the mean, the share of true among the training rows.

    If training had missing booleans, a second feature marks them.
    """

    kind = "boolean"
    entry = "boolean"
    mean: float

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.number(f"mean of column {self.name!r}", self.mean, least=0, most=1)

    def _seen(self) -> str:
        return f"{self.mean:.1%} true"

    def _features(self) -> Iterator[Features]:
        yield Features("plain", (self.name,), encodings.truth, {"mean": self.mean})
        if self.missing:
            yield Features("plain", (f"{self.name} missing",), encodings.mark)


@dataclass(frozen=True)
class CategoryColumn(Categories):
    """Categories are one-hot: a feature for each value of the training rows, 1 where the row has that value.

    If training had missing values they are a category of their own, the last feature. A value that training did not
    have is 0 in every feature.
    """

    entry = "category"

    def _features(self) -> Iterator[Features]:
        names = [f"{self.name}={value}" for value in self.values] + [f"{self.name} missing"] * self.missing
        settings = {"on": (1.0,) * len(names), "off": (0.0,) * len(names)}
        yield Features("plain", tuple(names), encodings.one_hot, settings)
