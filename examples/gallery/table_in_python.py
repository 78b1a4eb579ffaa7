"""
A table, from Python
====================

A penguin's sex is predicted from the other columns of a CSV file. The steps of
``plainnet train`` one by one, with :mod:`plainnet.tabular`: what is read, which rows
train, and how good the model is on rows that it was not trained on, beside the simplest
answer and a linear model.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from plainnet.plots.drawing import BLUE, GRAY, VERMILION, open_frame
from plainnet.tabular import (
    RECIPES,
    Division,
    divide,
    fit_table,
    prepare,
    problem_of_file,
)
from plainnet.tabular.finishing import linear_outputs
from plainnet.tabular.measuring import measure

# %%
# What is read
# ------------
# The rows without a known sex are left out. What a column is, its values decide;
# nothing has to be encoded or filled in by hand.
folder = Path(globals().get("__file__", "here")).resolve().parents[1]
problem = problem_of_file(folder / "penguins.csv", "sex")
recipe = RECIPES["small"]
parts = divide(problem, Division(), seed=0)
prepared = prepare(problem, parts, recipe)

rows = problem.rows
print(f"{len(rows)} rows, {rows.without_target} without a target; {problem.task}")
for column in prepared.table.columns:
    print(f"{column.name:18} {column.kind:9} {column.in_training()}")

# %%
# Five networks
# -------------
# A test part of so few rows would say little. So the rows are divided into five folds,
# and each of five networks is trained without one of them. The model is their average,
# and each row is predicted by the one network that was not trained on it. That network
# took its best epoch by these rows, which flatters the figures a little.
fitted = fit_table(prepared, recipe, seed=0)
shown = fitted.shown
measured = measure(
    prepared.table,
    fitted.net,
    shown.part,
    outputs=shown.outputs,
    linear=linear_outputs(fitted),
)
scores = {score.name: score for score in measured.scores.measures}
print(f"{shown.title} ({len(shown.part)} rows); simplest: {measured.scores.baseline}")
for name in ("accuracy", "f1", "roc_auc"):
    score = scores[name]
    low, high = score.interval
    beside = f"simplest {score.baseline:.2f}, linear {score.linear:.2f}"
    print(
        f"{name:9} {score.value:.2f}, 95 % interval {low:.2f} to {high:.2f}; {beside}"
    )

# %%
# The scores in a picture
# -----------------------
# The network is far better than the simplest answer, and a little better than the
# linear model. But the linear model's score lies in the network's interval: with other
# penguins it might be the other way round.
few = [scores[name] for name in ("accuracy", "f1", "roc_auc")]
value = np.array([score.value for score in few])
spread = np.abs(np.transpose([score.interval for score in few]) - value)

fig, axes = plt.subplots(figsize=(6.5, 3.2), layout="constrained")
fig.suptitle("Scores on rows not trained on")
style = {"color": BLUE, "capsize": 4, "label": "network, with 95 % interval"}
axes.errorbar(value, range(3), xerr=spread, fmt="o", **style)
linear = [score.linear for score in few]
axes.plot(linear, range(3), "D", color=VERMILION, label="linear model")
simplest = [score.baseline for score in few]
axes.plot(simplest, range(3), "s", color=GRAY, label=measured.scores.baseline)
axes.set_yticks(range(3), ["accuracy", "F1 of male", "area under ROC"])
axes.set_ylim(2.5, -0.5)
fig.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=10)
open_frame(axes)
plt.show()

# %%
# The network knows its columns: it takes rows of a frame, in any order of columns, with
# values missing or not.
print(fitted.net.predict_labels(rows.frame.drop("sex").head(5)))
