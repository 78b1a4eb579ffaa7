"""
A comparison that does not decide
=================================

Which network is better? One run of each is a race between two lucky starts.
:func:`plainnet.compare` trains both from the same seeds and on the same rows, 20 times.
It says which one is better, or that these runs do not decide.
"""

import textwrap

import matplotlib.pyplot as plt

import plainnet as pn

X, y = pn.datasets.moons(300, noise=0.25, seed=1)


def network(units, activation):
    """Return a network of two inputs with one hidden layer."""
    return pn.Network(pn.Dense(units, activation), pn.Dense(1, "sigmoid"), input_size=2)


options = {
    "seeds": 20,
    "loss": "binary_cross_entropy",
    "optimizer": pn.Adam(0.05),
    "epochs": 100,
    "report_every": 5,
    "validation": 0.3,
    "workers": 1,
}


def show(comparison):
    """Print what the runs decide and which network to take, and draw the runs."""
    (verdict,) = comparison.verdicts()
    print(f"{verdict.sentence}:\n    {verdict.numbers}\n")
    print(textwrap.fill(comparison.conclusion(), 72))
    fig, axes = plt.subplots(figsize=(6, 3), layout="constrained")
    fig.suptitle(f"20 runs of {' and of '.join(comparison.variants)}")
    comparison.draw_boxes(axes)
    plt.show()


# %%
# Ten units or twelve?
# --------------------
# Each point is a run, placed by its loss on the rows that its seed held out. One
# network has the better median, as one always has. But the interval of the difference,
# taken seed by seed, holds 0: these runs do not tell the two apart.
variants = {"10 units": network(10, "tanh"), "12 units": network(12, "tanh")}
comparison = pn.compare(variants, X, y, **options)
show(comparison)

# %%
# tanh or sigmoid?
# ----------------
# The boxes overlap here too, and yet the interval lies on one side of 0. Each seed
# holds out other rows, and rows that are hard for one network are hard for the other.
# The differences seed by seed leave that luck out.
variants = {"tanh": network(10, "tanh"), "sigmoid": network(10, "sigmoid")}
comparison = pn.compare(variants, X, y, **options)
show(comparison)

# %%
# The curves show why: after 100 epochs sigmoid is still learning. The verdict is one on
# 100 epochs at this learning rate, not on sigmoid.
fig, axes = plt.subplots(figsize=(6, 4.5), layout="constrained")
fig.suptitle("Validation loss of 20 runs each")
comparison.draw_curves(axes)
plt.show()
