"""Text of C: names, comments, arrays of numbers and of strings.

Whatever comes from outside (column names, categories) enters a file through `identifier`, `words` or `string` and so
cannot become code.
"""

import re
import textwrap
from collections.abc import Iterable, Sequence

import numpy as np

from plainnet._base.arrays import Array
from plainnet.engines.compiled.c_expressions import literal, memory_type
from plainnet.errors import InvalidValue
from plainnet.export.source import free_name

WIDTH = 100
"""The line length of a C file."""

MOST_IN_COLUMNS = 2_000
"""Larger arrays are not aligned in columns, so that the file is smaller."""

_TAKEN = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl concept const consteval
constexpr constinit const_cast continue co_await co_return co_yield decltype default delete do double dynamic_cast
else enum explicit export extern false float for friend goto if inline int long mutable namespace new noexcept not
not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires restrict return short
signed sizeof static static_assert static_cast struct switch template this thread_local throw true try typedef typeid
typename typeof union unsigned using virtual void volatile wchar_t while xor xor_eq errno i386 linux stderr stdin
stdout unix
"""

KEYWORDS = frozenset(_TAKEN.split())
"""Names that C, C++ or a compiler takes for itself."""


def identifier(text: str, otherwise: str = "model") -> str:
    """Return a name for C made from a text: its ASCII letters and digits, and _ for what stands between them."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")
    if not name or name[0].isdigit():
        name = f"{otherwise}_{name}".rstrip("_")
    return name


def field_names(texts: Iterable[str]) -> list[str]:
    """Return the name of a struct's member for each text, all different and in small letters."""
    names: list[str] = []
    for text in texts:
        name = identifier(text, "column").lower()
        names.append(free_name(f"{name}_" if name in KEYWORDS else name, names))
    return names


def words(text: object) -> str:
    """Text for a comment: what is not printable as a question mark, and nothing that ends it."""
    shown = "".join(letter if letter.isprintable() else "?" for letter in str(text))
    return shown.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?").replace("\\", "/")


def comment(paragraphs: Iterable[str]) -> str:
    """Return a comment of paragraphs; those that are indented keep their lines."""
    lines = []
    for text in paragraphs:
        wrapped = text.split("\n") if text.startswith(" ") else textwrap.wrap(text, WIDTH - 3)
        lines += [*wrapped, ""]
    return "\n".join(["/*", *(f" * {line}".rstrip() for line in lines[:-1]), " */"])


def string(text: str) -> str:
    """Return a text as C, in UTF-8."""
    if "\0" in text:
        raise InvalidValue(f"the text {text!r} has a zero byte, which ends a text in C; take it out and train anew")
    marks = {'"': r"\"", "\\": r"\\", **({"?": r"\?"} if "??" in text else {})}  # ??= would be a trigraph
    letters = (chr(byte) if 32 <= byte < 127 else rf"\{byte:03o}" for byte in text.encode())
    return f'"{"".join(marks.get(letter, letter) for letter in letters)}"'


def strings(declaration: str, texts: Sequence[str]) -> str:
    """Return the definition of an array of texts."""
    return _definition(declaration, [", ".join(map(string, texts))], list(map(string, texts)))


def numbers(name: str, array: Array) -> str:
    """Return the definition of an array of numbers, with a new line for each row of a matrix."""
    length = " * ".join(map(str, array.shape)) or "1"
    declaration = f"static const {memory_type(array.dtype)} {name}[{length}]"
    if array.dtype.kind == "f" and np.isfinite(array).all():  # as `literal` writes them, many at once
        texts = [str(value) + ("f" if array.dtype == np.float32 else "") for value in array.ravel()]
    else:
        texts = [literal(value, array.dtype).text for value in array.ravel()]
    signed = [text if text.startswith("-") else f" {text}" for text in texts]
    columns = array.shape[-1] if array.ndim else 1
    width = max(map(len, signed)) + 2
    padded = width if array.size <= MOST_IN_COLUMNS else 0
    each = max(1, (WIDTH - 4) // width)
    lines = []
    for start in range(0, len(signed), columns if columns > 1 else max(1, len(signed))):
        row = signed[start : start + (columns if columns > 1 else len(signed))]
        parts = (row[first : first + each] for first in range(0, len(row), each))
        lines += ["".join(f"{text + ',':<{padded}}" for text in part).rstrip() for part in parts]
    return _definition(declaration, [", ".join(texts)], lines)


def _definition(declaration: str, short: list[str], lines: list[str]) -> str:
    """Return a definition in one line where it fits."""
    flat = f"{declaration} = {{{short[0]}}};"
    if len(flat) <= WIDTH:
        return flat
    ended = [line if line.endswith(",") else f"{line}," for line in lines]
    return "\n".join([f"{declaration} = {{", *(f"    {line}" for line in ended), "};"])


def function(head: str, lines: Iterable[str]) -> str:
    """Return the definition of a function, with long lines broken."""
    body: list[str] = []
    for line in lines:
        space = " " * (len(line) - len(line.lstrip()) + 4)
        is_code = len(line) + 4 > WIDTH and not line.startswith("/*") and '"' not in line
        body += _broken(line, space) if is_code else [f"    {line}".rstrip()]
    return "\n".join([head, "{", *body, "}"])


def _broken(line: str, space: str) -> list[str]:
    width = WIDTH if len(space) < WIDTH // 2 else WIDTH + len(space)
    return textwrap.wrap(
        line.strip(), width, initial_indent=space, subsequent_indent=f"{space}    ", break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
