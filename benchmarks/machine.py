"""What a figure depends on beside the code: processor, cores, load, versions and threads."""

import datetime
import os
import platform
from importlib.util import find_spec
from pathlib import Path

import numpy as np

import plainnet
from benchmarks.peers import Peer


def describe(peers: list[Peer]) -> dict[str, str]:
    """Machine, versions and date, for the head of a report."""
    versions = {name: number for peer in peers for name, number in peer.versions().items()}
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "date": f"{datetime.date.today()}",
        "processor": f"{processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "load average at the start": f"{load():.2f}",
        "versions": ", ".join(
            [
                f"plainnet {plainnet.__version__}",
                f"Python {platform.python_version()}",
                f"NumPy {np.__version__} ({blas['name']} {blas['version']})",
                *(f"{name} {number}" for name, number in versions.items()),
            ]
        ),
    }


def processor() -> str:
    """The processor's name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"


def load() -> float:
    """The load average of the last minute; 0 where the system keeps none."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def blas_threads() -> int:
    """How many threads NumPy's BLAS uses; where threadpoolctl cannot tell, a core each, which is its default."""
    if find_spec("threadpoolctl"):
        from threadpoolctl import threadpool_info

        counts = [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]
        if counts:
            return max(counts)
    return os.cpu_count() or 1
