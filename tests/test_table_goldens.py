"""The recipe for tables against pytabkit's RealMLP-TD, part by part; `goldens/make_tables.py` made the numbers."""

import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from plainnet.errors import PlainnetWarning
from plainnet.tabular import Table

FOLDER = Path(__file__).parent / "goldens" / "tables"


def golden(name):
    return np.load(FOLDER / f"{name}.npz")


def frame_of(arrays, part):
    """The rows of the golden table, with a target of two classes."""
    columns = {name: arrays[f"{part} column {name}"] for name in arrays["names"]}
    frame = pl.DataFrame(columns).with_columns(pl.col(pl.String).replace("", None))
    return frame.with_columns(target=pl.Series([["a", "b"][row % 2] for row in range(len(frame))]))


@pytest.mark.parametrize("part", ["train", "test"])
def test_preprocessing(part):
    """Robust scale, smooth clip, two-valued, one-hot and coded columns; the constant one, zeros there, is left out."""
    arrays = golden("preprocessing")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlainnetWarning)
        table = Table.learn(frame_of(arrays, "train"), "target", "classification", encoding="robust")
        features = table.features(frame_of(arrays, part))
    numbers = arrays[f"{part} numbers"]
    constant = list(arrays["names"]).index("constant")
    assert not numbers[:, constant].any()
    theirs = [np.delete(numbers, constant, axis=1), arrays[f"{part} plain"], arrays[f"{part} codes"]]
    assert (table.groups.numbers, table.groups.plain, table.groups.categories) == (5, 16, (12,))
    np.testing.assert_allclose(features, np.hstack(theirs), rtol=0, atol=1e-6)
