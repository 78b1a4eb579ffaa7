"""The docstring of every public name says what it is, what it takes, what it gives, and shows it in use.

The reference of the site is made from these docstrings. Public are the names in the `__all__` of MODULES, with the
methods and attributes of their classes. An override is documented by the class that it overrides.
"""

import ast
import dataclasses
import functools
import importlib
import inspect
import re
import sys
import textwrap

import numpy as np
import pytest

from plainnet.plots import drawing

MODULES = [
    "plainnet",
    "activations",
    "attribution",
    "comparison",
    "datasets",
    "engines",
    "errors",
    "explain",
    "gradients",
    "history",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "optimizers",
    "play",
    "plots",
    "schedules",
    "sklearn",
    "tabular",
    "tracing",
]
"""The public modules: plainnet itself, and those in it."""

RESULTS = [
    ("plainnet.explain.explanation", "Explanation Section Stage Quantity Check"),
    ("plainnet.metrics.probabilities", "Reliability"),
    ("plainnet.play.server.serve", "PlayServer"),
    ("plainnet.tabular.problem", "Divided"),
    ("plainnet.tabular.tuning", "Tuned"),
]
"""Classes of what public functions return."""

SENTENCE = re.compile(r"\S.*?[.](?=\s|$)", re.DOTALL)
ENTRY = re.compile(r"^ *((?:\*{0,2}\w+, )*\*{0,2}\w+)(?: ?: |  )", re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
GIVES = re.compile(r"\b(?:return|yield)s?\b| = | -> |^Tell whether ", re.IGNORECASE)
LIMIT = re.compile(r"(\d[\d,]*)[\w\s]*\(`([A-Z][A-Z_]+)`\)")
EACH_GIVES = re.compile(r"\beach function\b[^.]*\breturns\b")


def module_of(name):
    """Return a module by its name in MODULES."""
    return importlib.import_module(name if name == "plainnet" else f"plainnet.{name}")


def public(module):
    """Yield each public name of a module, with what it names and the module's docstring."""
    for name in module.__all__:
        thing = getattr(module, name)
        if inspect.isroutine(thing) or inspect.isclass(thing):
            yield name, thing


def members(cls):
    """Yield the public methods and properties that a class has of itself, by their names.

    Those that NumPy's arrays have are documented there.
    """
    for name, member in vars(cls).items():
        overrides = any(hasattr(base, name) for base in (*cls.__mro__[1:], np.ndarray))
        function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        is_documented = isinstance(member, property | functools.cached_property) or inspect.isfunction(function)
        if not name.startswith("_") and not overrides and is_documented:
            yield name, function


def attributes(cls):
    """Yield the public attributes that a class declares, each with whether a docstring follows it."""
    if issubclass(cls, tuple):
        return
    try:
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    except TypeError:
        return
    inherited = {name for base in cls.__mro__[1:] for name in (*vars(base), *vars(base).get("__annotations__", ()))}
    for statement, following in zip(definition.body, [*definition.body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
            if not name.startswith("_") and name not in inherited:
                yield name, isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)


def parameters(thing):
    """Return the names of the arguments that a user gives."""
    if inspect.isclass(thing) and (
        issubclass(thing, BaseException) or dataclasses.is_dataclass(thing) or getattr(thing, "_is_protocol", False)
    ):
        return []  # of a dataclass the attributes are looked at
    return [name for name in inspect.signature(thing).parameters if name not in ("self", "cls", "unknown", "options")]


def names_in(docstring):
    """Return the names that a docstring explains: those of its entries and those in code."""
    entries = {one.strip("* ") for entry in ENTRY.findall(docstring) for one in entry.split(",")}
    return entries | {word for code in CODE.findall(docstring) for word in re.findall(r"\w+", code)}


def words_in(docstring):
    """Return all words: of a function with one or two arguments they may be words of its sentence or its formula."""
    return set(re.findall(r"\w+", docstring))


def faults(thing, around):
    """Yield what the docstring of a class or function does not say; `around` is that of its module."""
    own = thing.__doc__ if inspect.isclass(thing) else inspect.getdoc(thing)
    docstring = inspect.cleandoc(own or "")
    first = SENTENCE.match(docstring.split("\n\n")[0])
    if not first:
        yield "does not begin with a sentence"
        return
    bases = [inspect.cleandoc(base.__doc__ or "") for base in getattr(thing, "__mro__", ())[1:-1]]
    taken = parameters(thing)
    known = names_in("\n\n".join([docstring, *bases, around]))
    if not inspect.isclass(thing):
        known |= (
            words_in(docstring) if len(taken) <= 2 else words_in(first.group()) if " = " in first.group() else set()
        )
    known |= {name for name in words_in(docstring) if len(name) <= 2}  # X, y, z
    yield from (f"does not explain {name}" for name in taken if name not in known)
    gives = inspect.isclass(thing) or inspect.signature(thing).return_annotation in (None, "None")
    if not gives and not GIVES.search(docstring) and not EACH_GIVES.search(around):
        yield "does not say what it returns"


def member_faults(cls):
    """Yield what the methods and attributes of a class do not say."""
    for name, member in members(cls):
        if not isinstance(member, property | functools.cached_property):
            yield from (f"{name} {fault}" for fault in faults(member, ""))
        elif not SENTENCE.match(inspect.getdoc(member) or ""):
            yield f"{name} has no docstring"
    explained = names_in(cls.__doc__ or "")
    for name, has_docstring in attributes(cls):
        if not has_docstring and name not in explained:
            yield f"{name} is not explained"


def docstrings_around(thing, module):
    """Return the docstrings of the modules of a public name; a family of small functions shares their example."""
    if module.__name__ == "plainnet":
        return ""
    return "\n\n".join({module.__doc__ or "", sys.modules[thing.__module__].__doc__ or ""})


def all_faults(module):
    """Yield what the docstring of each public name of a module does not say."""
    for name, thing in public(module):
        around = docstrings_around(thing, module)
        found = [*faults(thing, around), *(member_faults(thing) if inspect.isclass(thing) else ())]
        if ">>> " not in (thing.__doc__ or "") + around:
            found.append("has no example")
        yield from (f"{name} {fault}" for fault in found)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.needs("sklearn")] * (name == "sklearn")) for name in MODULES]
)
def test_every_public_name_is_documented(name):
    assert list(all_faults(module_of(name))) == []


@pytest.mark.parametrize(("module", "names"), RESULTS)
def test_every_result_is_documented(module, names):
    for name in names.split():
        cls = getattr(importlib.import_module(module), name)
        assert [*faults(cls, ""), *member_faults(cls)] == [], name


def test_the_limits_that_docstrings_name_are_those_of_the_code():
    """Such as "12 classes (`MOST_CLASSES`)"."""
    found = {}
    for module in ("plainnet", "attribution", "plots", "tabular"):
        for name, thing in public(module_of(module)):
            for number, limit in LIMIT.findall(inspect.getdoc(thing)):
                own = getattr(sys.modules[thing.__module__], limit, None) or getattr(drawing, limit)
                found[f"{name}: {limit}"] = own, int(number.replace(",", ""))
    assert len(found) > 12
    assert not {what: both for what, both in found.items() if both[0] != both[1]}
