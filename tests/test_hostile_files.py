"""Hostile files: each loads to the same thing or is refused by name; nothing hangs, swells or runs."""

import io
import json
import random
import signal
import subprocess
import sys
import warnings
import zipfile

import numpy as np
import pytest

import plainnet as pn
from plainnet.errors import FileError, PlainnetError, PlainnetWarning
from plainnet.files import archive
from plainnet.tabular import read_table, write_table

X, y = pn.datasets.xor()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The bytes of a small model file, and its network."""
    net = pn.Network(pn.Dense(4, "sigmoid"), pn.BatchNorm(), pn.Dense(1, "sigmoid"), input_size=3, seed=1)
    net.fit(X, y, loss="mse", epochs=2, batch_size=None)
    path = tmp_path_factory.mktemp("model") / "model.npz"
    net.save(path)
    return path.read_bytes(), net


@pytest.fixture
def path(tmp_path):
    return tmp_path / "hostile.npz"


@pytest.fixture(autouse=True)
def _no_hang():
    """A test that hangs ends by a signal; single loads are timed in their own process below."""
    signal.alarm(120)
    yield
    signal.alarm(0)


def load_same_or_refuse(content, path, net):
    """Whether the content was refused; what loads must be the same model."""
    path.write_bytes(content)
    try:
        loaded = pn.load(path)
    except FileError as error:
        return str(path) in str(error)  # a refusal that does not name the file counts as none
    assert loaded.parameters.tobytes() == net.parameters.tobytes()
    assert loaded.statistics.tobytes() == net.statistics.tobytes()
    assert loaded.describe() == net.describe()
    return False


def changed(content, draw, most=1):
    """The content with 1 ... `most` bytes changed at drawn places."""
    damaged = bytearray(content)
    for _ in range(draw.randint(1, most)):
        place = draw.randrange(len(damaged))
        damaged[place] ^= draw.randint(1, 255)
    return bytes(damaged)


def test_truncated_at_every_byte(model, path):
    content, net = model
    refused = sum(load_same_or_refuse(content[:end], path, net) for end in range(len(content)))
    assert refused == len(content)


def change_bytes(model, path, cases):
    content, net = model
    draw = random.Random(0)
    refused = sum(load_same_or_refuse(changed(content, draw, most=1 + i % 8), path, net) for i in range(cases))
    assert refused > 0.9 * cases  # the rest are bytes that nobody reads, such as the zip file's times


def test_two_thousand_changed_bytes(model, path):
    change_bytes(model, path, 2_000)


@pytest.mark.slow
def test_half_a_million_changed_bytes(model, path):
    signal.alarm(3600)
    change_bytes(model, path, 500_000)


def test_a_flipped_bit_in_the_weights_is_an_error(model, path):
    content, net = model
    place = content.index(net.parameters.tobytes())
    for bit in range(8 * net.parameters.nbytes):
        damaged = bytearray(content)
        damaged[place + bit // 8] ^= 1 << bit % 8
        assert load_same_or_refuse(bytes(damaged), path, net)


def crafted(path, net, edit_record=lambda record: None, text=lambda text: text, checksum=True, **arrays):
    """A file as `save` writes it, its record and arrays edited, with a checksum that fits."""
    record = {"version": 1, "network": net.describe(), "table": None, "history": net.history.to_dict()}
    arrays = {"parameters": net.parameters, "statistics": net.statistics} | arrays
    arrays = {name: array for name, array in arrays.items() if array is not None}
    edit_record(record)
    plain = {name: array for name, array in arrays.items() if array.dtype != object}
    if checksum:
        record["checksum"] = archive._checksum(record, plain)
    np.savez(path, plainnet=np.array(text(json.dumps(record))), **arrays)


def set_in(record, *keys, value):
    for key in keys[:-1]:
        record = record[key]
    record[keys[-1]] = value


def edited(*keys, value):
    return {"edit_record": lambda record: set_in(record, *keys, value=value)}


CRAFTED = {
    "arrays swapped": lambda net: {"parameters": net.statistics, "statistics": net.parameters},
    "a longer vector": lambda net: {"parameters": np.zeros(99, "float32")},
    "a matrix": lambda net: {"parameters": net.parameters[None]},
    "float64": lambda net: {"parameters": net.parameters.astype("float64")},
    "integers": lambda net: {"parameters": net.parameters.astype("int32")},
    "objects": lambda net: {"parameters": np.array([{"a": 1}], dtype=object)},
    "no statistics": lambda net: {"statistics": None},
    "a billion units": lambda net: edited("network", "layers", 0, "units", value=10**9),
    "a huge input": lambda net: edited("network", "input_size", value=10**18),
    "no layers": lambda net: edited("network", "layers", value=[]),
    "layers that are text": lambda net: edited("network", "layers", value="Dense"),
    "an unknown layer": lambda net: edited("network", "layers", 0, "name", value="os.system"),
    "an unknown setting": lambda net: edited("network", "layers", 0, "shell", value="rm"),
    "units that are text": lambda net: edited("network", "layers", 0, "units", value="4"),
    "an activation that is a list": lambda net: edited("network", "layers", 0, "activation", value=[1]),
    "an activation within itself": lambda net: edited(
        "network", "layers", 0, "activation", value={"name": "leaky_relu", "slope": {"name": "elu"}}
    ),
    "a dtype of objects": lambda net: edited("network", "dtype", value="object"),
    "a negative seed": lambda net: edited("network", "seed", value=-1),
    "a seed that is text": lambda net: edited("network", "seed", value="1"),
    "no network": lambda net: edited("network", value=None),
    "a history that is a list": lambda net: edited("history", value=[1]),
    "a history with other names": lambda net: edited("history", "sudden", value=1),
    "metrics that are numbers": lambda net: edited("history", "metrics", value={"accuracy": 3}),
    "no version": lambda net: {"edit_record": lambda record: record.pop("version")},
    "a version that is text": lambda net: edited("version", value="1"),
    "a newer version": lambda net: edited("version", value=2),
    "no checksum": lambda net: {"checksum": False},
    "NaN": lambda net: {"text": lambda text: text.replace('"version": 1', '"version": 1, "x": NaN')},
    "infinity": lambda net: {"text": lambda text: text.replace('"version": 1', '"version": 1, "x": -Infinity')},
    "a number too large": lambda net: {"text": lambda text: text.replace('"version": 1', '"version": 1, "x": 1e999')},
    "a name twice": lambda net: {"text": lambda text: text.replace('"version": 1', '"version": 1, "version": 1')},
    "deep nesting": lambda net: {"text": lambda text: '{"version": 1, "x": ' + "[" * 100_000 + "]" * 100_000 + "}"},
    "a very long number": lambda net: {"text": lambda text: '{"version": ' + "1" * 100_000 + "}"},
    "a list": lambda net: {"text": lambda text: "[1, 2]"},
    "no JSON": lambda net: {"text": lambda text: text[:-1]},
    "an empty text": lambda net: {"text": lambda text: ""},
}


@pytest.mark.parametrize("kind", CRAFTED)
def test_a_crafted_file_with_a_fitting_checksum_is_refused(kind, model, path):
    _, net = model
    crafted(path, net, **CRAFTED[kind](net))
    with pytest.raises(FileError, match=r"hostile\.npz"):
        pn.load(path)


def test_the_crafting_itself_is_sound(model, path):
    _, net = model
    crafted(path, net)
    np.testing.assert_array_equal(pn.load(path).parameters, net.parameters)


def npy(shape, dtype="<f4", data=b"", header=None):
    """An .npy member with any header."""
    text = header or f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    body = text.encode() + b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(body).to_bytes(2, "little") + body + data


def zipped(members, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as zip_file:
        for name, data in members:
            zip_file.writestr(name, data)
    return file.getvalue()


def with_member(content, name, data):
    """The model with one member replaced or added."""
    with zipfile.ZipFile(io.BytesIO(content)) as zip_file:
        members = {entry.filename: zip_file.read(entry) for entry in zip_file.infolist()}
    return zipped({**members, name: data}.items())


def zip_bomb():
    """A kilobyte or so that unpacks to 1 GB."""
    zeros = io.BytesIO()
    with zipfile.ZipFile(zeros, "w", zipfile.ZIP_DEFLATED) as zip_file, zip_file.open("parameters.npy", "w") as member:
        member.write(npy((2**28,)))
        for _ in range(1024):
            member.write(bytes(2**20))
    return zeros.getvalue()


PACKAGED = {
    "a header that claims 10 TB": lambda content: with_member(content, "parameters.npy", npy((10**13,))),
    "a shape whose product overflows": lambda content: with_member(content, "parameters.npy", npy((2**62, 4))),
    "a negative shape": lambda content: with_member(content, "parameters.npy", npy((-1, 2))),
    "a shape that is no shape": lambda content: with_member(content, "parameters.npy", npy("'a'")),
    "a header that is code": lambda content: with_member(
        content, "parameters.npy", npy((), header="__import__('os').system('touch ran')")
    ),
    "a deep header": lambda content: with_member(content, "parameters.npy", npy((), header="(" * 4000)),
    "a long header": lambda content: with_member(content, "parameters.npy", npy((), header="'" + "x" * 60_000 + "'")),
    "a pickle": lambda content: with_member(content, "parameters.npy", b"cos\nsystem\n(S'touch ran'\ntR."),
    "a path upwards": lambda content: with_member(content, "../../escaped.npy", npy((1,), data=bytes(4))),
    "an absolute path": lambda content: with_member(content, "/tmp/escaped.npy", npy((1,), data=bytes(4))),
    "a member too many": lambda content: with_member(content, "more.txt", b"more"),
    "a member twice": lambda content: content.replace(b"statistics.npy", b"parameters.npy"),
    "compressed members": lambda content: zipped(
        [(name, data) for name, data in with_members(content)], zipfile.ZIP_DEFLATED
    ),
    "a zip bomb": lambda content: zip_bomb(),
    "nothing but a directory": lambda content: zipped([]),
    "random bytes": lambda content: random.Random(0).randbytes(5000),
}


def with_members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as zip_file:
        return [(entry.filename, zip_file.read(entry)) for entry in zip_file.infolist()]


WATCHED = """
import pathlib, resource, sys, time
import plainnet as pn
from plainnet.errors import FileError
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
for file in sorted(pathlib.Path(".").glob("*.npz")):
    before, began = peak(), time.perf_counter()
    try:
        pn.load(file)
    except FileError as error:
        assert file.name in str(error)
        assert time.perf_counter() - began < 2, f"{file} took too long"
        assert peak() - before < 256, f"{file} took {peak() - before} MB"
        continue
    sys.exit(f"{file} was loaded")
