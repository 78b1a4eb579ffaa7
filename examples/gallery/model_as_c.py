"""
A model as a C program
======================

A trained network becomes one file of C that needs ``math.h`` and nothing else, for a
microcontroller or a program in another language. Here the C compiler of this machine
makes a program of the file, and the program colours a map of the plane. It is the map
of the network in Python, to rounding. Without a compiler the map of the C program is
left out.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import plainnet as pn
from plainnet.plots.drawing import CLASS_COLORS, diverging

X, y = pn.datasets.moons(300, noise=0.15, seed=1)
net = pn.Network(pn.Dense(12, "tanh"), pn.Dense(1, "sigmoid"), input_size=2, seed=1)
net.fit(X, y, loss="binary_cross_entropy", optimizer=pn.Adam(0.02), epochs=300)

# %%
# The file begins with the numbers of the network. The function that predicts is this:
# two loops for each layer. Nothing is allocated, and nothing is kept between two calls.

folder = tempfile.TemporaryDirectory()
source = Path(folder.name) / "moons.c"
net.export(source)
text = source.read_text(encoding="utf-8")
start = text.index("void moons_predict(const float *inputs, float *outputs)\n{")
print(text[start : text.index("\n}\n", start) + 2])

# %%
# With ``-DMOONS_MAIN`` the file is a program itself: it reads rows of numbers and
# prints what it predicts. So it needs no other file to be tried. ``compiled`` stays
# None where none of the usual names of a C compiler is found.

compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
compiled = None
if compiler:
    compiled = Path(folder.name) / "moons"
    options = ["-std=c99", "-O2", "-DMOONS_MAIN", "-o", compiled]
    subprocess.run([compiler, *options, source, "-lm"], check=True)
    print(f"{source.stat().st_size / 1024:.0f} KB of C became a program")
else:
    print("There is no C compiler here: the map below is drawn by plainnet alone.")


def run(rows):
    """The predictions of the C program for rows (examples, 2)."""
    lines = "\n".join(",".join(f"{number:.9g}" for number in row) for row in rows)
    answer = subprocess.check_output([compiled], input=lines, text=True)
    return np.array(answer.split(), dtype="float32").reshape(len(rows), -1)


# %%
# 100 times 70 places of the plane go in as text, and a probability comes back for each.
# It is that of the network in Python but for the rounding of float32 numbers, whose
# sums the two take in another order.

across, up = np.linspace(-1.6, 2.6, 100), np.linspace(-1.2, 1.7, 70)
places = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
maps = {"plainnet": net.predict(places)}
if compiled:
    maps["the C program"] = run(places)
    difference = np.abs(maps["the C program"] - maps["plainnet"]).max()
    print(f"largest difference below 0.00001: {difference < 1e-5}")
folder.cleanup()

size = {"figsize": (5.5, 3.7 * len(maps)), "layout": "constrained"}
fig, all_axes = plt.subplots(len(maps), sharex=True, squeeze=False, **size)
colors = {"cmap": diverging().reversed(), "vmin": 0, "vmax": 1, "alpha": 0.6}
for axes, (name, probabilities) in zip(all_axes[:, 0], maps.items(), strict=True):
    axes.pcolormesh(across, up, probabilities.reshape(len(up), len(across)), **colors)
    for label, marker in enumerate("o^"):
        style = {"color": CLASS_COLORS[label], "markeredgecolor": "white"}
        axes.plot(*X[y == label].T, marker, markersize=6, **style)
    axes.set(title=name, aspect="equal")
plt.show()
