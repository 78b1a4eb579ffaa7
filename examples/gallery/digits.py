"""
Digits, and the mistakes
========================

A network with one hidden layer learns to read handwritten digits, pictures of 8 × 8
pixels from scikit-learn. A score says how many it gets wrong. The confusion matrix says
which digits it takes for which, and the wrong pictures themselves often say why.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import plainnet as pn

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)
ink = X.any(axis=0)  # a few pixels at the edge are white in every training picture

net = pn.Network(
    pn.Dense(64, "relu"),
    pn.Dropout(0.2),
    pn.Dense(10, "softmax"),
    input_size=ink.sum(),
    seed=0,
)
net.fit(X[:, ink], y, loss="cross_entropy", epochs=40, batch_size=32)

probabilities = net.predict(X_test[:, ink])
predicted = probabilities.argmax(axis=1)
right = pn.metrics.accuracy(y_test, probabilities)
print(f"{right:.0%} of {len(y_test)} test pictures are right")

# %%
# Which digit is taken for which
# ------------------------------
# Nothing was chosen on the test pictures, so they measure the network honestly: about
# 96 of 100 are right. Each row of the matrix is a true digit, each column a predicted
# one. About half of all mistakes are eights, and most of these are taken for ones.
fig, axes = plt.subplots(figsize=(6, 4.5), layout="constrained")
fig.suptitle("True and predicted digits of the test pictures")
pn.plots.confusion_matrix(y_test, probabilities, axes=axes)
plt.show()

# %%
# The mistakes
# ------------
# Twelve pictures that the network gets wrong, those of which it was most certain first.
# Above each stand the true digit and the predicted one, with its probability. The
# eights that were taken for ones are slim: little white is left inside their loops.
wrong = np.flatnonzero(predicted != y_test)
wrong = wrong[np.argsort(-probabilities[wrong].max(axis=1))][:12]

# sphinx_gallery_thumbnail_number = 2
fig, grid = plt.subplots(4, 3, figsize=(5, 8), layout="constrained")
fig.suptitle("Test pictures that the network gets wrong")
for axes in grid.flat:
    axes.axis("off")
for axes, i in zip(grid.flat, wrong, strict=False):
    axes.imshow(X_test[i].reshape(8, 8), cmap="gray_r")
    guess = f"{predicted[i]} ({probabilities[i].max():.0%})"
    axes.set_title(f"true {y_test[i]}\npredicted {guess}", fontsize=11)
plt.show()
