"""The command `take` makes a run a file to keep: Python, the exports, the model, its arrays, a report."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.errors import warnings_passed_over
from plainnet.network import Network
from plainnet.play.session.arguments import CommandArguments
from plainnet.play.session.code import FEW_EPOCHS, needs_total, program_of
from plainnet.play.session.code_data import arrays_of
from plainnet.play.session.run import LiveRun
from plainnet.play.session.scene import input_names

if TYPE_CHECKING:
    from plainnet.play.session.messages import Reply
    from plainnet.play.session.session import Session
    from plainnet.report import Subject

MOST_SHOWN = 2_000
"""The most rows on which a report shows the network."""

Made = tuple[bytes, list[dict[str, Any]]]
"""A file, and what is to be said about it."""


def take(session: Session, given: CommandArguments) -> Reply:
    """Return a run as a file: its name, its type, what is to be said about it, and its bytes."""
    run = session.runs[given.place("run", session.runs)]
    what = given.one_of("what", KINDS)
    given.finish()
    ending, kind, make = KINDS[what]
    content, notes = make(session, run)
    name = f"{stem_of(run.examples.name)}{ending}"
    if kind != ZIP and content.startswith(b"PK") and not name.endswith(".npz"):
        name, kind = f"{Path(name).stem}.zip", ZIP
    header = {"what": what, "name": name, "type": kind, "notes": notes}
    return header, {"bytes": np.frombuffer(content, np.uint8)}


def stem_of(name: str) -> str:
    """Return the beginning of file names for some data: a name that Python can import."""
    letters = re.sub(r"[^a-z0-9]+", "_", Path(name).stem.lower())[:40].strip("_")
    return letters if letters and letters[0].isalpha() else f"data_{letters}".rstrip("_")


def _code(session: Session, run: LiveRun) -> Made:
    program = program_of(run, f"{stem_of(run.examples.name)}{KINDS['data'][0]}")
    return program.text.encode(), program.notes


def _data(session: Session, run: LiveRun) -> Made:
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays_of(run))
    return stream.getvalue(), []


def _exported(to: str) -> Callable[[Session, LiveRun], Made]:
    def make(session: Session, run: LiveRun) -> Made:
        name = f"{stem_of(run.examples.name)}{KINDS[to][0]}"
        net = trained(run)
        return _written(name, lambda path: net.export(path, to)), []

    return make


def _trainer(session: Session, run: LiveRun) -> Made:
    content, _ = _exported("trainer")(session, run)
    left_out = run.examples.weights is not None or run.setup.class_weight or run.setup.early_stopping
    return content, [{"key": "trainer", "values": {}}] * bool(left_out)


def _model(session: Session, run: LiveRun) -> Made:
    name = f"{stem_of(run.examples.name)}{KINDS['model'][0]}"
    return _written(name, trained(run).save), []


def _written(name: str, write: Callable[[Path], None]) -> bytes:
    """Return the file that `write` makes, or a ZIP archive of several."""
    with TemporaryDirectory() as folder, warnings_passed_over():
        path = Path(folder) / name
        write(path)
        files = sorted(Path(folder).iterdir())
        if len(files) == 1:
            return files[0].read_bytes()
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, file.name)
        return stream.getvalue()


def trained(run: LiveRun) -> Network:
    """Return a copy of the network with the record of its training up to now."""
    net = run.network.copy()
    assert net.history is not None
    if net.history.stopped == "not finished":
        net.history.stopped = "interrupted"
    settings = net.history.settings
    if not needs_total(run):
        settings["epochs"] = run.epochs or min(FEW_EPOCHS, run.job.epochs)
    classes = run.examples.classes
    if classes is not None and net.table is None and net.classes is None and net.output_size in (len(classes), 1):
        net.classes = list(classes)
    return net


def _report(session: Session, run: LiveRun) -> Made:
    from plainnet.report import report_html

    examples = run.examples
    part = max(set(examples.parts.tolist()))  # the test rows, or those for validation, or all
    rows = np.flatnonzero(examples.parts == part)[:MOST_SHOWN]
    told = f"Shown on {len(rows):,} {PARTS[part]} rows."
    with warnings_passed_over():
        make = _subject_of_table if run.setup.data["kind"] == "table" else _subject_of_arrays
        return report_html(make(session, run, rows, told)).encode(errors="backslashreplace"), []


def _subject_of_arrays(session: Session, run: LiveRun, rows: Array, told: str) -> Subject:
    from plainnet.report import of_arrays

    examples = run.examples
    return of_arrays(
        trained(run),
        examples.inputs[rows],
        examples.targets[rows],
        title=f"A network that learns {examples.name}",
        names=input_names(examples, examples.input_size),
        classes=examples.classes,
        target=examples.target,
        rows_are=told,
    )


def _subject_of_table(session: Session, run: LiveRun, rows: Array, told: str) -> Subject:
    from plainnet.report import of_table
    from plainnet.tabular.table import Table
    from plainnet.tabular.targets import drop_missing_targets

    examples, data = run.examples, run.setup.data
    table = Table.from_dict(trained(run).table)
    typed, _ = session.held.tables[data["name"]].typed(data["options"], data["target"])
    frame, _ = drop_missing_targets(typed.frame, table.target.name)
    title = f"A network that predicts {table.target.name}"
    return of_table(trained(run), table, frame[rows], title=title, rows_are=told, rows=rows + 1, source=examples.name)


PARTS = ("training", "validation", "test")

PYTHON, BINARY, ZIP = "text/x-python", "application/octet-stream", "application/zip"

KINDS: dict[str, tuple[str, str, Callable[[Session, LiveRun], Made]]] = {
    "code": ("_code.py", PYTHON, _code),
    "script": ("_predict.py", PYTHON, _exported("script")),
    "trainer": ("_train.py", PYTHON, _trainer),
    "onnx": (".onnx", BINARY, _exported("onnx")),
    "c": (".c", "text/x-c", _exported("c")),
    "model": ("_model.npz", BINARY, _model),
    "data": ("_data.npz", BINARY, _data),
    "report": ("_report.html", "text/html", _report),
}
"""Each kind of file: the ending of its name, its type, and the function that makes it."""
