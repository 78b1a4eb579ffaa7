"""A million rows of 20 columns: `python -m benchmarks.tables.million [--rows N]` trains an epoch and predicts.

Each line is a process of its own, from the file to the written result, with its seconds and its largest memory.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

TRAIN = [
    "-m",
    "plainnet",
    "train",
    "train.csv",
    "--target",
    "y",
    "--epochs",
    "1",
    "--batch-size",
    "256",
    "--no-progress",
]
PEER = """
import pickle, sys, warnings
import numpy as np, pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
warnings.filterwarnings("ignore")
if sys.argv[1] == "train":
    X = pd.read_csv("train.csv")
    y = X.pop("y")
    texts = ["c8", "c30", "b"]
    numbers = make_pipeline(SimpleImputer(), StandardScaler()), [name for name in X if name not in texts]
    columns = make_column_transformer(numbers, (OneHotEncoder(sparse_output=False, dtype=np.float32), texts))
    model = make_pipeline(columns, MLPClassifier((64, 32), max_iter=1, batch_size=256)).fit(X, y)
    pickle.dump(model, open("peer.pkl", "wb"))
else:
    model = pickle.load(open("peer.pkl", "rb"))
    pd.DataFrame({"prediction": model.predict(pd.read_csv("new.csv"))}).to_csv("peer.csv", index=False)
"""


def write_tables(folder: Path, rows: int) -> None:
    """Write 13 numbers, two of them with gaps, 3 whole numbers, 2 categories, a boolean and a target of two classes."""
    random = np.random.default_rng(0)
    columns = {f"f{i}": random.normal(size=rows).round(6) for i in range(13)}
    frame = pl.DataFrame({**columns, **{f"i{i}": random.integers(0, 1000, rows) for i in range(3)}})
    for name in ("f0", "f1"):
        gaps = pl.Series(random.random(rows) < 0.05)
        frame = frame.with_columns(pl.when(~gaps).then(name).alias(name))
    texts = {f"c{n}": pl.Series(random.integers(0, n, rows)).cast(pl.String).str.replace("^", "town") for n in (8, 30)}
    frame = frame.with_columns(**texts, b=pl.Series(random.random(rows) < 0.5))
    frame.write_csv(folder / "new.csv")
    signal = frame["f3"] + frame["f4"] * frame["f5"] + frame["i0"] / 1000 > 0.4
    frame.with_columns(y=pl.when(signal).then(pl.lit("yes")).otherwise(pl.lit("no"))).write_csv(folder / "train.csv")


def measure(name: str, arguments: list[str], folder: Path) -> None:
    """Run Python with the arguments in the folder, and print its seconds and its largest memory."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], cwd=folder, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    took, failed = time.perf_counter() - began, ", failed" if status else ""
    print(f"{name}: {took:.1f} s, {used.ru_maxrss / 1e6:.2f} GB{failed}", flush=True)


def main() -> None:
    """Write the tables and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tables(folder, rows)
        for recipe in ("small", "realmlp"):
            measure(f"{recipe}, train", [*TRAIN, "--recipe", recipe, "--save", f"{recipe}.npz"], folder)
            told = ["-m", "plainnet", "predict", f"{recipe}.npz", "new.csv", "--output", f"{recipe}.csv"]
            measure(f"{recipe}, predict", told, folder)
        for step in ("train", "predict"):
            measure(f"pandas and scikit-learn, {step}", ["-c", PEER, step], folder)


if __name__ == "__main__":
    main()
