"""Work in a process that has done nothing before: all that a user waits for once the libraries are imported.

Every round of every contestant is a new process with an empty home folder, so that no machine code that an earlier run
has kept there is found. The files of the libraries are in the system's cache after a first round, which is not counted.
"""

import site
import tempfile
import time
from collections.abc import Sequence

import numpy as np

from benchmarks.formatting import Table, duration
from benchmarks.interleaved import Contestants, Timings, in_turn
from benchmarks.peers import Peer, in_order
from benchmarks.processes import Failed, Process
from benchmarks.workloads import DESCRIPTIONS, Workload

LEARNED = 0.99
"""The share of the digits that every contestant has right after its epochs; below it, it has not done the work."""


def measure(contestants: Contestants, work: Workload, peers: list[Peer], rounds: int) -> Timings:
    """Return the seconds of `rounds` fresh processes for each of `peers`, in turns; one that fails is left out."""
    if contestants.time_is_up:
        return Timings(work, {}, [f"{work.name} is left out: the time was up."])
    _ = work.examples  # made here and sent along, so that no contestant imports what makes them
    measured: dict[str, list[float]] = {peer.name: [] for peer in peers}
    notes: list[str] = []
    for turn in range(rounds + 1):
        for peer in in_turn([peer for peer in peers if peer.name in measured], turn):
            try:
                seconds = in_a_new_process(peer, work)
            except Failed as failure:
                del measured[peer.name]
                notes.append(f"{peer.name} is left out of {work.name}: {failure}")
            else:
                measured[peer.name] += [seconds] if turn > 0 else []
    return Timings(work, measured, notes)


def in_a_new_process(peer: Peer, work: Workload) -> float:
    """Return the seconds of the work, with an empty folder for whatever libraries keep between runs."""
    with tempfile.TemporaryDirectory() as home:
        folders = dict.fromkeys(("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CACHE_HOME"), home)
        user_base = site.getuserbase() or ""  # packages installed for the user stay where they are
        with Process(PYTHONUSERBASE=user_base, **folders) as process:
            return process.ask(seconds_of, peer, work)


def seconds_of(peer: Peer, work: Workload) -> float:
    """Return how long a contestant trains, from the call to the return, in the process that this runs in."""
    contestant = peer.open(work)
    began = time.perf_counter()
    contestant.train(work.epochs)
    seconds = time.perf_counter() - began
    if work.kind == "fit":
        X, y = work.examples
        right = float(np.mean(contestant.predict(X).argmax(axis=1) == y))
        if right < LEARNED:
            raise ValueError(f"has {right:.0%} of the digits right after {work.epochs} epochs")
    return seconds


def table(results: Sequence[Timings]) -> Table:
    """Return the medians, a row a workload."""
    names = in_order(name for timings in results for name in timings.seconds)
    made = Table("In a fresh process, nothing kept from earlier runs", ["work", *names])
    for timings in results:
        seconds = timings.medians()
        if seconds:
            cells = [duration(seconds[name]) if name in seconds else "" for name in names]
            made.rows.append([DESCRIPTIONS[timings.workload.name], *cells])
        made.notes += timings.notes
    made.notes.append(
        "From the call to the return, with all compiling, after the import and the making of the network; the first "
        'step is an epoch of two batches (XOR: one). "All parts" are batch and layer norm, silu, mish, dropout, AdamW, '
        "a cosine schedule with warmup, and clipping."
    )
    return made
