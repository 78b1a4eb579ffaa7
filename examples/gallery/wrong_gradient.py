"""
A wrong gradient
================

A program with a mistake in its backward pass often learns all the same, only slower or
not always, so nobody looks for the mistake. Here is such a program, written out in
NumPy. Each of its slopes is held against a measured one: rise over run. Then
:func:`plainnet.gradients.check_by_hand` says which mistakes explain the difference.
"""

import matplotlib.pyplot as plt
import numpy as np

import plainnet as pn
from plainnet.plots.drawing import CLASS_COLORS, GRAY, MARKERS

# %%
# The program: a network with 3 inputs, 5 hidden units and 1 output, for 7 examples,
# with the loss J, the mean of (ŷ - y)². It looks as many programs do. Can you see what
# is wrong in it?


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(X, W, b, V, c):
    H = sigmoid(X @ W + b)
    return H, sigmoid(H @ V + c)


def backward(X, y, W, b, V, c):
    """The slopes of J by W, b, V and c."""
    H, output = forward(X, W, b, V, c)
    delta = 2 * (output - y) * output * (1 - output)  # (7, 1)
    epsilon = delta @ V.T * sigmoid(H) * (1 - sigmoid(H))  # (7, 5)
    return X.T @ epsilon, epsilon.sum(axis=0), H.T @ delta, delta.mean(axis=0)


# %%
# It trains, and its loss falls: from this alone one would not look any further.

random = np.random.default_rng(1)
X = random.uniform(-1, 1, (7, 3))
y = (X[:, :1] * X[:, 1:2] > 0).astype(float)
start = [random.normal(size=shape) for shape in ((3, 5), 5, (5, 1), 1)]
weights = [array.copy() for array in start]
for step in range(3001):
    if step % 1000 == 0:
        loss = np.mean((forward(X, *weights)[1] - y) ** 2)
        print(f"step {step:>5,}: loss {loss:.3f}")
    for array, slope in zip(weights, backward(X, y, *weights), strict=True):
        array -= 0.1 * slope

# %%
# The same network in plainnet gets the same weights. ``check_by_hand`` measures the
# slope of each: it moves the weight a little both ways and divides the change of the
# loss by the way. That needs no derivation, so it cannot share a mistake with one. All
# sizes differ, so that a factor says where it comes from.

layers = pn.Dense(5, "sigmoid"), pn.Dense(1, "sigmoid")
net = pn.Network(*layers, input_size=3, dtype="float64")
net.parameters = np.concatenate([array.ravel() for array in start])
written = pn.gradients.check_by_hand(net, X, y, backward(X, y, *start), loss="mse")
print(written)

# %%
# Two mistakes are named. ``delta`` lacks the 1/n of the mean: with 7 examples its
# slopes are 7 times too long. And the slope of the hidden sigmoid is taken of the
# activation, σ'(h), where σ'(z) = h (1 - h) is meant. The slope of c is right, because
# the mean in its place undoes the first mistake. Mended, every slope agrees with the
# measured one.


def mended(X, y, W, b, V, c):
    H, output = forward(X, W, b, V, c)
    delta = 2 / len(X) * (output - y) * output * (1 - output)
    epsilon = delta @ V.T * H * (1 - H)
    return X.T @ epsilon, epsilon.sum(axis=0), H.T @ delta, delta.sum(axis=0)


right = pn.gradients.check_by_hand(net, X, y, mended(X, y, *start), loss="mse")
print(right)

# %%
# In a picture, on logarithmic axes and without signs: a slope that is right lies on the
# diagonal, and a factor lifts it. Above, V lies on a line of its own, since one factor
# is in all its slopes. W and b lie on no line, since each of their slopes is wrong by
# another factor. So a picture tells much about a mistake that has no name yet.

size = {"figsize": (5.5, 7), "layout": "constrained"}
fig, both = plt.subplots(2, sharex=True, sharey=True, **size)
for axes, report in zip(both, (written, right), strict=True):
    for i, array in enumerate(report.arrays):
        style = {"color": CLASS_COLORS[i], "label": "WbVc"[i]}
        measured, claimed = np.abs(array.numerical), np.abs(array.gradient)
        axes.loglog(measured.ravel(), claimed.ravel(), MARKERS[i], **style)
    axes.axline((1e-3, 1e-3), (1e-2, 1e-2), color=GRAY, linewidth=1, zorder=0)
    axes.set(title="as written" if report is written else "mended")
    axes.set(xlabel="measured slope", ylabel="slope of the program")
    axes.label_outer()
fig.legend(*axes.get_legend_handles_labels(), loc="outside right center", frameon=False)
plt.show()
