"""
Overfitting, and early stopping
===============================

Three networks of different sizes learn a sine from 25 noisy points. The loss on the
points that they learn from keeps falling. The loss on other points says when a network
begins to learn the noise; early stopping goes back to the epoch before that.
"""

import matplotlib.pyplot as plt
import numpy as np

import plainnet as pn
from plainnet.plots.drawing import CLASS_COLORS, DASHES, GRAY, legend_above

X, y = pn.datasets.sine(25, noise=0.3, seed=1)
validation = pn.datasets.sine(200, noise=0.3, seed=10)


def train(hidden, learning_rate, **options):
    """Return a network that has learned the points, from inputs made larger."""
    layers = [pn.Dense(units, "tanh") for units in hidden]
    net = pn.Network(*layers, pn.Dense(1, "identity"), input_size=1, seed=3)
    options |= {"loss": "mse", "optimizer": pn.Adam(learning_rate), "batch_size": None}
    x, t = validation
    net.fit(4 * X, y, validation=(4 * x, t), epochs=1500, report_every=5, **options)
    return net


# %%
# Three sizes
# -----------
# One unit is too few: both losses stay high. Two units are enough. With 100 and 100
# units the training loss falls towards 0, as if that were a success, while the
# validation loss, after its lowest point, rises to several times as much.
nets = {
    "1 unit": train([1], 0.02),
    "2 units": train([2], 0.02),
    "100 and 100 units": train([100, 100], 0.002),
}
fig, rows = plt.subplots(3, 1, figsize=(6, 8), layout="constrained")
fig.suptitle("Training and validation loss of three sizes")
for axes, (name, net) in zip(rows, nets.items(), strict=True):
    pn.plots.loss_curve(net.history, axes=axes)
    axes.set_title(name, loc="right", fontsize="medium")
plt.show()

# %%
# What they have learned
# ----------------------
# The large network goes through nearly every point, noise included, and is wrong
# between them.
x = np.linspace(-np.pi, np.pi, 400).reshape(-1, 1)


def draw(nets):
    """Draw the points, the sine without noise, and what each network predicts."""
    fig, axes = plt.subplots(figsize=(6, 4.5), layout="constrained")
    fig.suptitle("Noisy points of a sine, and what was learned")
    axes.plot(X, y, "o", color=GRAY, markersize=4)
    axes.plot(x, np.sin(x), color=GRAY, linestyle=":", label="sin x")
    for i, (name, net) in enumerate(nets.items()):
        style = {"color": CLASS_COLORS[i], "linestyle": DASHES[i], "label": name}
        axes.plot(x, net.predict(4 * x), **style)
    axes.set(xlabel="x", ylabel="y")
    legend_above(axes)
    plt.show()


# sphinx_gallery_thumbnail_number = 2
draw(nets)

# %%
# Early stopping
# --------------
# The same large network, stopped after 100 epochs without a lower validation loss, with
# the parameters of its best epoch: it is as good as two units, a size that nobody
# knows beforehand. These validation points chose the epoch, so a fair score of it needs
# other points.
stopped = train([100, 100], 0.002, early_stopping=100)
for name, net in (nets | {"stopped early": stopped}).items():
    measured = net.evaluate(4 * validation[0], validation[1], loss="mse")
    print(f"{name:18} validation loss {measured['loss']:.2f}")
draw({"stopped early": stopped})
