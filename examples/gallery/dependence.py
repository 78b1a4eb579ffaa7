"""
Partial dependence, and the rows' own curves
============================================

How does a prediction change with one input? Partial dependence sets the input to a
value in all rows and averages the predictions. The average can hide that the input
does opposite things to different rows; the rows' own curves show it.
"""

import matplotlib.pyplot as plt
import numpy as np

import plainnet as pn
from plainnet.plots.drawing import diverging, legend_above, plain_numbers

# %%
# A generated table: how much plants grow with light, water and warmth, each from -1
# (little) to 1 (much). In the light more water helps; in the shade it harms.
random = np.random.default_rng(0)
light, water, warmth = random.uniform(-1, 1, (3, 500))
growth = 1.2 * light * water + 0.5 * light + 0.3 * warmth
growth += random.normal(0, 0.1, len(growth))
X = np.column_stack([light, water, warmth])

net = pn.Network(pn.Dense(32, "tanh"), pn.Dense(1, "identity"), input_size=3, seed=1)
net.fit(X, growth, loss="mse", optimizer=pn.Adam(0.01), epochs=200)
r2 = pn.metrics.r2(growth, net.predict(X))
print(f"R² on the training rows: {r2:.2f}")

# %%
# The average
# -----------
# Light and warmth have an effect on average. The curve of water is nearly flat: a
# reader might strike it from the table. The shade, which holds the middle 80 % of the
# rows' own curves, warns of that.
fig, grid = plt.subplots(3, 1, figsize=(6, 8), sharey=True, layout="constrained")
fig.suptitle("Average prediction as one input changes")
for i, name in enumerate(["light", "water", "warmth"]):
    pn.plots.dependence(net, X, i, axes=grid[i], name=name, target="growth")
plt.show()

# %%
# The rows' own curves
# --------------------
# :func:`plainnet.attribution.individual_dependence` gives the curve of each row. Those
# with little light fall, those with much light rise, and their average stays level.
values = np.linspace(-1, 1, 31)
curves = pn.attribution.individual_dependence(net, X, 1, values)[:, :, 0]
average = pn.plots.partial_dependence(net, X, 1, values)[:, 0]

# sphinx_gallery_thumbnail_number = 2
fig, axes = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
fig.suptitle("Prediction of each row as water changes")
scale = diverging()
for i in range(0, len(X), 5):
    axes.plot(values, curves[:, i], color=scale((light[i] + 1) / 2), linewidth=0.8)
axes.plot(values, average, color="black", linewidth=3, label="average of all rows")
axes.set(xlabel="water", ylabel="growth")
plain_numbers(axes.xaxis, axes.yaxis)
legend_above(axes)
shades = plt.cm.ScalarMappable(plt.Normalize(-1, 1), scale)
fig.colorbar(shades, ax=axes, label="light")
plt.show()
