"""Programs on several ranks, under the real mpiexec."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

import plainnet

MPIEXEC = Path(sys.executable).parent / "mpiexec"
SOURCES = Path(plainnet.__file__).parent.parent


class Ended(NamedTuple):
    """How a program on several ranks ended."""

    code: int
    stdout: str
    stderr: str


def start(program, ranks, *arguments, folder=None, launcher=(), **environment):
    """Start Python source, or a file of it, on so many ranks; a process group of its own, to be ended by `end`.

    `launcher` are options of mpiexec.
    """
    where = ["-c", program] if "\n" in str(program) else [program]
    command = [MPIEXEC, *launcher, "-n", ranks, sys.executable, *where, *arguments]
    paths = os.pathsep.join(filter(None, [str(SOURCES), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        list(map(str, command)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **environment},
        start_new_session=True,
    )


def end(process, timeout=60):
    """Wait for what `start` started and return how it ended; after `timeout` seconds kill all of it and fail."""
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        stdout, stderr = kill(process)
        pytest.fail(f"the ranks did not end within {timeout} s\n{stdout}\n{stderr}")
    except BaseException:
        kill(process)
        raise
    return Ended(process.returncode, stdout, stderr)


def kill(process):
    """Kill mpiexec and the ranks; return what they had said."""
    for pid in (*_descendants(process.pid), process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return process.communicate()


def _descendants(pid):
    """The processes below one: MPI starts the ranks in sessions of their own."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = [tuple(map(int, line.split())) for line in listed.splitlines()]
    found = [child for child, parent in parents if parent == pid]
    return found + [below for child in found for below in _descendants(child)]


def run(program, ranks, *arguments, timeout=60, folder=None, **environment):
    """Run Python source, or a file of it, on so many ranks; how it ended. All is killed after `timeout` seconds."""
    return end(start(program, ranks, *arguments, folder=folder, **environment), timeout)


def wait_for(condition, timeout=60):
    """Wait until the condition holds."""
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until, f"not within {timeout} s"
        time.sleep(0.01)


def is_running(pid):
    """True for a process that is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
