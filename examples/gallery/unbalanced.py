"""
An unbalanced table, and a threshold
====================================

Of 8,000 generated parts, one in 25 has a fault. A network that calls every part good
is right 96 times of 100, and useless. Where one class is rare, look at precision and
recall, and choose the probability from which on a part counts as faulty.
"""

import matplotlib.pyplot as plt
import numpy as np

import plainnet as pn
from plainnet.plots.drawing import VALIDATION
from plainnet.tabular.thresholds import Cost, choose_threshold

random = np.random.default_rng(0)
faulty = (random.random(8000) < 0.04).astype(int)
X = random.normal(0, 1, (8000, 4)) + faulty[:, None] * [1.6, 1.0, -0.8, 0.0]
train, choose, test = np.split(np.arange(8000), [4000, 6000])

net = pn.Network(pn.Dense(16, "tanh"), pn.Dense(1, "sigmoid"), input_size=4, seed=0)
net.fit(X[train], faulty[train], loss="binary_cross_entropy", epochs=20)
print(f"{faulty.sum()} of {len(faulty):,} parts have a fault")

# %%
# What accuracy hides
# -------------------
# The accuracy is hardly above that of "always good". Most faults are missed: the
# likelier class is nearly always the common one.
p = net.predict(X[test])
y = faulty[test]
print(f"always good      accuracy {1 - y.mean():.3f}")
print(f"threshold 0.5    accuracy {pn.metrics.accuracy(y, p):.3f}")
print(f"faults found (recall)     {pn.metrics.recall(y, p):.2f}")

# %%
# A threshold for what a mistake costs
# ------------------------------------
# Say a missed fault costs twenty times as much as a good part that is looked at again.
# The threshold is chosen on rows of its own, neither those of the training nor those
# of the test. ``"f1"`` chooses a balance of precision and recall instead.
p_choose = net.predict(X[choose])
cost = Cost(false_negative=20, false_positive=1)
thresholds = {
    "0.5": 0.5,
    "best f1": choose_threshold(faulty[choose], p_choose, "f1"),
    "least cost": choose_threshold(faulty[choose], p_choose, cost),
}
for name, threshold in thresholds.items():
    answer = p[:, 0] > threshold
    missed, alarms = (y > answer).sum(), (y < answer).sum()
    each = f"{missed:3} missed, {alarms:3} false alarms, cost {20 * missed + alarms:,}"
    print(f"{name:10} above {threshold:.3f}: {each}")

# %%
# Precision and recall
# --------------------
# Every threshold is a point of this curve. Recall is the share of the faults that are
# found, precision the share of the alarms that are right. The dotted line is guessing.
fig, axes = plt.subplots(figsize=(6, 4.5), layout="constrained")
fig.suptitle("Precision and recall of three thresholds")
pn.plots.precision_recall_curve(y, p, axes=axes)
for (name, threshold), marker in zip(thresholds.items(), "os^", strict=True):
    answer = p > threshold
    at = pn.metrics.recall(y, answer), pn.metrics.precision(y, answer)
    axes.plot(*at, marker, color=VALIDATION)
    axes.annotate(name, at, xytext=(6, 6), textcoords="offset points")
plt.show()

# %%
# The two kinds of mistakes
# -------------------------
# Above at 0.5, below at the threshold of the least cost: many more alarms, most of them
# false, and fewer faults missed.
fig, pair = plt.subplots(2, 1, figsize=(5, 6.5), layout="constrained")
fig.suptitle("True and predicted parts at two thresholds")
for axes, name in zip(pair, ("0.5", "least cost"), strict=True):
    answer = p > thresholds[name]
    pn.plots.confusion_matrix(y, answer, names=["good", "faulty"], axes=axes)
    axes.set_title(f"threshold: {name}", fontsize="medium")
plt.show()
