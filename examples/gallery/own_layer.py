r"""
A layer of your own
===================

A layer is a forward pass, and a backward pass that carries the slopes of the loss from
its outputs to its parameters and its inputs. This one has *radial* units: each has a
centre among the inputs, and the nearer an example is to the centre, the larger is its
output. The backward pass is derived below, line by line, and held against differences.
Then the layer is trained, its centres are drawn, and the network is saved and loaded.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import plainnet as pn
from plainnet.plots.drawing import DARK

# %%
# **Forward.** Unit k has the centre :math:`c_k`, a row of the array ``centres``. For
# example i its output is :math:`a_{ik} = e^{-s \, |x_i - c_k|^2}`, with a fixed
# sharpness s. It is 1 at the centre and falls to 0 in all directions.
#
# **Backward.** ``gradient`` comes in: :math:`g_{ik} = \partial J / \partial a_{ik}`,
# the slope of the loss by each output. By the chain rule it is multiplied by the slope
# of the output. That of the exponential is the exponential itself, and that of
# :math:`-s \, |x_i - c_k|^2` by the centre is :math:`2 s \, (x_i - c_k)`:
#
# .. math::
#
#    \frac{\partial J}{\partial c_k} = \sum_i g_{ik} \, a_{ik} \, 2 s \, (x_i - c_k)
#
# .. math::
#
#    \frac{\partial J}{\partial x_i} = - \sum_k g_{ik} \, a_{ik} \, 2 s \, (x_i - c_k)
#
# A centre belongs to all examples, so its slope is a sum over i. An input goes to all
# units, so its slope is a sum over k. It has the opposite sign: to move the input to
# the right is as good as to move the centre to the left.


class Radial(pn.Layer):
    """outputs_ik = e^(-sharpness |inputs_i - centres_k|²)."""

    def __init__(self, units, sharpness=4.0):
        self.units, self.sharpness = units, sharpness

    def parameter_shapes(self, input_shape):
        return {"centres": (self.units, *input_shape)}

    def output_shape(self, input_shape):
        return (self.units,)

    def initialize(self, random):
        self.centres = random.uniform(-1, 1, self.centres.shape)

    def forward(self, inputs, training=None):
        # (examples, 1, features) - (units, features) -> (examples, units, features)
        apart = inputs[:, np.newaxis, :] - self.centres
        outputs = np.exp(-self.sharpness * (apart**2).sum(axis=2))

        def backward(gradient, gradients):
            # g · a · 2s, with one more axis; times x - c it is the term of both sums
            factor = (gradient * outputs * 2 * self.sharpness)[:, :, np.newaxis]
            gradients["centres"][...] = (factor * apart).sum(axis=0)
            return -(factor * apart).sum(axis=1)

        return outputs, backward


# %%
# The check moves every number of ``centres`` a little both ways and looks whether the
# loss changes as the derivation says. So that the slope by the *inputs* is checked as
# well, a dense layer stands before this one: its own slopes come through it. All sizes
# differ (7 examples, 2 inputs, 3 and 5 units, 2 classes), so that a mistaken axis
# fails.

X, y = pn.datasets.spirals(400, noise=0.05, seed=1)
small = pn.Network(pn.Dense(3), Radial(5), pn.Dense(2, "softmax"), input_size=2, seed=1)
print(pn.check_gradients(small, X[:7], y[:7], loss="cross_entropy"))

# %%
# The layer is used like any other one. Its twelve centres (white) begin anywhere in the
# square. The training moves them (dotted) to places from which the two arms of the
# spiral can be told apart.

layer = Radial(12, sharpness=8.0)
net = pn.Network(layer, pn.Dense(2, "softmax"), input_size=2, seed=1)
began = layer.centres.copy()
net.fit(X, y, loss="cross_entropy", optimizer=pn.Adam(0.02), epochs=300)
measured = net.evaluate(X, y, loss="cross_entropy", metrics=["accuracy"])
print(f"accuracy on these examples: {measured['accuracy']:.2f}")

fig, axes = plt.subplots(figsize=(5.5, 4.8), layout="constrained")
pn.plots.decision_boundary(net, X, y, axes=axes)
frame = {"xlim": axes.get_xlim(), "ylim": axes.get_ylim()}
ways = np.stack([began, layer.centres])  # (begin and end, centres, inputs)
axes.plot(ways[..., 0], ways[..., 1], ":", color=DARK, linewidth=1.5)
axes.plot(*layer.centres.T, "o", color="white", markeredgecolor=DARK, markersize=9)
axes.set(aspect="equal", **frame)
fig.suptitle("The classes, and the ways of the centres")
plt.show()

# %%
# A file holds the description of the network and its numbers, and no code. So the class
# is given when it is loaded.

with tempfile.TemporaryDirectory() as folder:
    net.save(Path(folder) / "radial.npz")
    again = pn.load(Path(folder) / "radial.npz", custom=[Radial])
print(again.layers[0].units, again.layers[0].sharpness)
print(np.array_equal(again.predict(X), net.predict(X)))
