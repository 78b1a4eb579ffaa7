"""The pieces of a text table are ranges of whole records, found by one pass over the file."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plainnet.errors import FileError
from plainnet.tabular.decoding import END_OF_FILE, encoding_of, refuse_other_file, warn_of_cp1252
from plainnet.tabular.layout import Layout, layout_of
from plainnet.tabular.read_options import ReadOptions
from plainnet.tabular.records import Records
from plainnet.tabular.sources import BYTE_ORDER_MARK, JSON_ENDINGS, NoRows, Source
from plainnet.tabular.streaming.unpacking import Unpacked, in_utf8
from plainnet.tabular.text_table import read_text
from plainnet.tabular.typed_files import read_json_lines

if TYPE_CHECKING:
    from plainnet.tabular.raw_table import RawTable

TEXT_BYTES = 2**24
"""About the bytes of a piece."""

Loading = Callable[[Collection[str] | None], "RawTable"]


@dataclass(frozen=True)
class _Range:
    """Whole records that stand together in a file."""

    start: int
    content: bytes
    lines_before: int


def text_pieces(source: Unpacked, options: ReadOptions) -> list[tuple[int, Loading]]:
    """Return the number of rows of each piece of a CSV, TSV or JSON Lines file, and what reads it.

    Each piece is read as a file of its own with the header before it, by the same rules; the separator and the
    encoding are those of the whole file.
    """
    given = source
    source = _of_single_bytes(source, options)
    if source is not given:
        options = replace(options, encoding=None)
    if source.ending in JSON_ENDINGS:
        return _pieces_of_json_lines(source, options)
    layout: Layout | None = None
    encodings: set[str] = set()
    found: list[tuple[int, int, int, int]] = []  # rows, start, length, lines before
    for part in _ranges(source):
        if not part.content.isascii():
            encodings.add(options.encoding or encoding_of(part.content))
        content, start, lines = part.content, part.start, part.lines_before
        if layout is None:
            header, layout, width = _header(source, content, options)
            start, content = start + len(header), content[len(header) :]
            lines += header.count(b"\n")
        rows = _rows(content, width, layout.separator)
        if rows:
            found.append((rows, start, len(content), lines))
    if layout is None:
        raise FileError(f"{source.where} is empty")
    if not found:
        raise NoRows(source.where)
    known = replace(options, encoding=_encoding(source, encodings, options))
    of_part = replace(layout, header=0)
    names = _last_record(header.removeprefix(BYTE_ORDER_MARK))

    def load(start: int, length: int, lines: int, columns: Collection[str] | None) -> RawTable:
        content = names + _read(source, start, length)
        before = lines - names.count(b"\n")
        return read_text(Source(source.where, source.ending, content, lines_before=before), known, of_part)

    return [(rows, partial(load, start, length, lines)) for rows, start, length, lines in found]


def has_newlines(path: Path) -> bool:
    """Return True if lines end in newlines, or may: a text that has carriage returns alone cannot be cut."""
    with open(path, "rb") as file:
        beginning = file.read(TEXT_BYTES)
    return b"\n" in beginning or b"\r" not in beginning


def _pieces_of_json_lines(source: Unpacked, options: ReadOptions) -> list[tuple[int, Loading]]:
    def load(start: int, length: int, lines: int, first: int, columns: Collection[str] | None) -> RawTable:
        content = _read(source, start, length)
        raw = read_json_lines(Source(source.where, source.ending, content, lines_before=lines), options)
        return replace(raw, place=lambda row: f"{source.where}, row {first + row + 1}")

    found: list[tuple[int, Loading]] = []
    first = 0
    for part in _ranges(source, quotes=False):
        rows = sum(1 for line in part.content.split(b"\n") if line.strip())
        if rows:
            place = part.start, len(part.content), part.lines_before, first
            found.append((rows, partial(load, *place)))
        first += rows
    if not found:
        raise FileError(f"{source.where} is empty")
    return found


def _of_single_bytes(source: Unpacked, options: ReadOptions) -> Unpacked:
    """Return the text, or a copy in UTF-8 where line breaks and quotation marks are more than a byte each."""
    with open(source.path, "rb") as file:
        beginning = file.read(1000)
    refuse_other_file(source.where, beginning)
    encoding = options.encoding
    if encoding is None:
        return in_utf8(source, "utf-16") if beginning.startswith((b"\xff\xfe", b"\xfe\xff")) else source
    marks = '\n",'
    return source if marks.encode(encoding) == marks.encode() else in_utf8(source, encoding)


def _ranges(source: Unpacked, *, quotes: bool = True) -> Iterator[_Range]:
    """Cut a file into ranges of about TEXT_BYTES, each of which ends with a record that is not an empty line.

    A record ends at a line break outside of quotation marks: where the number of marks before it in the range is
    even. So the rest of the file follows the last range without a record in it.
    """
    start = lines = 0
    size = TEXT_BYTES
    with open(source.path, "rb") as file:
        while True:
            file.seek(start)
            content = file.read(size)
            is_last = len(content) < size
            if is_last:
                content = content.removesuffix(END_OF_FILE)
                if content.strip():
                    yield _Range(start, content, lines)
                return
            stop = _end_of_records(content, quotes)
            if not stop:
                size *= 2  # one record is longer than that
                continue
            content, size = content[:stop], TEXT_BYTES
            yield _Range(start, content, lines)
            start += stop
            lines += content.count(b"\n")


def _end_of_records(content: bytes, quotes: bool) -> int:
    """Return where the last whole record that is no blank line ends, after its line break; 0 if there is none."""
    characters = np.frombuffer(content, np.uint8)
    breaks = characters == ord("\n")
    if quotes and b'"' in content:
        breaks &= np.bitwise_xor.accumulate((characters == ord('"')).view(np.uint8)) == 0
    ends = np.flatnonzero(breaks)
    for place in range(len(ends) - 1, -1, -1):
        begin = int(ends[place - 1]) + 1 if place else 0
        if content[begin : ends[place]].strip():
            return int(ends[place]) + 1
    return 0


def _header(source: Unpacked, content: bytes, options: ReadOptions) -> tuple[bytes, Layout, int]:
    """Return the bytes up to the end of the line of names, the layout and the number of columns."""
    mark = len(BYTE_ORDER_MARK) if content.startswith(BYTE_ORDER_MARK) else 0
    text = content[mark:].decode(options.encoding or encoding_of(content), "replace").encode()
    layout = layout_of(Records(text), Source(source.where, source.ending, text), options)
    records = Records(content[mark:])  # whose bytes are those of the file
    end = min(mark + int(records.ends[layout.header]) + 1, len(content))
    return content[:end], layout, int(records.fields(layout.separator)[layout.header])


def _last_record(header: bytes) -> bytes:
    """Return the line of names, without what stands above it, and with a line break."""
    records = Records(header)
    return header[records.starts[records.filled[-1]] :].removesuffix(b"\n") + b"\n"


def _rows(content: bytes, width: int, separator: str) -> int:
    """Return the number of rows: all records of one column up to the last that is not blank, else all not blank."""
    if not content.strip():
        return 0
    records = Records(content)
    if width == 1:
        return int(max(record for record in records.filled[-1000:].tolist() if not records.is_blank(record))) + 1
    begins = records.bytes[records.starts[records.filled]]
    may_be_blank = records.filled[np.isin(begins, list(b" \t\r\x0b\x0c"))]
    if not len(may_be_blank):
        return len(records.filled)
    fields = records.fields(separator)
    blank = [r for r in may_be_blank[fields[may_be_blank] != width].tolist() if records.is_blank(r)]
    return len(records.filled) - len(blank)


def _encoding(source: Unpacked, found: set[str], options: ReadOptions) -> str | None:
    if len(found) > 1:
        raise FileError(
            f"{source.where} is UTF-8 in one part and not in another; save the file as UTF-8, or name its encoding "
            "(encoding='cp1252', --encoding cp1252)"
        )
    if options.encoding is None and found == {"cp1252"}:
        warn_of_cp1252(source.where)
        return "cp1252"
    return options.encoding


def _read(source: Unpacked, start: int, length: int) -> bytes:
    with open(source.path, "rb") as file:
        file.seek(start)
        return file.read(length)
