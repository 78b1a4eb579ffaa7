"""What is written destroys nothing: neither inputs nor other outputs, neither links nor devices nor modes."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from shared import SMALL

import plainnet as pn
from plainnet.cli import run
from plainnet.errors import FileError
from plainnet.files.writing import check_writable, is_same_place, replacing

pytestmark = pytest.mark.usefixtures("in_empty_folder")

PLAINNET = [sys.executable, "-m", "plainnet"]
POSIX = pytest.mark.skipif(os.name != "posix", reason="links, modes and special files as POSIX has them")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A table, rows of the same kind, and a model of it, as bytes."""
    folder = tmp_path_factory.mktemp("prepared")
    random = np.random.default_rng(0)
    lines = [f"{a:.3f},{b:.3f},{'yes' if a > b else 'no'}" for a, b in random.normal(size=(60, 2))]
    (folder / "data.csv").write_text("\n".join(["a,b,y", *lines, ""]))
    model = folder / "model.npz"
    assert run(["train", str(folder / "data.csv"), *TRAIN, "--save", str(model)]) == 0
    return (folder / "data.csv").read_bytes(), model.read_bytes()


TRAIN = ["--target", "y", *SMALL, "--hidden", "4", "--epochs", "2", "--no-progress"]
COMPARE = ["--target", "y", "--hidden", "4", "--epochs", "2", "--no-progress", "--seeds", "2", "--workers", "1"]


@pytest.fixture
def inputs(prepared):
    """data.csv, held.csv and model.npz in the current folder, with other names of the same files."""
    data, model = prepared
    Path("data.csv").write_bytes(data)
    Path("held.csv").write_bytes(data)
    Path("model.npz").write_bytes(model)
    Path("model.html").write_bytes(model)
    Path("folder").mkdir()
    before = {path: path.read_bytes() for path in Path().glob("*.*")}
    yield before
    assert {path: path.read_bytes() for path in before} == before, "an input has changed"


def refusal(capsys, *arguments):
    """The one line on standard error of a command that is refused with status 2."""
    status = run([str(argument) for argument in arguments])
    out, error = capsys.readouterr()
    assert status == 2, error
    assert error.startswith("plainnet: ")
    assert error.count("\n") == 1
    assert out == "", "refused only after some work"
    return error


# ---- inputs ----


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train data.csv {train} --save data.csv", "--save is data.csv, the table itself"),
        ("train data.csv {train} --checkpoint data.csv", "--checkpoint is data.csv"),
        ("train data.csv {train} --plot data.csv", "--plot is data.csv"),
        ("train data.csv {train} --report data.csv", "--report is data.csv"),
        (
            "train data.csv {train} --validation held.csv --save held.csv",
            "--save is held.csv, the --validation file itself",
        ),
        ("predict model.npz data.csv -o data.csv", "--output is data.csv, the table itself"),
        ("predict model.npz data.csv -o folder/../data.csv", "the table itself"),
        ("predict model.npz data.csv -o ./model.npz", "--output is model.npz"),
        ("compare data.csv {compare} --csv data.csv", "--csv is data.csv, the table itself"),
        ("compare data.csv {compare} --json data.csv", "--json is data.csv, the table itself"),
        ("compare data.csv {compare} --results data.csv --resume", "--results is data.csv"),
        ("compare data.csv {compare} --plot data.csv", "--plot is data.csv"),
        ("explain model.npz data.csv --html data.csv", "--html is data.csv"),
        ("explain model.npz data.csv --html model.npz", "--html is model.npz, the model itself"),
        ("explain model.html data.csv --html model.html", "--html is model.html, the model itself"),
        ("report model.npz data.csv -o model.npz", "--output is model.npz"),
        ("report model.html data.csv -o model.html", "--output is model.html, the model itself"),
        ("export model.npz --to onnx -o model.npz", "--output is model.npz, the model itself"),
    ],
)
def test_no_command_writes_over_what_it_reads(command, words, inputs, capsys):
    command = command.replace("{train}", " ".join(TRAIN)).replace("{compare}", " ".join(COMPARE))
    assert words in refusal(capsys, *command.split())


@POSIX
@pytest.mark.parametrize("other", ["link.csv", "hard.csv", "linked/data.csv", "chain.csv"])
def test_an_input_is_known_by_any_of_its_names(other, inputs, capsys):
    Path("link.csv").symlink_to("data.csv")
    Path("chain.csv").symlink_to("link.csv")
    os.link("data.csv", "hard.csv")
    Path("linked").symlink_to(".")
    assert "the table itself" in refusal(capsys, "predict", "model.npz", "data.csv", "-o", other)
    assert "the table itself" in refusal(capsys, "predict", "model.npz", other, "-o", "data.csv")
    os.chmod("data.csv", 0o444)
    assert "the table itself" in refusal(capsys, "predict", "model.npz", "data.csv", "-o", other)
    assert Path("link.csv").is_symlink()


