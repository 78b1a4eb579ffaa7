"""The footers of Parquet and Arrow files say how many rows each part of the file has; polars does not tell.

Parquet writes its footer in Thrift's compact protocol, Arrow as a FlatBuffer. Both are read here as far as the rows
are; https://parquet.apache.org/docs/file-format/ and https://arrow.apache.org/docs/format/Columnar.html describe them.
"""

from __future__ import annotations

import os
import struct
from typing import Any, BinaryIO, NamedTuple

from plainnet.errors import FileError

PARQUET_MARK, ARROW_MARK = b"PAR1", b"ARROW1"
MOST_BYTES = 2**30
"""The largest footer that is read; a damaged length must not fill the memory."""
DEEPEST = 64


class RowGroup(NamedTuple):
    """A row group of a Parquet file."""

    rows: int
    nbytes: int
    """The bytes of its columns, not compressed."""


def parquet_groups(path: str | os.PathLike[str]) -> list[RowGroup]:
    """Return the row groups of a Parquet file; raise FileError for a file that is none, or a damaged one."""
    try:
        with open(path, "rb") as file:
            footer = _end(file, path, PARQUET_MARK, 8, "a Parquet file")
        metadata = _Thrift(footer).struct()
        groups = [RowGroup(int(group[3]), int(group.get(2, 0))) for group in metadata[4]]
        if any(rows < 0 for rows, _ in groups) or sum(rows for rows, _ in groups) != metadata[3]:
            raise ValueError("its rows do not add up")
    except FileError:
        raise
    except (KeyError, IndexError, ValueError, TypeError, AttributeError, OSError, struct.error) as error:
        raise FileError(f"{path} is a damaged Parquet file: its footer cannot be read ({error})") from None
    return groups


def arrow_batches(path: str | os.PathLike[str]) -> list[int]:
    """Return the number of rows of each record batch of an Arrow file; raise FileError for a damaged one."""
    try:
        with open(path, "rb") as file:
            footer = _FlatBuffer(_end(file, path, ARROW_MARK, 10, "an Arrow file"))
            blocks = footer.vector(footer.root, 3)  # Footer.recordBatches
            return [_batch_rows(file, footer, blocks.start + 24 * i) for i in range(blocks.length)]
    except FileError:
        raise
    except (IndexError, ValueError, TypeError, OSError, struct.error) as error:
        raise FileError(f"{path} is a damaged Arrow file: its footer cannot be read ({error})") from None


def _end(file: BinaryIO, path: Any, mark: bytes, tail: int, what: str) -> bytes:
    """Return the footer, which stands before its length and the mark at the end of a file."""
    size = file.seek(0, os.SEEK_END)
    if size < tail:
        raise FileError(f"{path} is empty" if size == 0 else f"{path} is not {what}, as its name says")
    file.seek(0)
    if file.read(len(mark)) != mark:
        raise FileError(f"{path} is not {what}, as its name says")
    file.seek(size - tail)
    end = file.read(tail)
    if end[4 : 4 + len(mark)] != mark:
        raise FileError(f"{path} is {what} without its end; it was cut off")
    length = int.from_bytes(end[:4], "little")
    if not 0 < length <= min(size - tail, MOST_BYTES):
        raise ValueError(f"it is said to have {length} bytes")
    file.seek(size - tail - length)
    return file.read(length)


def _batch_rows(file: BinaryIO, footer: _FlatBuffer, block: int) -> int:
    """Return RecordBatch.length of the message at which a Block (offset, length of the metadata) of the footer points.

    The message begins with its length, before which version 1.0 writes 0xFFFFFFFF.
    """
    offset, length = struct.unpack_from("<qi", footer.data, block)
    file.seek(offset)
    content = file.read(min(length, MOST_BYTES))
    message = _FlatBuffer(content[8 if content[:4] == b"\xff\xff\xff\xff" else 4 :])
    batch = message.table(message.root, 2)  # Message.header
    (rows,) = struct.unpack_from("<q", message.data, batch_field) if (batch_field := message.field(batch, 0)) else (0,)
    if rows < 0:
        raise ValueError("a record batch has a negative length")
    return int(rows)


class _Vector(NamedTuple):
    start: int
    length: int


class _FlatBuffer:
    """The tables of a FlatBuffer: offsets of fields stand in a table of their own, the vtable."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        (self.root,) = struct.unpack_from("<I", data)

    def field(self, table: int, number: int) -> int:
        """Return where a field of a table stands; 0 where it has its default."""
        vtable = table - struct.unpack_from("<i", self.data, table)[0]
        (size,) = struct.unpack_from("<H", self.data, vtable)
        place = 4 + 2 * number
        offset = struct.unpack_from("<H", self.data, vtable + place)[0] if place < size else 0
        return table + offset if offset else 0

    def table(self, table: int, number: int) -> int:
        """Return where a table that is a field of another begins."""
        place = self.field(table, number)
        if not place:
            raise ValueError("a part of it is missing")
        return place + int(struct.unpack_from("<I", self.data, place)[0])

    def vector(self, table: int, number: int) -> _Vector:
        """Return where the elements of a vector begin, and their number."""
        if not self.field(table, number):
            return _Vector(0, 0)
        start = self.table(table, number)
        return _Vector(start + 4, struct.unpack_from("<I", self.data, start)[0])


class _Thrift:
    """A reader of Thrift's compact protocol: structures become dicts by the numbers of their fields."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        if depth > DEEPEST:
            raise ValueError("it is nested too deeply")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            kind = head & 15
            fields[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)  # 1 is true, 2 is false
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2, 3):  # inside a list a boolean is a byte
            return self._byte()
        if kind in (4, 5, 6):
            return self._zigzag()
        if kind == 7:
            return self._bytes(8)
        if kind == 8:
            return self._bytes(self._varint())
        if kind in (9, 10):
            head = self._byte()
            length = self._varint() if head >> 4 == 15 else head >> 4
            return [self._value(head & 15, depth + 1) for _ in range(length)]
        if kind == 12:
            return self.struct(depth + 1)
        raise ValueError(f"it holds a value of the unknown kind {kind}")

    def _byte(self) -> int:
        self.place += 1
        return self.data[self.place - 1]

    def _bytes(self, count: int) -> bytes:
        if count > len(self.data) - self.place:
            raise ValueError("it ends too early")
        self.place += count
        return self.data[self.place - count : self.place]

    def _varint(self) -> int:
        result = shift = 0
        while True:
            byte = self._byte()
            result |= (byte & 127) << shift
            if byte < 128:
                return result
            shift += 7

    def _zigzag(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)
