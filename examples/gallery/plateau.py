"""
The valley of a plateau
=======================

Sometimes a training seems to have ended, and the answers are wrong: two of XOR's four
answers are right, and two are 1/2. The loss hardly falls for thousands of epochs. Is
that a hole without a way out, or flat land? Here are two such runs. The pictures show
the loss around their paths, and what the gradient does on the way.
"""

import matplotlib.pyplot as plt

import plainnet as pn
from plainnet.plots.drawing import BLUE, VERMILION

# %%
# Both networks have four hidden units, and begin with weights of the standard normal
# distribution. Only the seed differs. A path is the parameters, every 50 epochs.

X, y = pn.datasets.xor()


def trained(seed, penalty=0.0):
    """Return the network of a seed after 20,000 epochs, and its path."""
    style = {"initializer": "normal", "l2": penalty}
    layers = [pn.Dense(units, "sigmoid", **style) for units in (4, 1)]
    net = pn.Network(*layers, input_size=3, seed=seed, dtype="float64")
    path = [net.parameters.copy()]
    options = {"epochs": 20_000, "batch_size": None, "report_every": 50}
    run = net.training(X, y, loss="mse", optimizer=pn.SGD(1.0), **options)
    path.extend(net.parameters.copy() for _ in run)
    return net, path


runs = {seed: trained(seed) for seed in (437, 505)}

# %%
# After 10,000 epochs the two look alike. The rows below are the examples, with their
# four hidden activations. Two rows with different targets are nearly equal: the output
# unit cannot tell these examples apart. The best that it can do is to answer 1/2 to
# both.

for seed, (net, path) in runs.items():
    halfway = net.copy()
    halfway.parameters = path[200]
    print(f"seed {seed} after 10,000 epochs")
    hidden, _ = halfway.layers[0].forward(X)
    for i, answer in enumerate(halfway.predict(X)[:, 0]):
        print(f"    x = {X[i, :2]}, y = {y[i]}:  hidden {hidden[i].round(1)}, ", end="")
        print(f"answer {answer:.2f}")

# %%
# The gradient is short there: a step of the descent changes next to nothing. One of the
# runs stays on its plateau. The other one comes to the edge after about 19,000 epochs.
# Its gradient becomes a hundred times as long, and the loss falls.

size = {"figsize": (5.5, 6), "layout": "constrained"}
fig, (above, below) = plt.subplots(2, sharex=True, **size)
for (seed, (net, _)), style in zip(runs.items(), ("-", "--"), strict=True):
    look = {"color": BLUE if seed == 437 else VERMILION, "label": f"seed {seed}"}
    above.plot(net.history.epoch, net.history.loss, style, **look)
    below.semilogy(net.history.epoch, net.history.gradient_norm, style, **look)
above.set(
    title="Two runs that wait",
    ylabel="loss",
    ylim=(0, None),
    xticks=(0, 10_000, 20_000),
)
below.set(xlabel="epoch", ylabel="length of the gradient")
above.legend(frameon=False, loc="lower left")
plt.show()

# %%
# :func:`plainnet.plots.loss_surface` draws the loss around a path, in the two
# directions in which it moves most. Seed 505 goes over nearly flat land, slowly down,
# and turns into the deep valley. A hole has walls on all sides. This plateau has a way
# out, and the gradient finds it, but it needs time.

fig, axes = plt.subplots(figsize=(5.5, 4.6), layout="constrained")
net, path = runs[505]
pn.plots.loss_surface(net, X, y, loss="mse", path=path, axes=axes)
fig.suptitle("The loss around the path of seed 505")
plt.show()

# %%
# Around the path of seed 437 there is no hole either. The land falls in the direction
# of the path, ever more gently, as the weights grow and the hidden units come to the
# flat ends of their sigmoids. Longer steps only take it further out.

fig, axes = plt.subplots(figsize=(5.5, 4.6), layout="constrained")
net, path = runs[437]
pn.plots.loss_surface(net, X, y, loss="mse", path=path, axes=axes)
fig.suptitle("The loss around the path of seed 437")
plt.show()

# %%
# A small penalty on the squares of the weights keeps the units away from their flat
# ends. With it both seeds have left the plateau after 20,000 epochs. The usual way out
# is another seed: :ref:`sphx_glr_gallery_thousand_networks.py` shows that more than 99
# in a hundred learn.

for seed in runs:
    net, _ = trained(seed, penalty=1e-4)
    print(f"seed {seed} with a penalty: answers {net.predict(X).ravel().round(1)}")
