"""Proof by killing: training processes end by SIGKILL at any moment, resume, and end with the uninterrupted bits."""

import random
import signal
import subprocess
import sys

import pytest

import plainnet as pn

TRAIN = """
import os, signal, sys, warnings
import plainnet as pn

moment, count = sys.argv[1], int(sys.argv[2])

def counting(frame, event, argument):
    global count
    count -= 1
    if count == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def killing_at(function):
    def killed(*arguments, **keywords):
        global count
        count -= 1
        if count == 0 and moment.startswith("before"):
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **keywords)
        if count == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return killed

if "fsync" in moment:
    os.fsync = killing_at(os.fsync)       # the file's contents, then the folder
if "rename" in moment:
    os.replace = killing_at(os.replace)
if "write" in moment:
    import numpy.lib.format as format
    format.write_array = killing_at(format.write_array)  # between two arrays of the file

warnings.simplefilter("ignore")
X, y = pn.datasets.moons(200, noise=0.2, seed=1)
layers = pn.Dense(16, "tanh"), pn.BatchNorm(), pn.Dropout(0.2), pn.Dense(2, "softmax")
net = pn.Network(*layers, input_size=2, seed=3)
every = int(sys.argv[3]) if sys.argv[3].isdecimal() else sys.argv[3]
optimizer = pn.Adam(pn.schedules.Cosine(0.01))
reports = net.training(
    X, y, loss="cross_entropy", optimizer=optimizer, epochs=150, batch_size=16, validation=0.2, early_stopping=100,
    checkpoint="run.npz", checkpoint_every=every, resume=True, engine=sys.argv[4], threads=int(sys.argv[5]) or None,
)
for report in reports:
    if moment.startswith("after epoch") and report.epoch >= int(moment.split()[-1]):
        sys.setprofile(counting)                 # every function, Python's and C's, that is called or left from now on
net.save("final.npz")
"""


def start(folder, moment="never", count=0, every="0.01s", engine="numpy", threads=0):
    command = [sys.executable, "-c", TRAIN, moment, str(count), every, engine, str(threads)]
    return subprocess.Popen(command, cwd=folder)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The final network of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert start(folder).wait(60) == 0
    return pn.load(folder / "final.npz")


def kill_and_resume(folder, kills, draw):
    """Kill a run `kills` times, after a drawn epoch at a drawn call of a function, then let it end."""
    came = 0
    while came < kills:
        process = start(folder, f"after epoch {draw.randint(0, 140)}", draw.randint(1, 5000))
        came += process.wait(60) == -signal.SIGKILL
        if (folder / "final.npz").exists():  # it was faster: begin anew
            for file in [folder / "final.npz", *folder.glob("*run.npz*")]:
                file.unlink()
    assert start(folder).wait(60) == 0


def check(folder, uninterrupted):
    final = pn.load(folder / "final.npz")
    assert final.parameters.tobytes() == uninterrupted.parameters.tobytes()
    assert final.statistics.tobytes() == uninterrupted.statistics.tobytes()
    assert final.history.loss == uninterrupted.history.loss
    assert not list(folder.glob(".run.npz.*")), "leftovers of killed processes"


def test_killed_at_random_moments(tmp_path, uninterrupted):
    """36 kills; with those inside the write below, 57."""
    kill_runs(tmp_path, uninterrupted, runs=9, kills=4)


def kill_runs(folder, uninterrupted, runs, kills):
    draw = random.Random(0)
    for i in range(runs):
        (folder / str(i)).mkdir()
        kill_and_resume(folder / str(i), kills, draw)
        check(folder / str(i), uninterrupted)


INSIDE = [
    *[("before fsync", n) for n in (1, 2, 3, 4, 9)],
    *[("after fsync", n) for n in (1, 2, 5)],
    *[("before rename", n) for n in (1, 2, 3)],
    *[("after rename", n) for n in (1, 2, 3)],
    *[("after write", n) for n in (1, 2, 4, 5, 9, 12, 20)],
]


def test_killed_inside_the_write(tmp_path, uninterrupted):
    """Between two arrays, before and after the flush of the file, the rename, and the flush of the folder."""
    for moment, count in INSIDE:
        process = start(tmp_path, moment, count, every="1")
        assert process.wait(60) == -signal.SIGKILL, (moment, count)
        if (tmp_path / "run.npz").exists():
            pn.load(tmp_path / "run.npz")  # whole at every moment
    assert start(tmp_path, every="1").wait(60) == 0
    check(tmp_path, uninterrupted)


@pytest.mark.needs("fast")
@pytest.mark.parametrize("threads", [1, 2])
def test_the_compiled_engine_killed_within_epochs(tmp_path, threads):
    """After every step a checkpoint: what is killed there goes on in the middle of an epoch."""
    options = {"every": "1e-9s", "engine": "compiled", "threads": threads}
    for folder in ("undisturbed", "killed"):
        (tmp_path / folder).mkdir()
    undisturbed = start(tmp_path / "undisturbed", **{**options, "every": "1000s"})
    assert undisturbed.wait(60) == 0
    for moment, count in (("before rename", 8), ("after rename", 13), ("after write", 100)):
        assert start(tmp_path / "killed", moment, count, **options).wait(60) == -signal.SIGKILL, (moment, count)
    assert start(tmp_path / "killed", **{**options, "every": "1000s"}).wait(60) == 0
    check(tmp_path / "killed", pn.load(tmp_path / "undisturbed" / "final.npz"))


@pytest.mark.slow
def test_killed_at_random_moments_many_times(tmp_path, uninterrupted):
    """300 kills."""
    kill_runs(tmp_path, uninterrupted, runs=60, kills=5)