"""


def test_hostile_packages_are_refused_quickly_in_little_memory_and_run_nothing(model, tmp_path):
    for number, make in enumerate(PACKAGED.values()):
        (tmp_path / f"{number:02}.npz").write_bytes(make(model[0]))
    files = {file.name for file in tmp_path.iterdir()}
    result = subprocess.run([sys.executable, "-c", WATCHED], cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert {file.name for file in tmp_path.iterdir()} == files
    assert not (tmp_path.parent.parent / "escaped.npy").exists()


@pytest.mark.parametrize(("step", "changes"), [(31, 400), pytest.param(7, 2000, marks=pytest.mark.slow)])
def test_a_checkpoint_resumes_the_same_or_is_refused(tmp_path, step, changes):
    path = tmp_path / "run.npz"
    options = {"loss": "mse", "optimizer": "adam", "epochs": 3, "batch_size": 2, "checkpoint": path}

    def network():
        return pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1)

    net = network()
    net.fit(X, y, **options)
    content, draw, refused = path.read_bytes(), random.Random(1), 0
    cases = [content[:end] for end in range(0, len(content), step)] + [
        changed(content, draw, 4) for _ in range(changes)
    ]
    for case in cases:
        path.write_bytes(case)
        again = network()
        try:
            again.fit(X, y, **options, resume=True)
        except FileError as error:
            refused += str(path) in str(error)
            continue
        assert again.parameters.tobytes() == net.parameters.tobytes()
    assert refused > 0.9 * len(cases)


def read_or_refuse(content, path):
    """The table, or None where it was refused."""
    path.write_bytes(content)
    try:
        frame = read_table(path)
    except PlainnetError:
        return None
    import polars as pl

    assert isinstance(frame, pl.DataFrame)
    return frame


CSV = b'name,size,ok,price\n"Ann, B",1.5,true,3\nbo,2,false,\n"c ""d""",-3e2,true,NA\n'


