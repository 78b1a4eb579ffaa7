"""`plainnet train` on several ranks, under the real mpiexec."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import mpi
import numpy as np
import polars as pl
import pytest
from test_streamed_tables import assert_close, plain, rows, written

import plainnet as pn
from plainnet.tabular import Table

PLAINNET = "import sys\nfrom plainnet.cli import run\nsys.exit(run(sys.argv[1:]))\n"
QUICK = ["--target", "y", "--recipe", "small", "--no-progress"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def train(ranks, *arguments, **more):
    return mpi.run(PLAINNET, ranks, "train", "rows", *QUICK, *arguments, **more)


def said(ended):
    """What was said on standard error beside notes."""
    return [line for line in ended.stderr.splitlines() if line.startswith("plainnet:") and "note:" not in line]


def loss_of(name):
    """The description of a model's table, and its best loss on the validation rows."""
    net = pn.load(name)
    return plain(Table.from_dict(net.table)), min(net.history.validation_loss)


def test_ranks_learn_what_one_process_learns_and_say_everything_once():
    written(rows(2_000), ".parquet")
    found = {}
    for ranks in (1, 2, 3):
        ended = train(ranks, "--stream", "--epochs", "6", "--save", f"{ranks}.npz")
        assert ended.code == 0, ended.stderr
        assert ended.stdout.count("Model saved") == ended.stdout.count("On the test rows") == 1
        assert ended.stderr.count("looks like an identifier") == 1
        assert (f"{ranks} ranks, each with about" in ended.stdout) == (ranks > 1)
        found[ranks] = loss_of(f"{ranks}.npz")
    for ranks in (2, 3):
        assert_close(found[ranks][0], found[1][0])
        assert found[ranks][1] == pytest.approx(found[1][1], rel=0.05)  # other orders of the same rows


def test_text_files_decimal_commas_and_more_ranks_than_rows_to_each_file():
    frame = pl.DataFrame({"price": ["1,5", "2,25", "10,75", "3"] * 30, "code": ["007", "12", "3", "40"] * 30})
    frame.with_columns(y=pl.Series([f"{i % 4 < 2}" for i in range(120)])).write_csv("rows", separator=";")
    shutil.move("rows", "t.csv")
    Path("rows").mkdir()
    lines = Path("t.csv").read_text().splitlines(keepends=True)
    for name, part in (("a", lines[1:3]), ("b", lines[3:])):  # two rows in the first file
        Path("rows", f"{name}.csv").write_text("".join([lines[0], *part]))
    ended = train(4, "--epochs", "2", "--save", "m.npz", "--validation", "0.4")
    assert ended.code == 0, ended.stderr
    price, code = Table.from_dict(pn.load("m.npz").table).columns
    assert (price.kind, code.kind) == ("number", "category")
    assert set(code.values) == {"007", "12", "3", "40"}


def test_an_error_of_one_rank_is_said_once_and_ends_all():
    files = written(rows(600), ".parquet")
    content = bytearray((files / "2.parquet").read_bytes())
    content[500:3000] = bytes(2500)  # the rows of the last rank; the footer is whole
    (files / "2.parquet").write_bytes(content)
    ended = train(3)
    assert ended.code == 2
    (line,) = said(ended)
    assert line.startswith("plainnet: rank 2: rows/2.parquet")
    assert "cannot be read" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--save", "no/m.npz"], "there is no folder no"),
        (["--save", "/dev/full", "--epochs", "1"], "No space left on device"),
        (["--epochs", "3", "--learning-rate", "1e30"], "the run diverged in epoch 1"),
        (["--nonsense"], "No such option: --nonsense"),
    ],
)
def test_what_all_ranks_refuse_is_said_once(arguments, message):
    written(rows(300), ".parquet")
    ended = train(2, *arguments)
    assert ended.code == 2
    (line,) = said(ended)
    assert message in line
    assert "rank" not in line.split(":")[1]


def test_other_commands_run_in_one_process():
    ended = mpi.run(PLAINNET, 2, "predict", "m.npz", "t.csv")
    assert ended.code == 2
    (line,) = said(ended)
    assert "plainnet predict runs in one process and 2 were started" in line


def test_a_run_goes_on_with_another_number_of_ranks_after_a_rank_was_killed_or_interrupted():
    written(rows(400), ".parquet")
    long = ["--epochs", "5000", "--early-stopping", "0", "--checkpoint", "c.npz", "--checkpoint-every", "1"]
    process = mpi.start(PLAINNET, 3, "train", "rows", *QUICK, *long)
    wait_for(Path("c.npz"), process)
    ranks = [pid for pid in mpi._descendants(process.pid) if b"-c\0" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    subprocess.run(["kill", "-KILL", str(ranks[-1])], check=True)
    assert mpi.end(process).code != 0
    at = Path("c.npz").stat().st_mtime_ns
    process = mpi.start(PLAINNET, 2, "train", "rows", *QUICK, *long, "--resume", "--save", "m.npz")
    wait_for(Path("c.npz"), process, newer_than=at)
    process.send_signal(signal.SIGINT)
    ended = mpi.end(process)
    assert ended.code == 130
    assert said(ended)[0].startswith("plainnet: interrupted; the best model so far")
    assert np.isfinite(pn.load("m.npz").predict_labels(rows(10))).all()


def wait_for(path, process, newer_than=0):
    """Wait until a file is there, and written anew; fail where the program ends before."""
    until = time.monotonic() + 60
    while not path.exists() or path.stat().st_mtime_ns <= newer_than:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, mpi.kill(process)
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("hidden", "variable", "message"),
    [
        ("sys.modules['mpi4py'] = None\n", "PMI_SIZE", "a training by 2 processes needs"),
        ("", "OMPI_COMM_WORLD_SIZE", "knows of 1; start them by the mpiexec of the same MPI"),
    ],
)
def test_several_processes_never_train_each_by_itself(hidden, variable, message):
    written(rows(100), ".parquet")
    program = f"import sys\n{hidden}import os\nos.environ['{variable}'] = '2'\n{PLAINNET}"
    command = [sys.executable, "-c", program, "train", "rows", *QUICK, "--save", "m.npz"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert not Path("m.npz").exists()
