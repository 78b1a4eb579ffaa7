"""Standard output and error of any kind: other encodings, closed, full, cut off; and data that would act on them."""

import io
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from shared import SMALL

import plainnet as pn
from plainnet.cli import run
from plainnet.cli.streams import PlainConsole, visible
from plainnet.errors import LONGEST_MESSAGE, InvalidValue, PlainnetWarning

pytestmark = pytest.mark.usefixtures("in_empty_folder")

PLAINNET = [sys.executable, "-m", "plainnet"]
ENCODINGS = ["cp1252", "latin-1", "ascii", "utf-16-le", "utf-8"]
TRAIN = ["--target", "kind", *SMALL, "--hidden", "4", "--epochs", "2", "--no-progress"]


def write_table(path, classes, column="x"):
    lines = [f"{i % 7},{classes[i % len(classes)]}" for i in range(40)]
    Path(path).write_text("\n".join([f"{column},kind", *lines, ""]), encoding="utf-8")


@pytest.fixture
def model():
    """A table with letters of three scripts, and a model of it."""
    write_table("data.csv", ["café", "猫", "Ω"])
    assert run(["train", "data.csv", *TRAIN, "--save", "m.npz"]) == 0


def plainnet(*arguments, stdout=subprocess.PIPE, **environment):
    return subprocess.run(
        [*PLAINNET, *arguments], stdout=stdout, stderr=subprocess.PIPE, env={**os.environ, **environment}
    )


# ---- encodings ----


@pytest.fixture
def printed(monkeypatch):
    """A function that runs a command with a standard output of an encoding; the bytes that it wrote."""

    def run_with(encoding, *command, status=0):
        with monkeypatch.context() as patch:
            out, error = (io.TextIOWrapper(io.BytesIO(), encoding, "strict", newline="\r\n") for _ in range(2))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", error)
            assert run(list(command)) == status
            assert error.buffer.getvalue() == b""
            assert out.errors == "strict", "left as it was found"
            return out.buffer.getvalue()

    return run_with


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_command_fails_on_an_encoding(encoding, model, printed):
    for command in (
        ["train", "data.csv", *TRAIN, "--save", "again.npz"],
        ["show", "m.npz"],
        ["evaluate", "m.npz", "data.csv"],
        ["explain", "m.npz", "data.csv"],
        ["--help"],
        ["train", "--help"],
    ):
        assert printed(encoding, *command)
    assert pn.load("again.npz").history.epoch[-1] == 2


def test_a_locale_without_an_encoding(model):
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = plainnet("train", "data.csv", *TRAIN, "--save", "again.npz", **environment)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"caf?" in done.stdout
    assert pn.load("again.npz").history.epoch[-1] == 2


def test_signs_have_a_form_in_ascii(model, printed):
    out = printed("ascii", "show", "m.npz").decode("ascii")
    assert "1 -> 4" in out
    assert "classes caf?, ?, ?" in out
    assert "caf\xe9, ?, ?" in printed("cp1252", "show", "m.npz").decode("cp1252")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_predictions_on_standard_output_are_those_of_a_file(encoding, model, printed):
    content = printed(encoding, "predict", "m.npz", "data.csv", "--probabilities")
    assert run(["predict", "m.npz", "data.csv", "--probabilities", "-o", "file.csv"]) == 0
    assert content == Path("file.csv").read_bytes()
    assert b"\r" not in content
    assert "probability_café,probability_Ω,probability_猫" in content.decode("utf-8")


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such names")
def test_file_names_that_are_no_text():
    name = os.fsdecode(b"caf\xe9.csv")
    write_table(name, ["a", "b"])
    done = plainnet("train", name, *TRAIN, "--save", "m.npz")
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"caf\xe9.csv: 40 rows" in done.stdout
    assert plainnet("show", "m.npz").returncode == 0
    assert run(["report", "m.npz", name, "-o", "report.html"]) == 0
    assert r"caf\udce9.csv" in Path("report.html").read_text(encoding="utf-8")
    done = plainnet("train", os.fsdecode(b"\xff.csv"), *TRAIN)
    assert (done.returncode, done.stderr) == (2, b"plainnet: \\xff.csv does not exist\n")


# ---- no stream, a full one, one that nobody reads ----


def shell(line):
    line = line.replace("plainnet", f"'{sys.executable}' -m plainnet", 1)
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True)


