"""The files that `plainnet play` sends: their texts, and that they ask nothing of other hosts."""

import json
import re
from pathlib import Path

import pytest

import plainnet

STATIC = Path(plainnet.__file__).parent / "play" / "static"
FILES = sorted(path for path in STATIC.rglob("*") if path.is_file())
TEXTS = json.loads((STATIC / "texts" / "en.json").read_text("utf-8"))
FROM_PYTHON = ("story", "lessons", "setup", "server")
"""The top-level keys whose texts are chosen by Python."""
PLURAL = {"zero", "one", "two", "few", "many", "other"}


def keys(texts, path=()):
    for name, value in texts.items():
        if isinstance(value, str) or (set(value) <= PLURAL and "other" in value):
            yield ".".join([*path, name])
        else:
            yield from keys(value, [*path, name])


def named_in(source):
    """Return the keys that a file names; `${...}` in one stands for any part."""
    source = re.sub(r"^\s*//.*$", "", source, flags=re.MULTILINE)
    quoted = re.findall(r"""["`]([a-z]\w*(?:\.(?:\w|\$\{[^`}]*\})+)+)["`]""", source)
    attributes = re.findall(r'data-(?:text|label)="([\w.]+)"', source)
    names = {name for name in [*quoted, *attributes] if not name.endswith((".js", ".css"))}
    return {name for name in names if name.split(".")[0] in TEXTS}


def test_every_text_that_the_page_names_exists_and_every_text_is_named():
    named = set().union(*(named_in(path.read_text("utf-8")) for path in FILES if path.suffix in (".js", ".html")))
    patterns = {re.compile(r"[\w.]+".join(map(re.escape, re.split(r"\$\{[^}]*\}", name))) + "$") for name in named}
    known = set(keys(TEXTS))
    assert {pattern.pattern for pattern in patterns if not any(map(pattern.match, known))} == set()
    of_the_page = {key for key in known if key.split(".")[0] not in FROM_PYTHON}
    assert {key for key in of_the_page if not any(pattern.match(key) for pattern in patterns)} == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_asks_another_host_or_runs_inline(path):
    text = path.read_text("utf-8")
    addresses = set(re.findall(r"\b(?:https?|wss?)://[\w./-]+", text))
    assert {address for address in addresses if not address.startswith("http://www.w3.org/")} == set()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    if path.suffix == ".html":
        assert not re.search(r"\sstyle=|<style|\son\w+=", text)
        assert re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL) == [""]
