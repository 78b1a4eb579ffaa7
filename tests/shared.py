"""What several test modules use."""

from pathlib import Path

PENGUINS = Path(__file__).parent.parent / "examples" / "penguins.csv"
