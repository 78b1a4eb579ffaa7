"""What several test modules use."""

from pathlib import Path

PENGUINS = Path(__file__).parent.parent / "examples" / "penguins.csv"
SMALL = ("--recipe", "small", "--test", "0", "--folds", "0")
"""Options of `plainnet train` for one small network, quickly trained, with a fifth of the rows to validate on."""
