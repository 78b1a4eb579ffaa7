"""Accuracy and time of the estimators beside scikit-learn's own, as a Markdown table.

Run: nice python benchmarks/estimators.py

Each seed is a split of the data (a quarter to test on) and the estimators' `random_state`. The two take turns on one
thread; times are CPU seconds of `fit`. Intervals are 95 % by Student's t over the seeds.
"""

import datetime
import platform
import time
import warnings

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import datasets, neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import plainnet
import plainnet.sklearn

SEEDS = 10


def faces():
    """400 pictures of 64 x 64 pixels of 40 people, as many as in the Olivetti set: a pattern a person, and noise."""
    random = np.random.default_rng(0)
    people = np.repeat(np.arange(40), 10)
    patterns = random.standard_normal((40, 4096))
    return (0.2 * patterns[people] + random.standard_normal((400, 4096))).astype(np.float32), people


def poses():
    """As many pictures of the same size, each a mixture of ten patterns; the target is a curve of two of its shares."""
    random = np.random.default_rng(1)
    shares = random.standard_normal((400, 10))
    pictures = shares @ random.standard_normal((10, 4096)) + 2 * random.standard_normal((400, 4096))
    return pictures.astype(np.float32), np.tanh(2 * shares[:, 0]) + 0.5 * shares[:, 1] ** 2


def diabetes():
    """scikit-learn's set with the target standardized: a network's first output is near 0."""
    X, y = datasets.load_diabetes(return_X_y=True)
    return X, (y - y.mean()) / y.std()


SMALL = {"max_iter": 200}
LBFGS = {"solver": "lbfgs", "max_iter": 200}
LARGE = {"max_iter": 50}
ROWS = [
    ("digits", lambda: datasets.load_digits(return_X_y=True), "MLPClassifier", SMALL),
    ("digits", lambda: datasets.load_digits(return_X_y=True), "MLPClassifier", LBFGS),
    ("breast cancer", lambda: datasets.load_breast_cancer(return_X_y=True), "MLPClassifier", SMALL),
    ("breast cancer", lambda: datasets.load_breast_cancer(return_X_y=True), "MLPClassifier", LBFGS),
    ("wine", lambda: datasets.load_wine(return_X_y=True), "MLPClassifier", SMALL),
    ("wine", lambda: datasets.load_wine(return_X_y=True), "MLPClassifier", LBFGS),
    ("diabetes", diabetes, "MLPRegressor", SMALL),
    ("diabetes", diabetes, "MLPRegressor", LBFGS),
    ("faces, 40 classes", faces, "MLPClassifier", LARGE),
    ("faces, regression", poses, "MLPRegressor", LARGE),
]


def compare(load, name, settings):
    """Scores and seconds of both, (2, seeds) each: scikit-learn's first."""
    X, y = load()
    scores, seconds = np.empty((2, SEEDS)), np.empty((2, SEEDS))
    for seed in range(SEEDS):
        train, test, y_train, y_test = train_test_split(X, y, random_state=seed)
        scaler = StandardScaler().fit(train)
        train, test = scaler.transform(train), scaler.transform(test)
        for turn in (0, 1) if seed % 2 else (1, 0):
            module = (neural_network, plainnet.sklearn)[turn]
            estimator = getattr(module, name)(random_state=seed, **settings)
            began = time.process_time()
            estimator.fit(train, y_train)
            seconds[turn, seed] = time.process_time() - began
            scores[turn, seed] = estimator.score(test, y_test)
    return scores, seconds


def interval(values, digits):
    """Mean and half-width of the 95 % interval."""
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    mean = round(values.mean(), digits) + 0.0  # no -0.0000
    return f"{mean:.{digits}f} ± {half:.{digits}f}"


def main():
    """Print the table row by row."""
    print(
        f"{datetime.date.today()}; plainnet {plainnet.__version__}, scikit-learn {sklearn.__version__}, "
        f"NumPy {np.__version__}, SciPy {scipy.__version__}, Python {platform.python_version()}; one thread, "
        f"{SEEDS} seeds\n"
    )
    print(
        "| data | solver | score, scikit-learn | score, plainnet | difference | s, scikit-learn | s, plainnet | speed |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for data, load, name, settings in ROWS:
        (their_scores, our_scores), (their_seconds, our_seconds) = compare(load, name, settings)
        cells = [
            data,
            f"{settings.get('solver', 'adam')}, {settings['max_iter']}",
            interval(their_scores, 4),
            interval(our_scores, 4),
            interval(our_scores - their_scores, 4),
            interval(their_seconds, 3),
            interval(our_seconds, 3),
            interval(their_seconds / our_seconds, 2),
        ]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore", ConvergenceWarning)
    with threadpool_limits(1):
        main()
