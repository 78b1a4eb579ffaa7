"""
A table's model in ONNX Runtime
===============================

ONNX is a format for models that programs in many languages read. A model that was
trained on a table takes all of its work along: scaling, the encoding of text, what to
do where a value is missing. ONNX Runtime (``pip install onnxruntime``) needs neither
plainnet nor NumPy code of yours, predicts the same, and is quick where few rows come at
a time.
"""

import tempfile
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime
import polars as pl

from plainnet.plots.drawing import BLUE, VERMILION, legend_above
from plainnet.sklearn import TableClassifier

# %%
# The penguins of three species: numbers, text, and missing values. The columns go into
# the training as they are.

folder = Path(globals().get("__file__", "here")).resolve().parents[1]
penguins = pl.read_csv(folder / "penguins.csv", null_values="NA")
X, species = penguins.drop("species"), penguins["species"]
model = TableClassifier(recipe="small", random_state=0).fit(X, species)
print(f"{model.score(X, species):.0%} of these rows are recognized")

# %%
# The file has an input for each column. ``string`` takes text as it is in the table.

with tempfile.TemporaryDirectory() as made:
    path = Path(made) / "penguins.onnx"
    model.network_.export(path)
    print(f"{path.stat().st_size / 1024:.0f} KB")
    session = onnxruntime.InferenceSession(path.read_bytes())
for given in session.get_inputs():
    print(f"{given.name:>18}  {given.type}")

# %%
# The runtime wants arrays of shape (rows, 1). A missing number is NaN, a missing text
# is empty. The classes and the probabilities are those of plainnet.


def arrays(frame):
    """The inputs of the model, by name."""
    columns = {}
    for name, column in zip(frame.columns, frame, strict=True):
        if column.dtype == pl.String:
            values = np.array(column.fill_null(""), dtype=object)
        else:
            values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
        columns[name] = values[:, np.newaxis]
    return columns


labels, probabilities = session.run(["label", "probabilities"], arrays(X))
print("same classes:", np.array_equal(labels, model.predict(X)))
difference = np.abs(probabilities - model.predict_proba(X)).max()
print("same probabilities, to five digits:", difference < 1e-5)

# %%
# The time of one call. plainnet looks at the frame first: which columns it has, of
# which types, with which unknown values. The runtime gets its arrays ready made and
# begins at once, so for one row it is many times as fast. The more rows come at a time,
# the less that matters.


def milliseconds(predict, *arguments):
    """The median time of five calls."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        predict(*arguments)
        times.append(1_000 * (time.perf_counter() - began))
    return np.median(times)


sizes = [1, 10, 100, 1_000, 10_000]
ours, runtimes = [], []
for size in sizes:
    rows = X.sample(size, with_replacement=True, seed=1)
    ours.append(milliseconds(model.predict_proba, rows))
    runtimes.append(milliseconds(session.run, ["probabilities"], arrays(rows)))

fig, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
axes.loglog(sizes, ours, "o-", color=BLUE, label="plainnet, from a frame")
axes.loglog(sizes, runtimes, "s--", color=VERMILION, label="ONNX Runtime, from arrays")
axes.set(xlabel="rows in one call", ylabel="milliseconds")
legend_above(axes)
fig.suptitle("The time of a call")
plt.show()