def test_weights_beside_a_script_are_an_output_too(capsys):
    net = pn.Network(pn.Dense(100, "tanh"), pn.Dense(100), input_size=3, seed=1)  # too large for the script itself
    net.save("net_weights.npz")
    before = Path("net_weights.npz").read_bytes()
    assert "net_weights.npz, the model itself" in refusal(capsys, "export", "net_weights.npz", "-o", "net.py")
    assert Path("net_weights.npz").read_bytes() == before


def test_weights_of_a_script_replace_those_of_before_but_no_model(inputs, capsys):
    net = pn.Network(pn.Dense(100, "tanh"), pn.Dense(100), input_size=3, seed=1)
    net.save("large.npz")
    for _ in range(2):
        assert run(["export", "large.npz", "-o", "own.py"]) == 0
    net.save("other_weights.npz")
    before = Path("other_weights.npz").read_bytes()
    capsys.readouterr()
    line = refusal(capsys, "export", "large.npz", "-o", "other.py")
    assert "other_weights.npz, which takes the numbers of other.py, is a model" in line
    assert Path("other_weights.npz").read_bytes() == before
    assert not Path("other.py").exists()


@POSIX
def test_a_file_that_standard_output_goes_to_is_not_replaced(inputs):
    with open("log.csv", "w") as log:
        command = [*PLAINNET, "predict", "model.npz", "data.csv", "-o", "log.csv"]
        process = subprocess.run(command, stdout=log, stderr=subprocess.PIPE, text=True)
    assert process.returncode == 2
    assert process.stderr == "plainnet: --output is log.csv, where standard output goes; it takes another name\n"


@POSIX
def test_a_file_that_standard_input_comes_from_is_an_input(inputs):
    with open("data.csv") as data:
        command = [*PLAINNET, "predict", "model.npz", "-", "-o", "data.csv"]
        process = subprocess.run(command, stdin=data, stderr=subprocess.PIPE, text=True)
    assert process.returncode == 2
    assert process.stderr == "plainnet: --output is data.csv, the table itself; it takes another name\n"


# ---- other outputs ----


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train data.csv {train} --save m.npz --checkpoint ./m.npz", "--save and --checkpoint are both m.npz"),
        ("train data.csv {train} --save m.npz --checkpoint folder/../m.npz", "--save and --checkpoint are both m.npz"),
        ("train data.csv {train} --save both --checkpoint both", "--save and --checkpoint are both both"),
        ("xor --report a.html --explain --html ./a.html", "--report and --html are both a.html"),
        ("compare data.csv {compare} --json a.json --results a.json", "--results and --json are both a.json"),
    ],
)
def test_no_output_is_written_over_another(command, words, inputs, capsys):
    command = command.replace("{train}", " ".join(TRAIN)).replace("{compare}", " ".join(COMPARE))
    assert words in refusal(capsys, *command.split())


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("train data.csv {train} --save model.csv", "--save is model.csv, with the ending '.csv'"),
        ("train data.csv {train} --checkpoint run.html", "--checkpoint is run.html, with the ending '.html'"),
        ("train data.csv {train} --plot loss", "--plot is loss, without an ending"),
        ("xor --save xor.png", "--save is xor.png"),
        ("xor --explain --html step.npz", "--html is step.npz"),
        ("compare data.csv {compare} --csv runs.json", "--csv is runs.json"),
        ("compare data.csv {compare} --results runs.npz", "--results is runs.npz"),
        ("predict model.npz data.csv -o p.npz", "--output is p.npz, with the ending '.npz'; it takes"),
        ("report model.npz data.csv -o p.csv", "--output is p.csv"),
    ],
)
def test_an_ending_of_another_kind_is_refused(command, words, inputs, capsys):
    command = command.replace("{train}", " ".join(TRAIN)).replace("{compare}", " ".join(COMPARE))
    assert words in refusal(capsys, *command.split())


def test_a_model_may_have_a_name_without_an_ending(inputs):
    assert run(["train", "data.csv", *TRAIN, "--save", "latest"]) == 0
    assert pn.load("latest").table is not None


def test_names_that_are_one_file_where_case_does_not_count(monkeypatch):
    """A file system that takes A.npz for a.npz, as those of Windows and macOS do, imitated."""
    assert not is_same_place("A.npz", "a.npz")
    exists = os.path.exists
    folded = lambda path: exists(path) or os.path.basename(path).lower() in map(str.lower, os.listdir())  # noqa: E731
    monkeypatch.setattr(os.path, "exists", folded)
    assert is_same_place("A.npz", "a.npz")
    assert not is_same_place("A.npz", "b.npz")
    assert os.listdir() == []


