"""The refusals of plainnet: each is a ValueError or TypeError whose message says what came and what would do."""


class PlainnetError(Exception):
    """What every refusal has in common: its message is meant for the user, as it stands."""


class InvalidValue(PlainnetError, ValueError):
    """A value outside what an argument takes: a shape, a range, a name, NaN in data."""


class InvalidType(PlainnetError, TypeError):
    """A value of a kind that an argument does not take."""


class FileError(InvalidValue):
    """A file that is missing, damaged, of another format or from a newer version; the message names it."""


class DivergenceError(InvalidValue):
    """A training run whose loss stopped being finite; the network keeps its last finite parameters."""


class MissingExtraError(PlainnetError, ImportError):
    """An optional library that is not installed; the message names the extra that brings it."""


def missing_extra(what: str, extra: str) -> MissingExtraError:
    """The error for `what`, which needs the libraries of `extra`."""
    return MissingExtraError(f"{what} needs more than NumPy: pip install 'plainnet[{extra}]'")


class PlainnetWarning(UserWarning):
    """Something that did not stop the work and that the user should know: its message is meant for them."""
