"""
A thousand networks
===================

Does XOR need a lucky seed? One training cannot tell, and a thousand can:
:func:`plainnet.train_many` trains them together, in the lanes of the processor's vector
instructions. With two hidden units about one network in four does not learn XOR, and
nearly all of those end at one of two losses. With four hidden units almost all learn.
"""

import time
from importlib.util import find_spec

import matplotlib.pyplot as plt
import numpy as np

import plainnet as pn
from plainnet.plots.drawing import BLUE, GREEN, VERMILION

# %%
# Each network begins with other weights, drawn from its own seed, and takes 5,000
# steps. That makes five million steps for each number of units. Machine code (extra
# ``fast``: llvmlite) takes about a second for them. Where llvmlite is not installed,
# ten networks of each kind have to do, and all numbers are coarser.

X, y = pn.datasets.xor()
count = 1_000 if find_spec("llvmlite") else 10
options = {"loss": "mse", "optimizer": pn.SGD(1.0), "epochs": 5_000, "batch_size": None}


def xor_network(units, seed):
    hidden = pn.Dense(units, "sigmoid", initializer="normal")
    output = pn.Dense(1, "sigmoid", initializer="normal")
    return pn.Network(hidden, output, input_size=3, seed=seed, dtype="float64")


losses, networks = {}, {}
for units in (2, 3, 4):
    networks[units] = [xor_network(units, seed) for seed in range(count)]
    began = time.perf_counter()
    histories = pn.train_many(networks[units], X, y, report_every=50, **options)
    seconds = time.perf_counter() - began
    # (networks, reports)
    losses[units] = np.array([history.loss for history in histories])
    learned = np.sum(losses[units][:, -1] < 0.01)
    print(f"{units} hidden units: {learned} of {count} learned, {seconds:.1f} s")

# %%
# The losses of the networks with two hidden units, a line for each. All stay near 1/4
# for a while: the answer 1/2 for every example has this loss. Most lines then fall. The
# others come to two heights, and some leave the upper one again. At 1/8 two answers are
# right and two are 1/2: (0² + 0² + (1/2)² + (1/2)²) / 4 = 1/8. At 1/6 one answer is
# right, and the other three are the mean of their targets, 1/3 or 2/3.

epochs = histories[0].epoch
two = losses[2]
stuck = two[:, -1] >= 0.01
fig, axes = plt.subplots(figsize=(5.5, 4), layout="constrained")
axes.plot(epochs, two[~stuck].T, color=BLUE, linewidth=0.5, alpha=0.15)
axes.plot(epochs, two[stuck].T, color=VERMILION, linewidth=0.5, alpha=0.4)
for height, name in ((1 / 8, "1/8"), (1 / 6, "1/6"), (1 / 4, "1/4")):
    axes.text(1.01 * epochs[-1], height, name, va="center")
axes.set(xlabel="epoch", ylabel="loss", xlim=(0, epochs[-1]), ylim=(0, 0.3))
axes.set_title(f"Learned: {np.sum(~stuck)} (blue), not: {np.sum(stuck)} (vermilion)")
plt.show()

# %%
# The first seeds that did not learn, with their answers. XOR's are 1, 1, 0, 0.

for seed in np.flatnonzero(stuck)[:6]:
    answers = networks[2][seed].predict(X).ravel()
    print(f"seed {seed:>3}: loss {two[seed, -1]:.3f}, answers {answers.round(1)}")

# %%
# How many have learned by which epoch. One unit more than needed already makes luck
# matter much less: when one unit does not help, another one may.

fig, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
for units, color, style in ((4, GREEN, "-."), (3, VERMILION, "--"), (2, BLUE, "-")):
    share = np.mean(losses[units] < 0.01, axis=0)
    axes.plot(epochs, share, style, color=color, label=f"{units} hidden units")
axes.set(xlabel="epoch", ylabel="share", title="The share that has learned")
axes.set(xlim=(0, epochs[-1]), ylim=(0, 1.02))
axes.legend(frameon=False, loc="lower right")
plt.show()