@pytest.mark.skipif(os.name != "posix", reason="a shell closes the streams")
def test_closed_streams(model):
    for closed in (">&-", "2>&-", "<&- >&- 2>&-"):
        done = shell(f"plainnet train data.csv {' '.join(TRAIN)} --save closed.npz {closed}")
        assert (done.returncode, done.stderr) == (0, "")
        pn.load("closed.npz")
        os.unlink("closed.npz")
    assert shell("plainnet --help >&-").returncode == 0
    done = shell("plainnet predict m.npz data.csv >&-")
    assert done.returncode == 2
    assert done.stderr == "plainnet: standard output is closed; --output takes the name of a file to write\n"
    done = shell("plainnet show none.npz 2>&-")
    assert (done.returncode, done.stdout) == (2, "")


def test_without_streams_as_in_pythonw():
    code = """
import sys
sys.stdout = sys.stderr = None
from plainnet.cli import run
assert run(["xor", "--epochs", "10", "--save", "x.npz"]) == 1
assert run(["show", "none.npz"]) == 2
assert sys.stdout is None
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    pn.load("x.npz")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["predict m.npz data.csv", "show m.npz", "--help", "--version"])
def test_a_full_disk_is_one_line(command, model):
    with open("/dev/full", "w") as full:
        done = plainnet(*command.split(), stdout=full)
    assert done.returncode == 2
    assert done.stderr.startswith(b"plainnet: ")
    assert done.stderr.endswith(b"No space left on device\n")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_work_goes_on_where_its_log_is_full(model):
    with open("/dev/full", "w") as full:
        outputs = ["--save", "full.npz", "--plot", "full.png"]
        done = plainnet("train", "data.csv", *TRAIN, *outputs, stdout=full)
        xor = plainnet("xor", "--epochs", "3000", "--save", "xor.npz", stdout=full)
    assert done.stderr == b"plainnet: standard output cannot be written: No space left on device\n"
    assert done.returncode == xor.returncode == 2
    assert pn.load("full.npz").history.stopped == "all epochs"
    assert Path("full.png").exists()
    assert pn.load("xor.npz").history.epoch[-1] == 3000


@pytest.mark.skipif(os.name != "posix", reason="a shell makes the pipe")
def test_a_pipe_that_nobody_reads(model):
    for command in ("predict m.npz data.csv", "show m.npz", "--help"):
        done = shell(f"plainnet {command} | true")
        assert done.stderr == ""


# ---- what data may hold ----

HOSTILE = ["[red]a[/]", ":warning:", "\x1b[31mred", "a\x08b", "\x9b31m", "\u202eabc", "[/]", "[link=x]y"]


def test_data_reach_a_terminal_as_text(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    write_table("data.csv", HOSTILE, column="\x1b]0;title\x07x:smile:")
    name = "\x1b[2Jd[bold].csv" if os.name == "posix" else "data.csv"
    os.rename("data.csv", name)
    outputs = []
    for command in (
        ["train", name, *TRAIN, "--save", "m.npz"],
        ["evaluate", "m.npz", name],
        ["show", "m.npz"],
        ["explain", "m.npz", name],
        ["explain", "m.npz", name, "--row", "100"],
        ["predict", name, name],
        ["train", name, "--target", "\x1b[2J"],
        ["train", name, *TRAIN, "--class-weight", "\x1b[2J=1"],
        ["\x1b[2J"],
    ):
        run(command)
        text = "".join(capsys.readouterr())
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text), command
        outputs.append(text)
    trained, evaluated, shown = outputs[:3]
    for text in (trained, evaluated, shown):
        for literal in ("[red]a[/]", ":warning:", r"\x1b[31mred", "[/]"):
            assert literal in text
    assert r"\x1b]0;title\x07x:smile:" in shown


def test_names_of_any_length_leave_the_terminal_usable(capsys):
    long = "n" * 100_000
    write_table("data.csv", ["a" * 50_000, "b" * 50_000], column=long)
    for command in (
        ["train", "data.csv", *TRAIN, "--save", "m.npz"],
        ["evaluate", "m.npz", "data.csv"],
        ["show", "m.npz"],
    ):
        assert run(command) == 0
        printed = capsys.readouterr().out
        assert "characters left out" in printed
        assert len(printed) < 50_000


def test_predictions_on_a_terminal_are_shown_and_elsewhere_written(monkeypatch):
    class Terminal(io.TextIOWrapper):
        def isatty(self):
            return True

    write_table("data.csv", ["\x1b[2Jyes", "no"])
    assert run(["train", "data.csv", *TRAIN, "--save", "m.npz"]) == 0
    written = {}
    for kind in (Terminal, io.TextIOWrapper):
        out = kind(io.BytesIO(), "utf-8")
        monkeypatch.setattr(sys, "stdout", out)
        assert run(["predict", "m.npz", "data.csv", "--probabilities"]) == 0
        written[kind] = out.buffer.getvalue()
    assert b"\x1b[2Jyes" in written[io.TextIOWrapper]
    assert b"\x1b" not in written[Terminal]
    assert rb"\x1b[2Jyes" in written[Terminal]


def test_a_column_is_as_wide_as_what_it_shows():
    from plainnet.cli.display import plain_table

    table = plain_table("name", "n", left=(0,))
    table.add_row("\x1b" * 5, "1")
    table.add_row("a", "2")
    console = PlainConsole(width=60)
    with console.capture() as capture:
        console.print(table)
    ends = {len(line.rstrip()) for line in capture.get().splitlines() if line.rstrip().endswith(("1", "2"))}
    assert len(ends) == 1


def test_tabs_and_newlines_are_no_control_characters():
    assert visible("a\tb\nc é 猫") == "a\tb\nc é 猫"
    assert visible("\x00\x7f\x85") == r"\x00\x7f\x85"


# ---- the length of messages ----


def error_line(capsys, *arguments):
    assert run(list(arguments)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert len(error) < LONGEST_MESSAGE + 100
    return error


def test_no_error_line_is_a_page_long(capsys):
    names = [f"column_{i}" for i in range(300)]
    Path("wide.csv").write_text("\n".join([",".join(names), *[",".join("1" * 300)] * 3]))
    error = error_line(capsys, "train", "wide.csv", "--target", "colum_77")
    assert "did you mean 'column_77'? nearest of 300 known: " in error
    assert "and 290 more" in error_line(capsys, "train", "wide.csv", "--target", "?")
    Path("long.csv").write_text(f"a,b\n1,2\n3,4\n{'x' * 300_000},2\n")
    error_line(capsys, "train", "long.csv", "--target", "b")
    error_line(capsys, "train", "wide.csv", "--target", "y" * 100_000)
    error_line(capsys, "train", "wide.csv", "--target", "column_1", "--epochs", "y" * 100_000)
    error_line(capsys, "y" * 100_000)


def test_no_message_in_python_is_a_page_long():
    net = pn.Network(pn.Dense(1), input_size=2)
    for wrong in (["x"] * 100_000, "x" * 100_000, dict.fromkeys(range(100_000))):
        with pytest.raises(pn.errors.PlainnetError) as caught:
            net.fit(np.eye(4, 2), np.arange(4), loss="mse", batch_size=None, epochs=wrong)
        assert str(caught.value).startswith("epochs is ")
        assert str(caught.value).endswith("it takes a whole number of at least 1")
        assert len(str(caught.value)) < LONGEST_MESSAGE
    assert len(str(PlainnetWarning("x" * 10_000))) < LONGEST_MESSAGE
    assert str(InvalidValue("short")) == "short"


# ---- warnings ----


@pytest.fixture
def warning(monkeypatch):
    """A command during which a given warning is raised."""

    def warn_during(message, category):
        def load(path):
            warnings.warn(message, category, stacklevel=2)
            raise InvalidValue("the end")

        monkeypatch.setattr(pn, "load", load)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            run(["show", "m.npz"])

    return warn_during


@pytest.mark.parametrize(
    ("message", "category", "shown"),
    [
        ("mind", PlainnetWarning, "plainnet: note: mind\n"),
        ("overflow encountered in exp", RuntimeWarning, ""),
        ("something of matplotlib", UserWarning, ""),
        (
            "Glyph 29483 (\\N{CJK UNIFIED IDEOGRAPH-732B}) missing from font(s) DejaVu Sans.",
            UserWarning,
            "plainnet: note: the pictures show boxes for some letters of the names, as no font here has them\n",
        ),
    ],
)
def test_only_plainnets_own_warnings_are_its_notes(message, category, shown, warning, capsys, monkeypatch):
    monkeypatch.setattr(sys, "warnoptions", [])
    warning(message, category)
    assert capsys.readouterr().err == f"{shown}plainnet: the end\n"


@pytest.mark.parametrize(("options", "shown"), [(["-W", "default"], 1), ([], 0)])
def test_other_warnings_are_shown_as_theirs_to_those_who_ask(options, shown):
    code = """
import warnings
import plainnet as pn
from plainnet.cli import run
pn.load = lambda path: warnings.warn("overflow encountered in exp", RuntimeWarning)
try:
    run(["show", "m.npz"])
except AttributeError:
    pass
"""
    done = subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True)
    assert done.stderr.count("RuntimeWarning: overflow encountered in exp") == shown
    assert "note" not in done.stderr
