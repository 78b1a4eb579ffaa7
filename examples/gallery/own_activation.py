r"""
An activation of your own
=========================

An activation is two formulas: its value and its slope. Here they are written in plain
NumPy for the *snake*, :math:`a = z + \sin^2 z` (Ziyin, Hartwig and Ueda 2020), which
plainnet does not have. The slope is checked against differences, the function is
compiled to machine code like a built-in one, and the network that uses it continues a
wave where a network of tanh units cannot.
"""

from importlib.util import find_spec

import matplotlib.pyplot as plt
import numpy as np

import plainnet as pn
from plainnet.plots.drawing import BLUE, GRAY, VERMILION

# %%
# The function takes the weighted sums z of a layer, an array of shape (examples,
# units). It returns two arrays of that shape: the values, and the slopes. The slope is
# derived by hand: the derivative of sin² z is 2 sin z cos z, which is sin 2z.


def snake(z):
    """a = z + sin² z."""
    return z + np.sin(z) ** 2, 1 + np.sin(2 * z)


z = np.linspace(-6, 6, 400)
value, slope = snake(z)
fig, axes = plt.subplots(figsize=(5.5, 3.4), layout="constrained")
axes.plot(z, value, color=BLUE, label="value a")
axes.plot(z, slope, "--", color=VERMILION, label="slope da/dz")
axes.set(xlabel="z, the weighted sum", xlim=(-6, 6), title="The snake")
axes.axhline(0, color=GRAY, linewidth=0.8)
axes.legend(frameon=False)
plt.show()

# %%
# The function stands where the name of an activation would stand.
# :func:`plainnet.check_gradients` moves every weight a little both ways and compares
# the change of the loss with the gradient that uses the slope. A wrong slope fails
# here.

random = np.random.default_rng(1)
X = random.uniform(-10, 10, (300, 1))
y = np.sin(X) + 0.1 * random.standard_normal(X.shape)

net = pn.Network(pn.Dense(16, snake), pn.Dense(1), input_size=1, seed=0)
print(pn.check_gradients(net, X, y, loss="mse"))

# %%
# plainnet reads the formula from the code. So the compiled engine (extra ``fast``:
# llvmlite) makes machine code of it. One step here takes all 300 examples forward and
# back. Compiled, there are several times as many steps in a second; how many depends on
# the processor. Where llvmlite is not installed, the NumPy engine is measured alone.

for engine in ["numpy", "compiled"][: 2 if find_spec("llvmlite") else 1]:
    options = {"batch_size": None, "report_every": 500, "engine": engine}
    history = net.copy().fit(X, y, loss="mse", epochs=3_000, **options)
    first, last = history.seconds[0], history.seconds[-1]
    print(f"{engine:>8}: {2_500 / (last - first):>8,.0f} steps per second")

# %%
# Two networks with 16 hidden units learn from the examples between -10 and 10. Both are
# close to the wave there. Beyond, tanh units become flat, and the network that is made
# of them does too. The snake repeats, and its network goes on with the wave.

networks = {"snake": net, "tanh": pn.Network(pn.Dense(16, "tanh"), pn.Dense(1), seed=0)}
x = np.linspace(-20, 20, 600)[:, np.newaxis]
fig, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
axes.plot(X, y, ".", color=GRAY, markersize=4, label="examples")
for (name, network), style in zip(networks.items(), ("-", "--"), strict=True):
    options = {"optimizer": pn.Adam(0.01), "epochs": 3_000, "batch_size": None}
    network.fit(X, y, loss="mse", **options)
    color = BLUE if name == "snake" else VERMILION
    axes.plot(x, network.predict(x), style, color=color, label=name)
    beyond = np.abs(x) > 10
    error = network.predict(x)[beyond] - np.sin(x[beyond])
    print(f"{name}: mean squared error beyond the examples {np.mean(error**2):.2f}")
axes.set(xlabel="x", ylim=(-3, 3), xlim=(-20, 20))
fig.suptitle("Inside and outside of the examples")
axes.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1))
plt.show()
