"""Write, with version 0.1 of plainnet, the files of this folder: models, checkpoints, exports, and what they predict.

They were made once, at the commit dd449be, which is version 0.1.0; no later version makes them again. They show
that what users kept goes on working. To make them with all extras installed:

    git worktree add ../plainnet-0.1 dd449be
    OPENBLAS_NUM_THREADS=1 PYTHONPATH=../plainnet-0.1/src python tests/goldens/version_0_1/make_files.py

`runs.py` says what was trained. `expected.json` holds predictions and losses as version 0.1 computed them, each number
in full; `table.csv` is the table of the models named `table_`, and `*_predicted.csv` is what they said of its rows.
"""

import importlib.util
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from plainnet.checkpoints import Checkpoint
from runs import MOMENTS, TABLES, TARGETS, X, models, resumable

import plainnet as pn
from plainnet.cli import run

HERE = Path(__file__).parent
TABLE = HERE / "table.csv"


def kept(net):
    """What is expected of a network: predictions of the first rows, and the losses of its training."""
    record = {} if net.history is None else {"loss": net.history.loss, "validation_loss": net.history.validation_loss}
    return {"predictions": net.predict(X[:8]).tolist(), **record}


def make_models():
    expected = {}
    for name, (net, options) in models().items():
        net.fit(X, **options)
        expected[name] = kept(net)
        if name.startswith("activation_"):
            net.history = None  # it would be most of the file, and others have one
        net.save(HERE / f"{name}.npz")
    net = pn.Network(pn.Dense(2, "relu"), pn.Dense(1), input_size=3, seed=5)
    net.save(HERE / "never_trained.npz")
    return expected | {"never_trained": kept(net)}


class Interruption(Exception):
    """Raised at the moment whose checkpoint is kept."""


def keep_checkpoint(name, moment, train):
    """Keep under `name` the checkpoint that `train(path)` writes at `moment`, and end the run there."""
    write = Checkpoint.write

    def write_and_keep(self, run):
        write(self, run)
        if (run.job.epochs_done, run.job.batches_done) == moment:
            shutil.copy(self.path, HERE / f"{name}.npz")
            raise Interruption

    with tempfile.TemporaryDirectory() as folder:
        Checkpoint.write = write_and_keep
        try:
            train(Path(folder) / "run.npz")
        except Interruption:
            return
        finally:
            Checkpoint.write = write
    raise SystemExit(f"{name}: no checkpoint was written at {moment}")


def make_checkpoints():
    expected = {}
    for name, (net, options) in resumable().items():
        net.fit(X, **options)
        expected[name] = kept(net)
    for name, (net, options) in resumable().items():
        every = "0.000001s" if MOMENTS[name][1] else 1  # seconds come within an epoch too

        def train(path, net=net, options=options, every=every):
            net.fit(X, **options, checkpoint=path, checkpoint_every=every)

        keep_checkpoint(name, MOMENTS[name], train)
    return expected


def write_table():
    random = np.random.default_rng(7)
    lines = ["colour,weight,height,legs,tame,kind,price"]
    for _ in range(48):
        kind = str(random.choice(["bird", "cat", "ox"]))
        colour = random.choice(["black", "brown", "white", ""], p=[0.3, 0.3, 0.3, 0.1])
        weight, height = (
            round(typical * random.uniform(0.8, 1.2), 2)
            for typical in {"bird": (0.4, 25), "cat": (4.1, 32), "ox": (620, 150)}[kind]
        )
        cells = [colour, weight if random.random() < 0.9 else "NA", height, 2 if kind == "bird" else 4]
        cells += ["true" if random.random() < 0.6 else "false", kind, round(3 * height + random.normal(), 2)]
        lines.append(",".join(map(str, cells)))
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def command(*arguments):
    if status := run([str(argument) for argument in arguments]):
        raise SystemExit(f"plainnet {' '.join(map(str, arguments))} ended with {status}")


def make_tables():
    write_table()
    expected = {}
    for name, options in TABLES.items():
        model = HERE / f"{name}.npz"
        command("train", TABLE, *options, "--save", model)
        wanted = [] if name == "table_amount" else ["--probabilities"]
        command("predict", model, TABLE, "-o", HERE / f"{name}_predicted.csv", *wanted)
        expected[name] = {"loss": pn.load(model).history.loss}

    def train(path):
        command("train", TABLE, *TABLES["table_classes"], "--checkpoint", path, "--checkpoint-every", 1)

    keep_checkpoint("checkpoint_table", (2, 0), train)
    return expected


def make_exports():
    net, _ = models()["layers"]
    net.fit(X, TARGETS["labels"], loss="cross_entropy", optimizer="adam", epochs=5, batch_size=8, engine="numpy")
    net.save(HERE / "exported.npz")
    for name in ("exported_script.py", "exported.onnx", "exported.safetensors"):
        net.export(HERE / name)
    net.export(HERE / "exported_trainer.py", to="trainer")
    net.export(HERE / "exported_pytorch.safetensors", layout="pytorch")
    pn.load(HERE / "table_classes.npz").export(HERE / "table_classes_script.py")
    pn.load(HERE / "table_classes.npz").export(HERE / "table_classes.onnx")
    trainer = imported(HERE / "exported_trainer.py")
    p = trainer.initial_parameters()
    losses = list(trainer.train(X, TARGETS["labels"], p=p))
    return kept(net) | {
        "script": imported(HERE / "exported_script.py").predict(X[:8]).tolist(),
        "trainer": {"losses": list(map(float, losses)), "predictions": trainer.predict(p, X[:8]).tolist()},
    }


def imported(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main():
    if pn.__version__ != "0.1.0" or hasattr(pn.Network(pn.Dense(1)), "classes"):
        raise SystemExit("this plainnet is not version 0.1; PYTHONPATH takes the folder src of commit dd449be")
    os.chdir(tempfile.mkdtemp())
    expected = {"models": make_models(), "tables": make_tables(), "exports": make_exports()}
    expected |= {"checkpoints": make_checkpoints(), "made_with": {"plainnet": "0.1.0", "numpy": np.__version__}}
    (HERE / "expected.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
