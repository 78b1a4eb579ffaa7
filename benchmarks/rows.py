"""`python -m benchmarks.rows`: rows a second from memory, from a mapped file and from a folder of Parquet files.

The same network trains on the same rows from each source, an epoch of each in turn, with the compiled engine. Every
file has been read before, so it is in the system's cache of files: what is measured is what reading costs the program,
not how fast the disk is.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import plainnet as pn
from plainnet.tabular.streaming import pieces_of

FEATURES, CLASSES = 30, 2
FILES = 8
GROUP_ROWS = 100_000


class Files(pn.Pieces):
    """The rows of table files whose last column is the target."""

    def __init__(self, folder: Path) -> None:
        self.pieces = pieces_of(folder)

    @property
    def lengths(self) -> list[int]:
        return [piece.rows for piece in self.pieces]

    def read(self, piece: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], None]:
        frame = self.pieces[piece].read().frame
        return np.ascontiguousarray(frame[:, :-1].to_numpy()), frame[:, -1].to_numpy(), None


def written(folder: Path, rows: int) -> None:
    """Write the rows as .npy files and as Parquet files, part by part."""
    random = np.random.default_rng(1)
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", np.float32, (rows, FEATURES))
    y = np.lib.format.open_memmap(folder / "y.npy", "w+", np.int64, (rows,))
    (folder / "parquet").mkdir()
    cuts = [rows * part // FILES for part in range(FILES + 1)]
    for number, (start, stop) in enumerate(pairwise(cuts)):
        X[start:stop] = random.normal(size=(stop - start, FEATURES))
        y[start:stop] = X[start:stop, 0] * X[start:stop, 1] > 0
        frame = pl.DataFrame({f"x{i}": X[start:stop, i] for i in range(FEATURES)} | {"y": y[start:stop]})
        frame.write_parquet(folder / "parquet" / f"{number}.parquet", row_group_size=GROUP_ROWS)


def epochs(X: Any, y: Any, batch_size: int) -> Iterator[Any]:
    """Return a training of the network, epoch by epoch."""
    net = pn.Network(pn.Dense(64, "relu"), pn.Dense(32, "relu"), pn.Dense(CLASSES, "softmax"), seed=1)
    options: dict[str, Any] = {"loss": "cross_entropy", "epochs": 1000, "engine": "compiled", "threads": 1}
    return net.training(X, y, batch_size=batch_size, report_every=1, **options)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rows", description=__doc__)
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written(folder, chosen.rows)
        mapped = np.load(folder / "X.npy", mmap_mode="r"), np.load(folder / "y.npy", mmap_mode="r")
        files = Files(folder / "parquet")
        sources = {
            "memory": (np.load(folder / "X.npy"), np.load(folder / "y.npy")),
            "memmap": mapped,
            "Parquet": (files.inputs, files.targets),
        }
        runs = {name: epochs(*data, chosen.batch_size) for name, data in sources.items()}
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for turn in range(chosen.rounds + 1):
            for name, run in runs.items():
                began = time.perf_counter()
                next(run)
                if turn:  # the first epoch compiles
                    seconds[name].append(time.perf_counter() - began)
    whole = float(np.median(seconds["memory"]))
    for name, found in seconds.items():
        median = float(np.median(found))
        print(f"{name:8} {chosen.rows / median / 1e6:6.2f} million rows/s  {whole / median:5.2f} of memory")


if __name__ == "__main__":
    main()
