"""Standard output and error in any state (any encoding, closed, full), and names from data shown harmlessly.

Commands print for people through `console` (standard output) and `say` (standard error). Neither lets a control
character of the data reach the terminal, reads it as markup or emoji, or fails on a letter that the stream's encoding
lacks. Commands print for other programs (CSV) through `write_text`, in UTF-8 whatever the console's encoding.
"""

import codecs
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from plainnet.errors import FileError, shortened

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Characters other than tab and newline that act on a terminal or turn the direction of text."""

LONGEST_TEXT = 2_000
"""A text with more characters than this is cut in the middle, as names in data may have any length."""

IN_ASCII = {"→": "->", "←": "<-", "…": "...", "–": "-", "−": "-", "━": "-", "─": "-", "·": ".", "×": "x"}
IN_ASCII |= {"Σ": "sum ", "²": "^2", "₁": "1", "₂": "2", "₃": "3", "≥": ">=", "≤": "<=", "∞": "inf"}
IN_ASCII |= {"█": "#", "▌": ":", "▐": ":", "±": "+-"}
"""Replacements for signs of our own texts that an encoding lacks; letters of the data become question marks."""


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    """Replace the letters that an encoding lacks, as the error handler of a codec."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(IN_ASCII.get(letter) or _undecoded(letter) or "?" for letter in lacking), error.end


def _undecoded(letter: str) -> str:
    """Return the byte that Python keeps as this letter in a file name that is no text; "" for other letters."""
    return f"\\x{ord(letter) - 0xDC00:02x}" if "\udc80" <= letter <= "\udcff" else ""


ERRORS = "plainnet"
codecs.register_error(ERRORS, _in_ascii)


def visible(text: str) -> str:
    r"""Spell out the control characters of a text.

    >>> print(visible("red \x1b[31m"))
    red \x1b[31m
    """
    return CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


class PlainConsole(Console):
    """A console that shows names from data as they are: no markup, no emoji codes, no control characters."""

    failure: OSError | None = None
    """The error that ended the stream; later output is dropped, and the work goes on."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Make rich's text of a string, already visible here so that a column is as wide as its texts."""
        return super().render_str(visible(shortened(text, LONGEST_TEXT)), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render anything, texts that were made elsewhere included."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; after an error such as a full disk go on without output, as a training run may depend on it."""
        if self.failure is None:
            try:
                super().print(*objects, **options)
            except BrokenPipeError as error:
                if not self.stderr:
                    raise
                self.failure = error
            except OSError as error:
                self.failure = error

    def on_broken_pipe(self) -> None:
        """Raise the BrokenPipeError, which ends a command (see `plainnet.cli.run`)."""
        raise


console = PlainConsole()
"""Standard output, for people."""

errors = PlainConsole(stderr=True)
"""Standard error, for the progress of the work."""


def say(line: str) -> None:
    """Print one line to standard error, after the program's name."""
    with suppress(OSError):  # nobody listens
        print(f"plainnet: {visible(shortened(' '.join(line.split())))}", file=sys.stderr, flush=True)


def write_text(content: str) -> None:
    """Write text for another program to standard output; a terminal gets it without control characters."""
    if getattr(sys.stdout, "name", "") == os.devnull:
        raise FileError("standard output is closed; --output takes the name of a file to write")
    with _named():
        sys.stdout.flush()
        if sys.stdout.isatty():
            content = visible(content)
        sys.stdout.buffer.write(content.encode())
        sys.stdout.buffer.flush()


@contextmanager
def ready(*, silent: bool = False) -> Iterator[None]:
    """Make both streams writable during a command; with `silent` what goes to standard output goes nowhere.

    A stream that does not exist (`>&-`, pythonw) is replaced by one to nowhere; otherwise the next file to be opened
    would get its number. A letter that an encoding lacks is replaced.
    """
    before = sys.stdout, sys.stderr
    opened = None if silent else before[0], before[1]
    sys.stdout, sys.stderr = (open(os.devnull, "w") if stream is None else stream for stream in opened)  # noqa: SIM115
    adjusted = [(stream, stream.errors) for stream in before if isinstance(stream, io.TextIOWrapper)]
    console.failure = errors.failure = None
    try:
        for stream, _ in adjusted:
            stream.reconfigure(errors=ERRORS)
        yield
    finally:
        try:
            sys.stdout.flush()
        except OSError:
            abandon()
        for stream, before_errors in adjusted:
            with suppress(OSError):
                stream.reconfigure(errors=before_errors)
        for current, original in zip((sys.stdout, sys.stderr), before, strict=True):
            if current is not original:
                current.close()
        sys.stdout, sys.stderr = before


def finish() -> None:
    """Flush standard output; raise FileError if anything could not be written."""
    with _named():
        sys.stdout.flush()
        if console.failure is not None:
            raise console.failure


@contextmanager
def _named() -> Iterator[None]:
    """Turn an OSError of standard output into a FileError, except for the BrokenPipeError of a reader that has gone."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon()
        raise FileError(f"standard output cannot be written: {error.strerror or error}") from None


def abandon() -> None:
    """Drop what standard output still holds, which Python would try to write once more at its end."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
