"""Proof by killing: training processes end by SIGKILL at any moment, resume, and end with the uninterrupted bits."""

import json
import random
import signal
import subprocess
import sys

import pytest

import plainnet as pn

RUNS = """
import json, os, signal, sys, traceback, warnings
import plainnet as pn

def train(moment, count, every, engine, threads):
    def counting(*anything):
        nonlocal count
        count -= 1
        if count == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def killing_at(function):
        def killed(*arguments, **keywords):
            if moment.startswith("before"):
                counting()
            result = function(*arguments, **keywords)
            if not moment.startswith("before"):
                counting()
            return result
        return killed

    if "fsync" in moment:
        os.fsync = killing_at(os.fsync)       # the file's contents, then the folder
    if "rename" in moment:
        os.replace = killing_at(os.replace)
    if "write" in moment:
        import numpy.lib.format as format
        format.write_array = killing_at(format.write_array)  # between two arrays of the file

    X, y = pn.datasets.moons(200, noise=0.2, seed=1)
    layers = pn.Dense(16, "tanh"), pn.BatchNorm(), pn.Dropout(0.2), pn.Dense(2, "softmax")
    net = pn.Network(*layers, input_size=2, seed=3)
    reports = net.training(
        X, y, loss="cross_entropy", optimizer=pn.Adam(pn.schedules.Cosine(0.01)), epochs=150, batch_size=16,
        validation=0.2, early_stopping=100, engine=engine, threads=threads,
        checkpoint="run.npz", checkpoint_every=every, resume=True,
    )
    for report in reports:
        if moment.startswith("after epoch") and report.epoch >= int(moment.split()[-1]):
            sys.setprofile(counting)             # every function, Python's and C's, that is called or left from now on
    net.save("final.npz")

warnings.simplefilter("ignore")
for line in sys.stdin:
    folder, *arguments = json.loads(line)
    process = os.fork()
    if process == 0:
        signal.alarm(60)  # one that hangs ends
        os.chdir(folder)
        try:
            train(*arguments)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""
"""Starts each run as a process of its own, which need not import everything again."""


@pytest.fixture(scope="module")
def start():
    """A function that trains in a process and returns the status with which that ended."""
    with subprocess.Popen(
        [sys.executable, "-c", RUNS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as runs:

        def start(folder, moment="never", count=0, every="0.01s", engine="numpy", threads=None):
            runs.stdin.write(json.dumps([str(folder), moment, count, every, engine, threads]) + "\n")
            runs.stdin.flush()
            return int(runs.stdout.readline())

        yield start


@pytest.fixture(scope="module")
def uninterrupted(start, tmp_path_factory):
    """The final network of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert start(folder) == 0
    return pn.load(folder / "final.npz")


def kill_and_resume(start, folder, kills, draw):
    """Kill a run `kills` times, after a drawn epoch at a drawn call of a function, then let it end."""
    came = 0
    while came < kills:
        came += start(folder, f"after epoch {draw.randint(0, 140)}", draw.randint(1, 5000)) == -signal.SIGKILL
        if (folder / "final.npz").exists():  # it was faster: begin anew
            for file in [folder / "final.npz", *folder.glob("*run.npz*")]:
                file.unlink()
    assert start(folder) == 0


def check(folder, uninterrupted):
    final = pn.load(folder / "final.npz")
    assert final.parameters.tobytes() == uninterrupted.parameters.tobytes()
    assert final.statistics.tobytes() == uninterrupted.statistics.tobytes()
    assert final.history.loss == uninterrupted.history.loss
    assert not list(folder.glob(".run.npz.*")), "leftovers of killed processes"


def test_killed_at_random_moments(start, tmp_path, uninterrupted):
    """36 kills; with those inside the write below, 57."""
    kill_runs(start, tmp_path, uninterrupted, runs=9, kills=4)


def kill_runs(start, folder, uninterrupted, runs, kills):
    draw = random.Random(0)
    for i in range(runs):
        (folder / str(i)).mkdir()
        kill_and_resume(start, folder / str(i), kills, draw)
        check(folder / str(i), uninterrupted)


INSIDE = [
    *[("before fsync", n) for n in (1, 2, 3, 4, 9)],
    *[("after fsync", n) for n in (1, 2, 5)],
    *[("before rename", n) for n in (1, 2, 3)],
    *[("after rename", n) for n in (1, 2, 3)],
    *[("after write", n) for n in (1, 2, 4, 5, 9, 12, 20)],
]


def test_killed_inside_the_write(start, tmp_path, uninterrupted):
    """Between two arrays, before and after the flush of the file, the rename, and the flush of the folder."""
    for moment, count in INSIDE:
        assert start(tmp_path, moment, count, every=1) == -signal.SIGKILL, (moment, count)
        if (tmp_path / "run.npz").exists():
            pn.load(tmp_path / "run.npz")  # whole at every moment
    assert start(tmp_path, every=1) == 0
    check(tmp_path, uninterrupted)


@pytest.mark.needs("fast")
@pytest.mark.parametrize("threads", [1, 2])
def test_the_compiled_engine_killed_within_epochs(start, tmp_path, threads):
    """After every step a checkpoint: what is killed there goes on in the middle of an epoch."""
    options = {"every": "1e-9s", "engine": "compiled", "threads": threads}
    for folder in ("undisturbed", "killed"):
        (tmp_path / folder).mkdir()
    assert start(tmp_path / "undisturbed", **{**options, "every": "1000s"}) == 0
    for moment, count in (("before rename", 8), ("after rename", 13), ("after write", 100)):
        assert start(tmp_path / "killed", moment, count, **options) == -signal.SIGKILL, (moment, count)
    assert start(tmp_path / "killed", **{**options, "every": "1000s"}) == 0
    check(tmp_path / "killed", pn.load(tmp_path / "undisturbed" / "final.npz"))


@pytest.mark.slow
def test_killed_at_random_moments_many_times(start, tmp_path, uninterrupted):
    """300 kills."""
    kill_runs(start, tmp_path, uninterrupted, runs=60, kills=5)
