"""The base of all estimators treats the constructor's arguments, and pickling."""

from typing import Any, Self

from sklearn.base import BaseEstimator  # type: ignore[import-untyped]

from plainnet import __version__
from plainnet.errors import InvalidValue, warn


class Estimator(BaseEstimator):  # type: ignore[misc]
    """The base class of all estimators."""

    def _set_arguments(self, arguments: dict[str, Any]) -> None:
        """Set the constructor's arguments as attributes, unchanged, as scikit-learn's `clone` expects."""
        for name, value in arguments.items():
            if name not in ("self", "__class__"):
                setattr(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_plainnet_version": __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        written = state.get("_plainnet_version", "0.1.0")
        if written != __version__:
            warn(
                f"this {type(self).__name__} was pickled by plainnet {written} and is read by {__version__}, which may "
                "differ; files of network_.save are read by every later version",
            )
        super().__setstate__(state)

    def set_params(self, **params: Any) -> Self:
        for name in params:
            parameter, nested, _ = name.partition("__")
            value = params.get(parameter, getattr(self, parameter, None))
            if nested and hasattr(self, parameter) and not hasattr(value, "set_params"):
                raise InvalidValue(
                    f"{name} cannot be set: {parameter} is {value!r}, which has no settings of its own; give an "
                    "object, such as solver=plainnet.AdamW(0.001), or set the estimator's own parameters"
                )
        super().set_params(**params)
        return self