# ---- what stands where a file is to be written ----


def content_of(path, mode="rb"):
    with open(path, mode) as file:
        return file.read()


@POSIX
def test_a_pipe_is_written_into(inputs):
    os.mkfifo("p.csv")
    read = []
    reader = threading.Thread(target=lambda: read.append(content_of("p.csv")), daemon=True)
    reader.start()
    assert run(["predict", "model.npz", "data.csv", "-o", "p.csv"]) == 0
    reader.join(60)
    assert stat.S_ISFIFO(os.stat("p.csv").st_mode)
    assert read[0].startswith(b"prediction\n")
    assert read[0].count(b"\n") == 61


@POSIX
def test_a_device_stays_a_device(inputs):
    if os.getuid() == 0:
        try:
            os.mknod("null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        except OSError:
            pytest.skip("this system makes no devices")
        assert run(["train", "data.csv", *TRAIN, "--save", "null"]) == 0
        assert stat.S_ISCHR(os.stat("null").st_mode)
    status = os.stat("/dev/null")
    pn.load("model.npz").save("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert os.stat("/dev/null").st_ino == status.st_ino


@POSIX
def test_what_cannot_be_a_file_is_refused_in_one_line(inputs, capsys):
    import socket

    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        assert "socket is a socket" in refusal(capsys, "train", "data.csv", *TRAIN, "--save", "socket")
    Path("a.npz").symlink_to("b.npz")
    Path("b.npz").symlink_to("a.npz")
    assert "go round in a circle" in refusal(capsys, "train", "data.csv", *TRAIN, "--save", "a.npz")
    Path("gone.npz").symlink_to("nowhere/m.npz")
    assert "there is no folder nowhere" in refusal(capsys, "train", "data.csv", *TRAIN, "--save", "gone.npz")
    assert "folder is a folder" in refusal(capsys, "train", "data.csv", *TRAIN, "--save", "folder")
    for name in ("", "folder/", "a\0b"):
        with pytest.raises(FileError):
            check_writable(name)


@pytest.mark.skipif(not os.path.islink("/dev/stdout"), reason="/dev/stdout is a link on Linux")
def test_standard_output_by_name(inputs):
    code = "import plainnet as pn; pn.load('model.npz').save('/dev/stdout')"
    link = os.readlink("/dev/stdout")
    written = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True).stdout
    Path("again.npz").write_bytes(written)
    assert pn.load("again.npz").history == pn.load("model.npz").history
    with open("log", "w") as log:
        process = subprocess.run([sys.executable, "-c", code], stdout=log, stderr=subprocess.PIPE, text=True)
    assert "/dev/stdout is a file that is open already" in process.stderr
    assert os.readlink("/dev/stdout") == link


@POSIX
@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_its_target_is_written(exists, inputs):
    Path("runs").mkdir()
    if exists:
        Path("runs/1.csv").write_text("old")
    Path("latest.csv").symlink_to("runs/1.csv")
    assert run(["predict", "model.npz", "data.csv", "-o", "latest.csv"]) == 0
    assert os.readlink("latest.csv") == "runs/1.csv"
    assert Path("runs/1.csv").read_text().startswith("prediction\n")
    assert os.listdir("runs") == ["1.csv"]


@POSIX
def test_other_hard_links_keep_the_old_file(inputs):
    Path("a.csv").write_text("old")
    os.link("a.csv", "b.csv")
    assert run(["predict", "model.npz", "data.csv", "-o", "a.csv"]) == 0
    assert Path("a.csv").read_text().startswith("prediction\n")
    assert Path("b.csv").read_text() == "old"


@POSIX
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_the_mode_of_an_existing_file_is_kept(mode, inputs):
    Path("secret.npz").touch()
    os.chmod("secret.npz", mode)
    assert run(["train", "data.csv", *TRAIN, "--save", "secret.npz"]) == 0
    assert stat.S_IMODE(os.stat("secret.npz").st_mode) == mode
    pn.load("secret.npz")


@POSIX
def test_a_private_file_is_private_while_it_is_written():
    Path("secret").touch(0o600)
    with replacing("secret") as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600
        file.write(b"new")
    assert Path("secret").read_bytes() == b"new"


@POSIX
def test_a_new_file_has_the_mode_that_the_umask_leaves():
    before = os.umask(0o027)
    try:
        with replacing("new") as file:
            file.write(b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat("new").st_mode) == 0o640


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only the administrator gives files away")
def test_the_owner_of_an_existing_file_is_kept():
    Path("theirs").touch()
    os.chown("theirs", 65534, 65534)
    with replacing("theirs") as file:
        file.write(b"new")
    assert (os.stat("theirs").st_uid, os.stat("theirs").st_gid) == (65534, 65534)


def test_a_read_only_file_is_refused_before_any_work(inputs, capsys):
    Path("kept.npz").write_text("kept")
    os.chmod("kept.npz", 0o444)
    assert "kept.npz cannot be written: it is read-only" in refusal(
        capsys, "train", "data.csv", *TRAIN, "--save", "kept.npz"
    )
    os.chmod("kept.npz", 0o644)
    assert Path("kept.npz").read_text() == "kept"


CLOSED = """
import os
from plainnet.files.writing import replacing
os.getuid() or os.setuid(65534)
with replacing("closed/file") as file:
    file.write(b"new")
"""


@POSIX
def test_a_closed_folder_is_named(tmp_path):
    """As an ordinary user where the tests run as root, for whom no folder is closed."""
    Path("closed").mkdir()
    Path("closed/file").write_text("old")
    os.chmod("closed/file", 0o666)
    os.chmod("closed", 0o555)
    tmp_path.chmod(0o755)
    process = subprocess.run([sys.executable, "-c", CLOSED], stderr=subprocess.PIPE, text=True)
    os.chmod("closed", 0o755)
    assert "closed/file cannot be written: closed takes no new files (Permission denied)" in process.stderr
    assert Path("closed/file").read_text() == "old"


@pytest.mark.parametrize("name", ["n" * 251 + ".npz", "ä" * 125 + ".npz"])
def test_a_name_as_long_as_the_system_takes(name):
    net = pn.Network(pn.Dense(1), input_size=2, seed=1)
    net.save(name)
    net.save(name)
    assert os.listdir() == [name]
    pn.load(name)


def test_a_file_mounted_by_itself_is_written_in_place(monkeypatch):
    """Nothing can be renamed over a mount point; a container mounts single files."""
    Path("mounted").write_text("the old content, which is longer")
    number = os.stat("mounted").st_ino
    monkeypatch.setattr(os.path, "ismount", lambda path: os.path.basename(path) == "mounted")
    with replacing("mounted") as file:
        file.write(b"new")
    assert Path("mounted").read_bytes() == b"new"
    assert os.stat("mounted").st_ino == number
    with pytest.raises(ZeroDivisionError), replacing("mounted") as file:
        file.write(b"half" if 1 / 0 else b"")
    assert Path("mounted").read_bytes() == b"new"


def test_threads_that_write_one_file_leave_one_whole_content():
    contents = [bytes([65 + i]) * 100_000 for i in range(8)]
    barrier = threading.Barrier(len(contents))

    def write(content):
        barrier.wait()
        for _ in range(20):
            with replacing("file") as file:
                for start in range(0, len(content), 10_000):
                    file.write(content[start : start + 10_000])

    threads = [threading.Thread(target=write, args=[content]) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Path("file").read_bytes() in contents
    assert os.listdir() == ["file"]


# ---- in Python ----


def mapped_data():
    random = np.random.default_rng(0)
    for name, array in {"X.npy": random.normal(size=(40, 3)), "y.npy": random.integers(2, size=40)}.items():
        np.save(name, array)
    return np.load("X.npy", mmap_mode="r"), np.load("y.npy", mmap_mode="r")


def test_a_network_is_not_saved_over_its_mapped_data():
    X, y = mapped_data()
    before = Path("X.npy").read_bytes()
    net = pn.Network(pn.Dense(2, "softmax"), input_size=3, seed=1)
    net.fit(X[5:], y[5:], loss="cross_entropy", epochs=1, batch_size=8)
    for path in ("X.npy", Path("./X.npy"), os.path.abspath("y.npy")):
        with pytest.raises(FileError, match="holds training data"):
            net.save(path)
    os.link("X.npy", "X.onnx")
    with pytest.raises(FileError, match="holds training data"):
        net.export("X.onnx")
    assert Path("X.npy").read_bytes() == before
    net.save("net.npz")


@pytest.mark.parametrize("resume", [False, True])
def test_a_checkpoint_is_not_written_over_mapped_data(resume):
    X, y = mapped_data()
    net = pn.Network(pn.Dense(2, "softmax"), input_size=3, seed=1)
    held = {"validation": (X, y)}
    with pytest.raises(FileError, match=r"X\.npy holds training data"):
        net.fit(np.array(X), np.array(y), loss="cross_entropy", epochs=1, **held, checkpoint="X.npy", resume=resume)
    np.testing.assert_array_equal(np.load("X.npy"), X)
