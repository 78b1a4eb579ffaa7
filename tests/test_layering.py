"""The layers of plainnet: a module imports what stands below it in the list, never what stands above.

Every import counts, one inside a function as much as one at the top of a module, but for two kinds: imports under
`if TYPE_CHECKING:` are never executed, and METHODS are what users look for on a network or on its history.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import plainnet

ROOT = Path(plainnet.__file__).parent

MAP = """
    __main__ cli play report comparison
    plots attribution explain export sklearn tabular
    __init__
    gradients training
    engines tracing
    files history
    network backpropagation
    layers adapters losses optimizers activations initializers schedules metrics datasets xor_post
    ranks
    _base errors
"""
"""Packages and modules from the top to the bottom; in one line, each may import those on its right.

`__init__` is what `import plainnet` gives.
"""

LAYERS = MAP.split()

METHODS = {
    "network/__init__.py": {"training", "files", "export", "plots"},  # fit, save, export, and pictures in a notebook
    "network/prediction.py": {"engines", "tabular"},  # machine code for predictions, rows of a table
    "training/ranked.py": {"__init__"},  # the version, which is the same on all ranks
    "history.py": {"plots"},  # its picture in a notebook
    "__init__.py": set(LAYERS),
}
"""What functions import from above when they are called; and the package itself gathers names from everywhere."""


def layer(path: Path) -> str:
    """The name of a file in the list: that of its folder, or its own."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(node: ast.AST) -> Iterator[str]:
    """The name in the list of each import in `node`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        if isinstance(child, ast.ImportFrom):
            assert not child.level, "imports name the whole path of a module, from plainnet on"
            modules = [f"{child.module}.{name.name}" for name in child.names]
        else:
            modules = [name.name for name in child.names] if isinstance(child, ast.Import) else []
        for module in modules:
            package, _, rest = f"{module}.".partition(".")
            if package == "plainnet":
                name = rest.partition(".")[0]
                yield name if name in LAYERS else "__init__"
        yield from imported(child)


def test_imports_point_downwards() -> None:
    for path in ROOT.rglob("*.py"):
        file = path.relative_to(ROOT).as_posix()
        below = set(LAYERS[LAYERS.index(layer(path)) :])
        above = set(imported(ast.parse(path.read_text(encoding="utf-8")))) - below - METHODS.get(file, set())
        assert not above, f"{file} imports from above: {', '.join(sorted(above))}"


def test_the_list_names_what_there_is() -> None:
    assert sorted(LAYERS) == sorted({layer(path) for path in ROOT.rglob("*.py")})


def test_no_two_classes_have_one_name() -> None:
    classes = [
        node.name
        for path in ROOT.rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    shared = {name for name, count in Counter(classes).items() if count > 1}
    assert shared == {"Exponential"}  # an activation and a schedule


def test_the_page_on_the_architecture_shows_the_same_list() -> None:
    text = (Path(__file__).parent.parent / "docs" / "how" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    assert [name for row in rows for name in re.findall(r"`(\w+)(?:/|\.py)`", row)] == LAYERS
