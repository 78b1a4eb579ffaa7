"""What a text table must be before it has columns: UTF-8 text whose lines end alike."""

from __future__ import annotations

import numpy as np

from plainnet.errors import FileError
from plainnet.tabular.sources import SPREADSHEET, Source

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
END_OF_FILE = b"\x1a"
"""The mark (Ctrl-Z) with which DOS ended a text file."""
OTHER_FILES = {
    b"PAR1": "a Parquet file; give it a name that ends in .parquet",
    b"PK\3\4": f"a ZIP archive, as .xlsx files of Excel are; {SPREADSHEET}, or unpack the archive",
    b"\xd0\xcf\x11\xe0": f"an Excel file; {SPREADSHEET}",
    b"\x1f\x8b": "compressed by gzip; give it a name that ends in .csv.gz",
    b"%PDF": "a PDF file; a table is text",
    b"\xff\xfe": "UTF-16 text; it is not UTF-8 text: save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; it is not UTF-8 text: save it as UTF-8",
}
"""What a file is that begins with these bytes."""


def text_content(source: Source) -> bytes:
    """The content as UTF-8 text whose lines end in a newline, with or without a carriage return before it.

    Raises FileError, with the line where there is one, for what is no such text.
    """
    content, where = source.content, source.where
    for beginning, what in OTHER_FILES.items():
        if content.startswith(beginning):
            raise FileError(f"{where} is {what}")
    if b"\0" in content:
        raise FileError(f"{where} is not UTF-8 text, as its name says; save the table as UTF-8")
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileError(
            f"{where}, line {line}: byte 0x{content[error.start]:02x} is not UTF-8 text; save the file as UTF-8 "
            "('CSV UTF-8' in Excel)"
        ) from None
    while content.startswith(BYTE_ORDER_MARK):
        content = content.removeprefix(BYTE_ORDER_MARK)
    content = _lines_end_alike(content.removesuffix(END_OF_FILE), where)
    if not content.strip():
        raise FileError(f"{where} is empty")
    return content


def _lines_end_alike(content: bytes, where: str) -> bytes:
    """Newlines in place of the carriage returns with which old spreadsheets for the Mac end their lines.

    A newline at the very end and those inside quotation marks may stand beside them.
    """
    if b"\r" not in content:
        return content
    content = content.replace(b"\r\r\n", b"\r\n")
    if content.count(b"\r") == content.count(b"\r\n"):
        return content
    characters = np.frombuffer(content, np.uint8)
    unquoted = ~np.bitwise_xor.accumulate((characters == ord('"')).view(np.uint8)).view(bool)
    newline = unquoted & (characters == ord("\n"))
    alone = unquoted & (characters == ord("\r")) & (np.append(characters[1:], 0) != ord("\n"))
    if not alone.any():
        return content
    if newline[:-1].any():
        line = content.count(b"\n", 0, int(alone.argmax())) + 1
        raise FileError(
            f"{where}, line {line}: a carriage return stands inside the line, while lines end in a newline; "
            "end all lines alike, or put the field in quotation marks"
        )
    return np.where(alone, np.uint8(ord("\n")), characters).tobytes()
