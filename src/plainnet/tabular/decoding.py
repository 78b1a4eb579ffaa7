"""The bytes of a text file, in whatever encoding and with whatever line ends, become UTF-8 text with newlines."""

from __future__ import annotations

import numpy as np

from plainnet.errors import FileError, warn
from plainnet.tabular.sources import BYTE_ORDER_MARK, Source

END_OF_FILE = b"\x1a"
"""The mark (Ctrl-Z) with which DOS ended a text file."""
OTHER_FILES = {
    b"PAR1": "a Parquet file; give it a name that ends in .parquet",
    b"ARROW1": "an Arrow file; give it a name that ends in .arrow",
    b"PK\3\4": "a ZIP archive, as .xlsx files of Excel are; give it a name that ends in .zip or .xlsx",
    b"\xd0\xcf\x11\xe0": "an Excel file; give it a name that ends in .xls",
    b"\x1f\x8b": "compressed by gzip; give it a name that ends in .csv.gz",
    b"%PDF": "a PDF file; a table is text",
}
"""A file that begins with these bytes is no text table."""


def text_content(source: Source, encoding: str | None = None) -> bytes:
    """Return the content as UTF-8 text whose lines end in a newline, with or without a carriage return before it.

    Text that is neither UTF-8 nor UTF-16 with its mark is taken for Windows-1252 with a warning, unless `encoding`
    says what it is. Raises FileError, with the line if there is one, for anything else.
    """
    content, where = source.content, source.where
    refuse_other_file(where, content)
    content = _in_utf8(content, where, encoding, source.lines_before)
    if b"\0" in content:
        raise FileError(
            f"{where} is not UTF-8 text, as its name says; save the table as UTF-8, or say what it is "
            "(encoding='utf-16-le', --encoding utf-16-le)"
        )
    while content.startswith(BYTE_ORDER_MARK):
        content = content.removeprefix(BYTE_ORDER_MARK)
    content = _lines_end_alike(content.removesuffix(END_OF_FILE), where, source.lines_before)
    if not content or content.isspace():
        raise FileError(f"{where} is empty")
    return content


def refuse_other_file(where: str, content: bytes) -> None:
    """Raise FileError for a file whose first bytes say that it is no text."""
    for beginning, what in OTHER_FILES.items():
        if content.startswith(beginning):
            raise FileError(f"{where} is {what}")


def _in_utf8(content: bytes, where: str, encoding: str | None, lines_before: int) -> bytes:
    """Return the content of a text in UTF-8."""
    found = encoding or encoding_of(content)
    if found == "utf-8" and content.isascii():
        return content
    try:
        text = content.decode(found)
    except UnicodeDecodeError as error:
        line = lines_before + content.count(b"\n", 0, error.start) + 1
        byte = f"{where}, line {line}: byte 0x{content[error.start : error.start + 1].hex()} is not"
        if encoding is not None:
            raise FileError(f"{byte} text in the encoding {encoding!r}; name another one (--encoding)") from None
        raise FileError(
            f"{byte} UTF-8 text; save the file as UTF-8 ('CSV UTF-8' in Excel), or name its encoding "
            "(encoding='cp1252', --encoding cp1252)"
        ) from None
    if found == "utf-8":
        return content
    if encoding is None and found == "cp1252":
        warn_of_cp1252(where)
    return text.encode()


def warn_of_cp1252(where: str) -> None:
    """Warn that a text is taken for Windows-1252."""
    warn(
        f"{where} is not UTF-8 text and is read as Windows-1252 (Western European); if letters are wrong, name its "
        "encoding (encoding='cp1250', --encoding cp1250)"
    )


# The exported script holds the text of the next function: its lines are as short as `ruff format` makes them without
# settings.


def encoding_of(content: bytes) -> str:
    """Return the encoding of a text: UTF-8, UTF-16 with its mark, or Windows-1252.

    Text of which most signs outside ASCII are UTF-8 is damaged UTF-8.
    """
    if content.isascii():
        return "utf-8"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        content.decode()
    except UnicodeDecodeError:
        pass
    else:
        return "utf-8"
    text = content.decode(errors="replace")
    wrong = text.count("\ufffd")
    others = len(text) - len(text.encode("ascii", "ignore")) - wrong
    if others > wrong or b"\0" in content:
        return "utf-8"
    fits = content.decode("cp1252", "ignore").encode("cp1252") == content
    return "cp1252" if fits else "utf-8"


def _lines_end_alike(content: bytes, where: str, lines_before: int) -> bytes:
    """Put newlines in place of the carriage returns with which old spreadsheets for the Mac end their lines.

    A newline at the very end and those inside quotation marks may stand beside them.
    """
    if b"\r" not in content or content.count(b"\r") == content.count(b"\r\n"):
        return content
    characters = np.frombuffer(content, np.uint8)
    unquoted = ~np.bitwise_xor.accumulate((characters == ord('"')).view(np.uint8)).view(bool)
    if b"\r\r\n" in content:  # text that was written as text twice
        after, second = np.append(characters[1:], 0), np.append(characters[2:], [0, 0])
        kept = ~(unquoted & (characters == ord("\r")) & (after == ord("\r")) & (second == ord("\n")))
        characters, unquoted = characters[kept], unquoted[kept]
        content = characters.tobytes()
    newline = unquoted & (characters == ord("\n"))
    alone = unquoted & (characters == ord("\r")) & (np.append(characters[1:], 0) != ord("\n"))
    if not alone.any():
        return content
    if newline[:-1].any():
        line = lines_before + content.count(b"\n", 0, int(alone.argmax())) + 1
        raise FileError(
            f"{where}, line {line}: a carriage return stands inside the line, while lines end in a newline; "
            "end all lines alike, or put the field in quotation marks"
        )
    return np.where(alone, np.uint8(ord("\n")), characters).tobytes()
