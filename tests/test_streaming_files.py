"""Pieces of table files hold, put together, the rows that reading the whole file gives."""

import bz2
import gzip
import zipfile
from contextlib import suppress

import numpy as np
import polars as pl
import pytest

from plainnet.errors import FileError
from plainnet.tabular.read_options import DEFAULT, ReadOptions
from plainnet.tabular.reading import _open_file
from plainnet.tabular.streaming import file_pieces as file_pieces_module
from plainnet.tabular.streaming import files_in, footers, pieces_of, text_pieces

ROWS = 1000
random = np.random.default_rng(0)
FRAME = pl.DataFrame(
    {
        "x": random.normal(size=ROWS).round(3),
        "text": [["a", "b, c", 'say "x"', "two\nlines", "", "NA", None][i % 7] for i in range(ROWS)],
        "whole": np.arange(ROWS),
        "y": random.integers(0, 2, ROWS),
    }
)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Text comes in pieces of about 1,000 bytes."""
    monkeypatch.setattr(text_pieces, "TEXT_BYTES", 1000)


def assert_whole(path, options=DEFAULT, least=3):
    """Assert that the pieces of a file are its rows in their order, at the places where they stand."""
    whole, pieces = _open_file(path, options), pieces_of(path, options)
    assert len(pieces) >= least
    assert [piece.first for piece in pieces] == np.cumsum([0, *(piece.rows for piece in pieces)])[:-1].tolist()
    read = {piece.first: piece.read() for piece in reversed(pieces)}  # in any order
    assert pl.concat([read[piece.first].frame for piece in pieces], how="vertical_relaxed").equals(whole.frame)
    for first, raw in read.items():
        assert raw.written == whole.written
        assert [raw.place(row) for row in range(len(raw.frame))] == [
            whole.place(first + row) for row in range(len(raw.frame))
        ]
        assert raw.is_text == whole.is_text
    for column in {column for raw in read.values() for column in raw.quoted} | whole.quoted.keys():
        rows = [raw.quoted[column] + first for first, raw in sorted(read.items()) if column in raw.quoted]
        np.testing.assert_array_equal(np.concatenate(rows), whole.quoted[column])
    return pieces


def test_row_groups_of_parquet(tmp_path):
    path = tmp_path / "rows.parquet"
    FRAME.write_parquet(path, row_group_size=130)
    pieces = assert_whole(path)
    assert [piece.rows for piece in pieces] == [group.rows for group in footers.parquet_groups(path)]
    assert pieces[1].read(["y", "x"]).written == ["x", "y"]


def test_a_large_row_group_comes_in_parts(tmp_path, monkeypatch):
    path = tmp_path / "rows.parquet"
    FRAME.write_parquet(path, row_group_size=ROWS)
    monkeypatch.setattr(file_pieces_module, "GROUP_BYTES", 4000)
    assert max(piece.rows for piece in assert_whole(path)) < 350


@pytest.mark.parametrize("compression", ["uncompressed", "zstd"])
def test_record_batches_of_arrow(tmp_path, compression):
    path = tmp_path / "rows.arrow"
    FRAME.write_ipc(path, record_batch_size=130, compression=compression)
    assert_whole(path)


def test_an_arrow_stream_is_one_piece(tmp_path):
    path = tmp_path / "rows.arrow"
    FRAME.write_ipc_stream(path)
    assert len(assert_whole(path, least=1)) == 1


LINES = FRAME.write_csv().encode()
GERMAN = "name;größe\n" + "".join(f"é{i};{i},5\n" for i in range(ROWS))
TEXTS = {
    "commas": LINES,
    "carriage returns": FRAME.drop("text").write_csv().replace("\n", "\r\n").encode(),
    "no last newline": LINES[:-1],
    "byte order mark and separator": b"\xef\xbb\xbfsep=;\n" + GERMAN.encode(),
    "blank lines": LINES.replace(b"\na,", b"\n\n  \na,").replace(b",0\n", b",0\n\n\n") + b"\n\n\x1a",
    "one column": b"x\n" + b"".join(b"%d\n\n" % i for i in range(ROWS)),
    "one column with blank lines at the end": b"x\n" + b"".join(b"%d\n" % i for i in range(ROWS)) + b"\n" * 2000,
    "a long record": LINES + b'1,"' + b"\n" * 5000 + b'",2,3\n' + b'1,"a",2,3\n' * 300,
    "UTF-16": GERMAN.encode("utf-16"),
    "Windows-1252": GERMAN.encode("cp1252"),
}


@pytest.mark.filterwarnings("ignore::plainnet.errors.PlainnetWarning")
@pytest.mark.parametrize("content", TEXTS.values(), ids=TEXTS)
def test_lines_of_text(tmp_path, content):
    path = tmp_path / "rows.csv"
    path.write_bytes(content)
    assert_whole(path)


@pytest.mark.parametrize("options", [ReadOptions(encoding="utf-16-le"), ReadOptions(separator=";", missing=["-"])])
def test_options_hold_in_every_piece(tmp_path, options):
    path = tmp_path / "rows.csv"
    path.write_bytes(GERMAN.encode(options.encoding or "utf-8"))
    assert_whole(path, options)


def test_json_lines(tmp_path):
    path = tmp_path / "rows.jsonl"
    FRAME.write_ndjson(path)
    assert_whole(path)


def test_compressed_text_and_archives(tmp_path):
    for name, content in (("rows.csv.gz", gzip.compress(LINES)), ("rows.csv.bz2", bz2.compress(LINES))):
        (tmp_path / name).write_bytes(content)
        assert_whole(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "rows.zip", "w") as archive:
        archive.writestr("inside.csv", LINES)
    assert_whole(tmp_path / "rows.zip")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(LINES)[:-20])
    with pytest.raises(FileError, match=r"cut\.csv\.gz is not a whole file compressed by gzip"):
        pieces_of(tmp_path / "cut.csv.gz")


def test_a_folder_stands_for_its_tables(tmp_path):
    for name in ("b.parquet", "a.parquet", "_metadata.parquet"):
        FRAME.write_parquet(tmp_path / name, row_group_size=400)
    (tmp_path / "_SUCCESS").touch()
    assert [file.name for file in files_in(tmp_path)] == ["a.parquet", "b.parquet"]
    assert sum(piece.rows for piece in pieces_of([tmp_path, tmp_path / "a.parquet"])) == 3 * ROWS
    (tmp_path / "part=1").mkdir()
    FRAME.write_parquet(tmp_path / "part=1" / ".half-written.parquet")
    assert len(files_in(tmp_path)) == 2
    FRAME.write_parquet(tmp_path / "part=1" / "c.parquet")
    with pytest.raises(FileError, match="holds the folder part=1 with tables"):
        pieces_of(tmp_path)
    with pytest.raises(FileError, match="does not exist"):
        pieces_of(tmp_path / "none.parquet")


def test_no_table_of_a_folder_is_passed_over_in_silence(tmp_path):
    FRAME.write_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").symlink_to(tmp_path / "nothing.parquet")
    with pytest.raises(FileError, match=r"b\.parquet does not exist"):
        pieces_of(tmp_path)
    (tmp_path / "b.parquet").unlink()
    (tmp_path / "c.csv.zst").write_bytes(b"\x28\xb5\x2f\xfd")
    with pytest.raises(FileError, match=r"c\.csv\.zst has the ending '\.zst'.*unpack it first"):
        pieces_of(tmp_path)


def test_errors_name_the_line_in_the_file(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_bytes(b"x,y\n" + b"1,2\n" * 700 + b"1,2,3\n" + b"1,2\n" * 700)
    pieces = pieces_of(path)
    why = "separated by commas, on which the header and the first rows agree best"  # nobody has said so
    with pytest.raises(FileError, match=rf"rows\.csv, line 702: 3 fields where the header has 2; the fields are {why}"):
        [piece.read() for piece in pieces]
    path.write_bytes(b"x,y\n" + b"1,2\n" * 700 + b'1,a"b\n' + b"1,2\n" * 700)
    with pytest.raises(FileError, match=r"rows\.csv, line 702: a quotation mark is out of place"):
        [piece.read() for piece in pieces_of(path)]
    path.write_bytes(("x,y\n" + "1,ä\n" * 700).encode() + "1,ä\n".encode("cp1252") * 700)
    with pytest.raises(FileError, match="is UTF-8 in one part and not in another"):
        pieces_of(path)


def test_a_file_that_changes_is_refused(tmp_path):
    path = tmp_path / "rows.parquet"
    FRAME.write_parquet(path, row_group_size=100)
    pieces = pieces_of(path)
    FRAME[:450].write_parquet(path, row_group_size=100)
    with pytest.raises(FileError, match=r"from row 401 on, has 50 rows where it had 100"):
        pieces[4].read()
    path.unlink()
    with pytest.raises(FileError, match=r"rows\.parquet, from row 1 on, cannot be read"):
        pieces[0].read()


@pytest.mark.parametrize("ending", [".parquet", ".arrow"])
def test_damaged_footers_are_refused(tmp_path, ending):
    path = tmp_path / f"rows{ending}"
    (FRAME.write_parquet if ending == ".parquet" else FRAME.write_ipc)(path)
    content = path.read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(300):
        damaged = bytearray(content)
        for place in rng.integers(len(content) - 1500, len(content), size=3):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        with suppress(FileError):  # what is damaged elsewhere shows when it is read
            pieces_of(path)
    path.write_bytes(content[:-100])
    with pytest.raises(FileError, match="without its end"):
        pieces_of(path)
