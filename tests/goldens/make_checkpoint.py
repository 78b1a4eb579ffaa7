"""Write `checkpoint_2d857a7.npz`, and what came of its run, at commit 2d857a7, which laid checkpoints out like 0.1.

They were made once; no later version makes them again, as they show that a run begun then goes on today:

    git worktree add ../plainnet-then 2d857a7
    OPENBLAS_NUM_THREADS=1 PYTHONPATH=../plainnet-then/src python tests/goldens/make_checkpoint.py
"""

import json
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
from checkpoint_run import MOMENT, network, options
from plainnet.checkpoints import Checkpoint

HERE = Path(__file__).parent


class Interruption(Exception):
    """Raised at the moment whose checkpoint is kept."""


def write_and_keep(checkpoint, run):
    """Write the checkpoint, and keep it and end the run if it is the one at MOMENT."""
    write(checkpoint, run)
    if (run.job.epochs_done, run.job.batches_done) == MOMENT:
        shutil.copy(checkpoint.path, HERE / "checkpoint_2d857a7.npz")
        raise Interruption


if __name__ == "__main__":
    whole = network()
    history = whole.fit(**options())
    recorded = ("loss", "validation_loss", "learning_rate", "best_epoch", "stopped")
    outcome = {"parameters": whole.parameters.tolist(), **{name: getattr(history, name) for name in recorded}}
    (HERE / "checkpoint_2d857a7.json").write_text(json.dumps(outcome | {"numpy": np.__version__}) + "\n")
    write, Checkpoint.write = Checkpoint.write, write_and_keep
    with tempfile.TemporaryDirectory() as folder, suppress(Interruption):
        network().fit(**options(), checkpoint=Path(folder) / "run.npz", checkpoint_every="0.000001s")