@pytest.mark.needs("tables")
def test_csv_files_cut_or_changed_anywhere(tmp_path):
    """A cut or changed text may still be a table; anything else is refused."""
    path = tmp_path / "table.csv"
    draw = random.Random(2)
    cases = [CSV[:end] for end in range(len(CSV))] + [changed(CSV, draw, 5) for _ in range(3000)]
    with warnings.catch_warnings(action="ignore", category=PlainnetWarning):  # as of names that stand twice
        outcomes = [read_or_refuse(case, path) for case in cases]
    assert sum(frame is None for frame in outcomes) > 200
    assert sum(frame is not None for frame in outcomes) > 200


@pytest.fixture
def parquet(tmp_path):
    path = tmp_path / "table.parquet"
    import polars as pl

    write_table(path, pl.DataFrame({"a": [1.0, 2.0, None], "b": ["x", "y", "x"], "c": [True, False, True]}))
    return path


@pytest.mark.needs("tables")
def test_parquet_files_cut_anywhere(parquet):
    content = parquet.read_bytes()
    assert all(read_or_refuse(content[:end], parquet) is None for end in range(len(content)))


def change_parquet(parquet, cases, seed):
    """A changed number may pass for a number (Parquet has no checksum of its own); anything else is refused."""
    content, draw = parquet.read_bytes(), random.Random(seed)
    outcomes = [read_or_refuse(changed(content, draw, 5), parquet) for _ in range(cases)]
    assert sum(frame is None for frame in outcomes) > cases // 4


@pytest.mark.needs("tables")
def test_changed_parquet_files(parquet, capfd):
    change_parquet(parquet, 40, seed=3)
    capfd.readouterr()  # polars writes of its own panics to standard error


@pytest.mark.needs("tables")
def test_a_parquet_file_that_ends_polars_process_is_refused(parquet):
    """One of these changes makes polars 2.1 ask for 2 ** 61 bytes and abort."""
    content, draw = parquet.read_bytes(), random.Random(3)
    for case in [changed(content, draw, 5) for _ in range(490)][480:]:
        read_or_refuse(case, parquet)


@pytest.mark.needs("tables")
@pytest.mark.slow
def test_many_changed_parquet_files(parquet, capfd):
    signal.alarm(3600)
    change_parquet(parquet, 3000, seed=4)
    capfd.readouterr()
