"""
An interrupted run goes on
==========================

A long training ends early: the power fails, or a computer's queue kills the process.
With ``checkpoint=`` the state of the run is in a file, and with ``resume=True`` the
same program, started again, goes on from there. Here a process is really killed. In the
end the network is the same as without the interruption, in every bit.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import plainnet as pn
from plainnet.plots.drawing import BLUE, GRAY, VERMILION

# %%
# The program, which another process runs below. Whether it begins or goes on, it is the
# same program. The run is not easy to continue: the order of the examples and the units
# that Dropout leaves out are random, and the learning rate depends on the epoch. The
# NumPy engine takes some tenths of a second for it, which leaves time to interrupt it.

PROGRAM = """
import sys
import plainnet as pn

X, y = pn.datasets.moons(400, noise=0.2, seed=1)
hidden = pn.Dense(32, "tanh")
net = pn.Network(hidden, pn.Dropout(0.1), pn.Dense(2, "softmax"), seed=1)
run = net.training(
    X, y, loss="cross_entropy", optimizer=pn.Adam(pn.schedules.Cosine(0.02)),
    epochs=250, engine="numpy",
    checkpoint=sys.argv[1], checkpoint_every=40, resume=True,
)
for report in run:
    print(report.epoch, report.loss, flush=True)
"""

# %%
# It is started and read line by line. At epoch 100 it is killed, without any warning:
# on Linux that is the signal SIGKILL, which no program can catch.

folder = tempfile.TemporaryDirectory()
checkpoint = Path(folder.name) / "run.npz"


def start(checkpoint):
    """Start the program, and return its process."""
    command = [sys.executable, "-c", PROGRAM, str(checkpoint)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def epochs_of(lines):
    """The epochs and losses that the program has printed."""
    return np.array([line.split() for line in lines], dtype=float)


process = start(checkpoint)
lines = []
for line in process.stdout:
    lines.append(line)
    if line.startswith("100 "):
        break
process.kill()
process.communicate()
first = epochs_of(lines)
print(f"read up to epoch {first[-1, 0]:.0f}")
print(f"in the file: epoch {pn.load(checkpoint).history.epoch[-1]}")

# %%
# What came after the last checkpoint is lost, and is trained again: the second process
# goes on at the epoch after that of the file. A third process runs the same program
# from the beginning to the end, with a file of its own.

other = checkpoint.with_name("whole.npz")
processes = start(checkpoint), start(other)  # side by side
second, whole = (epochs_of(each.communicate()[0].splitlines()) for each in processes)
print(f"the second process began at epoch {second[0, 0]:.0f}")

resumed, uninterrupted = pn.load(checkpoint), pn.load(other)
print("same losses:", np.array_equal(second, whole[-len(second) :]))
print("same bits:", np.array_equal(resumed.parameters, uninterrupted.parameters))
folder.cleanup()

# %%
# The losses of the three processes. The wide gray line is the run without interruption;
# the two others lie on it everywhere. They overlap where epochs were trained again.

fig, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
axes.plot(*whole.T, color=GRAY, linewidth=7, alpha=0.4, label="uninterrupted")
axes.plot(*first.T, color=BLUE, label="killed")
axes.plot(*second.T, "--", color=VERMILION, label="resumed")
axes.axvline(first[-1, 0], color=BLUE, linestyle=":", linewidth=1)
axes.set(xlabel="epoch", ylabel="loss", xlim=(0, 250), title="The three processes")
axes.legend(frameon=False)
plt.show()
