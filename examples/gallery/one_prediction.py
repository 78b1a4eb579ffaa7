"""
What made this prediction
=========================

A network tells harmless from malignant tumours by 30 numbers of scikit-learn's breast
cancer data. What made it say what it says of *this* one? Shapley values divide the
prediction, less the average prediction, among the inputs: they add up exactly.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import plainnet as pn
from plainnet.plots.drawing import BLUE, GRAY, VERMILION, open_frame

data = load_breast_cancer()
malignant = (data.target == 0).astype(int)
X, X_test, y, y_test = train_test_split(data.data, malignant, random_state=0)
scaler = StandardScaler().fit(X)
X, X_test = scaler.transform(X), scaler.transform(X_test)

net = pn.Network(
    pn.Dense(16, "tanh", l2=0.01),
    pn.Dense(1, "sigmoid", l2=0.01),
    input_size=30,
    seed=0,
)
net.fit(X, y, loss="binary_cross_entropy", epochs=60)
probability = net.predict(X_test).ravel()
right = (probability > 0.5) == y_test
print(f"{right.mean():.0%} of the test rows are right")

# %%
# Ten inputs of three numbers
# ---------------------------
# The data hold ten measures of the cells in a picture, and of each the mean, the error
# and the worst value. The three belong together, so they make one group. Ten groups,
# compared with 100 training rows, are few enough for exact values. The row explained is
# the test row about which the network is wrong with the greatest certainty.
measures = [name.removeprefix("mean ") for name in data.feature_names[:10]]
groups = [[i, i + 10, i + 20] for i in range(10)]

wrong = np.flatnonzero(~right)
row = wrong[np.abs(probability[wrong] - 0.5).argmax()]
found = pn.shapley_values(net, X_test[row], X[:100], groups)
print(f"is malignant: {bool(y_test[row])}")
print(f"average {found.average[0]:.3f}, this row {found.prediction[0]:.3f}")
print(f"the values sum to {found.values.sum():+.3f}, exact: {found.exact}")

# %%
# The picture
# -----------
# Read it from top to bottom: it begins at the average, the dotted line. The measures
# that speak for malignant push the probability up (vermilion), the others push it down
# (blue), and at the foot the prediction of this row is reached. The tumour is
# malignant: six measures say so, and compactness most of all misled the network. What a
# measure adds is what the network makes of it, not what causes what.
order = np.argsort(-found.values[:, 0])
added = found.values[order, 0]
ends = found.average[0] + np.cumsum(added)

fig, axes = plt.subplots(figsize=(6.5, 4.5), layout="constrained")
fig.suptitle("What each measure adds to this prediction")
colors = np.where(added > 0, VERMILION, BLUE)
bars = axes.barh(range(10), added, left=ends - added, color=colors)
axes.bar_label(bars, [f"{value:+.2f}" for value in added], padding=4)
axes.axvline(found.average[0], color=GRAY, linestyle=":")
axes.set_yticks(range(10), [measures[i] for i in order])
axes.set_xlabel("probability of malignant")
axes.set_xlim(0, 0.8)
axes.invert_yaxis()
open_frame(axes)
plt.show()
