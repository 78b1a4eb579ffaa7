"""Peak memory while a network trains on a file, for files of growing size.

Each size is trained in a fresh process that may allocate only `ALLOWANCE` beyond what it holds after a first small
fit, which is less than the largest file; the system refuses it more (RLIMIT_DATA, Linux). What the process holds of
its own is measured apart from the pages of the mapped file, which the system keeps while it has no other use for
the memory.
"""

import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import plainnet as pn
from benchmarks.formatting import Table, number
from benchmarks.processes import Failed, Process

MEGABYTE = 2**20
SIZES = (64, 128, 256, 512, 1024, 2048)
"""Of the files, in MB."""
ALLOWANCE = 256
"""MB that training may allocate."""
FEATURES = 256
STATUS = Path("/proc/self/status")


@dataclass
class Peak:
    """Of one training run, in MB beyond what the process held before."""

    own: float
    """Memory that only the process has: what must fit."""
    resident: float
    """That and the pages of the mapped file that are in memory."""
    seconds: float


def run(sizes: tuple[int, ...], engine: str) -> dict[int, Peak | str]:
    """The peak for each size, or what went wrong; nothing on a system other than Linux."""
    peaks: dict[int, Peak | str] = {}
    if not STATUS.exists():
        return peaks
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder, Process() as process:
            try:
                inputs, labels = write(Path(folder), size)
                peaks[size] = process.ask(train, inputs, labels, engine)
            except Failed as failure:
                peaks[size] = str(failure)
    return peaks


def write(folder: Path, size: int) -> tuple[Path, Path]:
    """A `.npy` file of `size` MB of float32 rows and one of their labels."""
    rows = size * MEGABYTE // (4 * FEATURES)
    random = np.random.default_rng(0)
    inputs, labels = folder / "inputs.npy", folder / "labels.npy"
    mapped = np.lib.format.open_memmap(inputs, mode="w+", dtype=np.float32, shape=(rows, FEATURES))
    for start in range(0, rows, 2**15):
        block = mapped[start : start + 2**15]
        random.standard_normal(out=block, dtype=np.float32)
    mapped.flush()
    np.save(labels, random.integers(10, size=rows))
    return inputs, labels


def train(inputs: Path, labels: Path, engine: str) -> Peak:
    """One epoch, in a fresh process."""
    import resource

    X, y = np.load(inputs, mmap_mode="r"), np.load(labels, mmap_mode="r")
    net = pn.Network(pn.Dense(32, "relu"), pn.Dense(10, "softmax"), input_size=FEATURES, seed=0)
    options: dict[str, Any] = {"loss": "cross_entropy", "epochs": 1, "batch_size": 256, "engine": engine}
    net.fit(X[:1024], y[:1024], **options)  # compiles, and starts the thread pools
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (_held("VmData") + ALLOWANCE * MEGABYTE, hard))
    own_before, resident_before = _held("RssAnon"), _held("VmRSS")
    began = time.perf_counter()
    with OwnMemory() as own:
        net.fit(X, y, **options)
    # VmHWM and not getrusage's ru_maxrss, which a process inherits from the one that started it.
    return Peak(
        (own.peak - own_before) / MEGABYTE,
        (_held("VmHWM") - resident_before) / MEGABYTE,
        time.perf_counter() - began,
    )


class OwnMemory:
    """Watches the process's own memory every millisecond; the kernel keeps no high-water mark of it."""

    def __enter__(self) -> "OwnMemory":
        self.peak = _held("RssAnon")
        self.ended = threading.Event()
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.watcher.join()

    def watch(self) -> None:
        """Until the end."""
        while not self.ended.wait(0.001):
            self.peak = max(self.peak, _held("RssAnon"))


def _held(entry: str) -> int:
    """Bytes, from the process's own status."""
    line = next(line for line in STATUS.read_text(encoding="utf-8").splitlines() if line.startswith(f"{entry}:"))
    return int(line.split()[1]) * 1024


def table(peaks: dict[int, Peak | str], engine: str) -> Table:
    """A row a file."""
    made = Table(
        f"Training on a file (numpy.memmap), plainnet {engine} engine: peak memory beyond the start, MB",
        ["file, MB", "own memory", "with mapped pages", "seconds per epoch"],
    )
    for size, peak in peaks.items():
        if isinstance(peak, Peak):
            cells = [number(max(peak.own, 0)), number(max(peak.resident, 0)), number(peak.seconds)]
            made.rows.append([f"{size:,}", *cells])
        else:
            made.rows.append([f"{size:,}", "refused", "", ""])
            made.notes.append(f"{size:,} MB: {peak}")
    if not peaks:
        made.notes.append("Left out: it reads /proc, which only Linux has.")
        return made
    made.notes.append(
        f"{FEATURES} float32 features a row; a fresh process each, which the system allows {ALLOWANCE} MB beyond what "
        "it holds after a first small fit. Mapped pages belong to the file; the system drops them when it needs the "
        "memory."
    )
    return made


def plain(peaks: dict[int, Peak | str]) -> dict[str, Any]:
    """For JSON."""
    return {str(size): asdict(peak) if isinstance(peak, Peak) else peak for size, peak in peaks.items()}
