"""The records of a text table are its lines; line breaks and separators inside quotation marks do not count."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from plainnet._base.arrays import Array

BLOCK = 2**22
"""So many bytes are looked at at a time, which fit into a processor's cache and need little memory."""


class Records:
    """Records finds the lines and the separators of a text table.

    A quotation mark doubled inside a quoted field leaves it and enters it again, so the marks before a byte
    tell whether it is quoted: it is where their number is odd.
    """

    def __init__(self, content: bytes, lines_before: int = 0) -> None:
        self.content = content
        self.lines_before = lines_before
        """The lines of the file that stand before the content."""
        self.bytes = np.frombuffer(content, np.uint8)
        self.marks = np.empty(0, np.int64)
        self.quoted: Array | None = None
        """True for the bytes inside quotation marks; None if there are no marks."""
        if b'"' in content:
            mark = self.bytes == ord('"')
            self.marks = np.flatnonzero(mark)
            self.quoted = np.bitwise_xor.accumulate(mark.view(np.uint8)).view(bool)
        self.ends = self.separators("\n")
        if not self.ends.size or self.ends[-1] != len(content) - 1:
            self.ends = np.append(self.ends, len(content))
        self.starts = np.concatenate([[0], self.ends[:-1] + 1])
        carriage_return = (self.ends > self.starts) & (self.bytes[self.ends - 1] == ord("\r"))
        self.filled = np.flatnonzero(self.ends - self.starts - carriage_return > 0)
        """The numbers of the records that are not empty lines."""

    def __getitem__(self, record: int) -> bytes:
        return self.content[self.starts[record] : self.ends[record]].removesuffix(b"\r")

    def is_blank(self, record: int) -> bool:
        """Return True if a record holds nothing but spaces."""
        return not self[record].strip()

    def line(self, record: int) -> int:
        """Return the number of the line on which a record begins, counted from 1 as an editor does."""
        return self._line_at(self.starts[record])

    def _line_at(self, byte: int) -> int:
        return self.lines_before + self.content.count(b"\n", 0, byte) + 1

    def misplaced_quote(self, separator: str) -> int | None:
        """Return the line of the first quotation mark that neither encloses a field nor stands doubled inside one.

        The marks in turn open and close. Before an opening one stands the end of another field or line, or the
        other half of a doubled mark; after a closing one likewise. (At the ends of the text the mark itself is
        looked at, which passes.)
        """
        opening, closing = self.marks[0::2], self.marks[1::2]
        before = self.bytes[np.maximum(opening - 1, 0)]
        after = self.bytes[np.minimum(closing + 1, len(self.content) - 1)]
        misplaced = ~np.isin(before, list(f'{separator}\n"'.encode()))
        misplaced[: len(closing)] |= ~np.isin(after, list(f'{separator}\r\n"'.encode()))
        misplaced[len(closing) :] = True  # opened and never closed
        return self._line_at(opening[misplaced.argmax()]) if misplaced.any() else None

    def separators(self, separator: str) -> Array:
        """Return the places of the separators outside quotation marks."""
        found = self.bytes == ord(separator)
        return np.flatnonzero(found if self.quoted is None else found & ~self.quoted)

    def fields(self, separator: str) -> Array:
        """Return the number of fields of each record."""
        before = np.empty(len(self.ends), np.int64)  # separators before the end of each record
        count = done = 0
        for first in range(0, len(self.bytes), BLOCK):
            found = self.bytes[first : first + BLOCK] == ord(separator)
            if self.quoted is not None:
                found &= ~self.quoted[first : first + BLOCK]
            places = np.flatnonzero(found)
            last = int(np.searchsorted(self.ends, first + len(found)))
            before[done:last] = count + np.searchsorted(places, self.ends[done:last] - first)
            count, done = count + len(places), last
        before[done:] = count
        return np.diff(before, prepend=0) + 1

    def quoted_fields(self, texts: Collection[str], separators: Array) -> dict[int, Array]:
        """Return, for the number of a column, the records in which one of the texts stands alone in quotation marks."""
        known = {text.encode() for text in texts}
        opening, closing = self.marks[0::2], self.marks[1::2]
        likely = np.isin(closing - opening - 1, [len(text) for text in known])
        likely &= np.isin(self.bytes[np.minimum(opening + 1, len(self.bytes) - 1)], [text[0] for text in known])
        found = [
            start
            for start, end in zip(opening[likely].tolist(), closing[likely].tolist(), strict=True)
            if self.content[start + 1 : end] in known
            and self.content[max(start - 1, 0) : start] != b'"'  # half of a doubled mark
            and self.content[end + 1 : end + 2] != b'"'
        ]
        records = np.searchsorted(self.ends, found)
        columns = np.searchsorted(separators, found) - np.searchsorted(separators, self.starts[records])
        return {int(column): records[columns == column] for column in np.unique(columns)}

    def repeats(self, record: int) -> int | None:
        """Return the number of the first later record that says the same, byte for byte."""
        text = self[record]
        place = int(self.ends[record])
        while (place := self.content.find(b"\n" + text, place)) >= 0:
            later = int(np.searchsorted(self.starts, place + 1))
            if later < len(self.starts) and self.starts[later] == place + 1 and self[later] == text:
                return later
            place += 1
        return None
