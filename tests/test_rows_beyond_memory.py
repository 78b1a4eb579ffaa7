"""Memory stays flat, however many rows a training takes: from a mapped file, and from a folder of Parquet files."""

import os
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

ROWS, FEATURES = 80_000, 200
FILE_BYTES = ROWS * FEATURES * 4
"""Of one file: 64 MB. There are many names of it, which take no more of the disk."""

CHILD = """
import sys
from pathlib import Path
import numpy as np
import plainnet as pn
from plainnet._base import pieces
from plainnet.tabular.streaming import pieces_of

kind, folder, names, block = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
pieces.BLOCK_BYTES = block

class Files(pn.Pieces):
    def __init__(self, files):
        self.parts = pieces_of(files)
        self.lengths = [part.rows for part in self.parts]
    lengths = None
    def read(self, piece):
        frame = self.parts[piece].read().frame
        return frame[:, :-1].to_numpy(), frame[:, -1].to_numpy(), None

def rows(share):
    if kind == "memmap":
        X, y = (np.load(folder / name, mmap_mode="r") for name in ("X.npy", "y.npy"))
        return X[: int(share * len(X))], y[: int(share * len(X))]
    data = Files(sorted(folder.glob("*.parquet"))[: max(1, int(share * names))])
    return data.inputs, data.targets

def peak(share):
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    net = pn.Network(pn.Dense(8, "relu"), pn.Dense(2, "softmax"), input_size=200, seed=1)
    history = net.fit(*rows(share), loss="cross_entropy", epochs=1, batch_size=512)
    assert history.settings["training_examples"] == int(share * names) * 80_000
    return int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))) // 1024

peak(0.25)
print(peak(0.25), peak(1))
"""


def written(kind, folder, names):
    """Write so many files' worth of rows, without taking the space of more than one."""
    random = np.random.default_rng(0)
    if kind == "memmap":
        for name, dtype, shape in (
            ("X.npy", np.float32, (ROWS * names, FEATURES)),
            ("y.npy", np.uint8, (ROWS * names,)),
        ):
            file = np.lib.format.open_memmap(folder / name, "w+", dtype, shape)  # sparse: nothing but holes
            file[: 2 * 512] = random.integers(0, 2, (1024, *shape[1:]))
        return
    X = random.normal(size=(ROWS, FEATURES)).astype(np.float32)
    frame = pl.DataFrame({f"x{i}": X[:, i] for i in range(FEATURES)} | {"y": (X[:, 0] > 0).astype(np.int64)})
    frame.write_parquet(folder / "0000.parquet", row_group_size=ROWS // 4)
    for number in range(1, names):
        os.link(folder / "0000.parquet", folder / f"{number:04}.parquet")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak of a process is read as Linux tells it")
@pytest.mark.parametrize("kind", ["memmap", "Parquet"])
@pytest.mark.parametrize(
    ("names", "block", "most"),
    [
        pytest.param(8, 2**23, 350, id="512 MB"),
        pytest.param(320, 2**26, 1000, id="20 GB", marks=pytest.mark.slow),
    ],
)
def test_the_peak_is_that_of_a_quarter_of_the_rows(tmp_path, kind, names, block, most):
    written(kind, tmp_path, names)
    command = [sys.executable, "-W", "ignore", "-c", CHILD, kind, str(tmp_path), str(names), str(block)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=3000)
    assert result.returncode == 0, result.stderr
    quarter, whole = map(int, result.stdout.split())
    assert whole < most
    added = 0.75 * names * FILE_BYTES / 2**20
    assert whole - quarter < min(0.3 * added, 200)  # how far reading is ahead when memory is freed differs
