"""The page on the architecture names files and functions that there are, and the road that a batch really takes."""

import ast
import re
import sys
from pathlib import Path

import pytest

import plainnet as pn

SOURCE = Path(pn.__file__).parent
ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "how" / "architecture.md"
TEXT = PAGE.read_text(encoding="utf-8")
NAMED = re.compile(r"`([\w.]+)`\s\(`([\w/]+\.py)`\)")


def section(title):
    return re.split(r"^#{2,3} ", TEXT.partition(f"### {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def defined(path):
    """The functions of a file by their qualified names."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        own = node.body if isinstance(node, ast.ClassDef) else []
        names |= {node.name} if isinstance(node, ast.FunctionDef) else set()
        names |= {f"{node.name}.{each.name}" for each in own if isinstance(each, ast.FunctionDef)}
    return names


def test_every_file_and_function_exists():
    files = set(re.findall(r"`((?:\w+/)*\w+(?:\.py|/))`", TEXT)) - {"src/plainnet/", "src/"}
    folders = [SOURCE, ROOT, SOURCE / "engines", SOURCE / "engines" / "compiled"]
    assert [name for name in files if not any((folder / name).exists() for folder in folders)] == []
    functions = NAMED.findall(TEXT)
    assert len(functions) > 30
    assert [(name, file) for name, file in functions if name not in defined(SOURCE / file)] == []


def calls_of_a_fit(engine):
    """Every function of plainnet that a `fit` calls, in the order of the first calls."""
    X, y = pn.datasets.moons(100, seed=1)
    units = 13 if engine == "compiled" else 8  # no other test has machine code for this shape
    net = pn.Network(pn.Dense(units, "relu"), pn.Dense(2, "softmax"), seed=1)
    calls = {}

    def note(frame, event, _):
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(SOURCE):
            calls.setdefault((frame.f_code.co_qualname, path.relative_to(SOURCE).as_posix()))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        net.fit(X, y, loss="cross_entropy", optimizer="adam", epochs=2, engine=engine)
    finally:
        sys.setprofile(before)
    return list(calls)


def assert_on_the_way(titles, calls):
    named = list(dict.fromkeys(place for title in titles for place in NAMED.findall(section(title))))
    assert [place for place in named if place not in calls] == []
    assert sorted(named, key=calls.index) == named


def test_the_road_of_a_batch():
    titles = ["Once: from arguments to a run", "Again for each batch: the NumPy engine"]
    assert_on_the_way(titles, calls_of_a_fit("numpy"))


@pytest.mark.needs("fast")
def test_the_road_in_the_compiled_engine():
    assert_on_the_way(["The compiled engine"], calls_of_a_fit("compiled"))
