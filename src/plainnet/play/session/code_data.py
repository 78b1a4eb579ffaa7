"""The functions here write the lines of a program that make the data of a run as the page did."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.export.source import words
from plainnet.play.session.building import is_as_given
from plainnet.play.session.choices import DATASETS
from plainnet.play.session.data_settings import options_of
from plainnet.play.session.points import TEST_STREAM
from plainnet.play.session.run import LiveRun


class DataWriter:
    """Writes the data of a run, and gathers what the program imports and what is to be said about it."""

    def __init__(self, run: LiveRun, data_file: str) -> None:
        self.run, self.setup, self.examples = run, run.setup, run.examples
        self.data_file = data_file
        self.imports: dict[str, set[str]] = {}
        self.notes: dict[str, dict[str, Any]] = {}
        self.uses_numpy = False

    def data(self) -> str:
        """Return the lines that make X and y, and what is held out."""
        kind = self.setup.data["kind"]
        lines: list[str] = {
            "dataset": self._data_set,
            "points": self._points,
            "table": self._table,
            "given": self._given,
        }[kind]()
        return "\n".join(lines)

    def _data_set(self) -> list[str]:
        data = self.setup.data
        usual = options_of(data["name"], {})
        given = {name: value for name, value in data["options"].items() if name not in usual or usual[name] != value}
        given = {"seed": data["seed"], **given}
        call = ", ".join(f"{name}={value!r}" for name, value in given.items())
        lines = [f"X, y = pn.datasets.{data['name']}({call})"]
        made = DATASETS[data["name"]](**{"seed": data["seed"], **data["options"]})[1]
        if self.examples.classes is not None and np.asarray(made).dtype.kind == "f":
            lines.append("y = y.ravel().astype(int)  # the place of the class")
        return [*lines, *self._division(data)]

    def _points(self) -> list[str]:
        data = self.setup.data
        self.uses_numpy = True
        rows = [f"[{', '.join(repr(float(number)) for number in row)}]" for row in data["X"]]
        kind = "int" if data["classes"] is not None else "float"
        names = data["classes"]
        lines = [f"X = np.array([{_listed(rows)}])", f"y = np.array([{_listed(list(map(repr, data['y'])))}], {kind})"]
        if names is not None and names != [str(i) for i in range(len(names))]:
            lines[1] += f"  # {words(', '.join(f'{i}: {name}' for i, name in enumerate(names)))}"
        return [*lines, *self._division(data)]

    def _division(self, data: dict[str, Any]) -> list[str]:
        """Return the lines that divide X and y as the page does it."""
        parts = self.examples.parts
        if not parts.any():
            return []
        if data.get("parts") is not None:
            self.uses_numpy = True
            listed = _listed([str(part) for part in data["parts"]])
            lines = [f"parts = np.array([{listed}])  # 0 is for training, 1 for validation, 2 for the test"]
            lines += ["training, validation, test = (np.flatnonzero(parts == part) for part in range(3))"]
        else:
            lines = self._shares(data)
        for part, name in ((1, "validation"), (2, "test")):
            if (parts == part).any():
                lines.append(f"X_{name}, y_{name} = X[{name}], y[{name}]")
        return [*lines, "X, y = X[training], y[training]"]

    def _shares(self, data: dict[str, Any]) -> list[str]:
        self.uses_numpy = True
        self.imports.setdefault("plainnet.training.splitting", set()).add("split")
        lines = ["training = np.arange(len(X))"]
        for name, seed in (("test", [TEST_STREAM, data["seed"]]), ("validation", data["seed"])):
            if data[name]:
                labels = "" if self.examples.classes is None else ", y[training]"
                drawn = f"np.random.default_rng({seed})"
                lines.append(f"kept, held = split(len(training), {data[name]!r}, {drawn}{labels})")
                lines.append(f"training, {name} = training[kept], training[held]")
        return lines

    def _table(self) -> list[str]:
        data, options = self.setup.data, dict(self.setup.data["options"])
        file = re.split(r"[/\\]", data["name"])[-1]
        self.notes["table"] = {"data": file}
        names = {"RECIPES", "Division", "Share", "divide", "prepare", "problem_of_file"}
        task = options.pop("task", None)
        more = "" if task is None else f", task={task!r}"
        if options:
            names.add("ReadOptions")
            shown = {name: quoted(value) if isinstance(value, str) else repr(value) for name, value in options.items()}
            arguments = ", ".join(f"{name}={value}" for name, value in shown.items())
            more += f", options=ReadOptions({arguments})"
        self.imports.setdefault("plainnet.tabular", set()).update(names)
        shares = f"test=Share({data['test']!r}), validation=Share({data['validation']!r})"
        dtype = "" if self.setup.dtype == "float32" else f", dtype={quoted(self.setup.dtype)}"
        return [
            f"problem = problem_of_file({file!r}, {data['target']!r}{more})",
            f"parts = divide(problem, Division({shares}), {data['seed']})",
            f'prepared = prepare(problem, parts, RECIPES["small"]{dtype})  # encoders are learned on the training rows',
            "X, y, table = prepared.X, prepared.y, prepared.table",
        ]

    def _given(self) -> list[str]:
        self.uses_numpy = True
        self.notes["data"] = {"data": self.data_file}
        lines = [f"data = np.load({quoted(self.data_file)})", 'X, y = data["X"], data["y"]']
        if self.examples.weights is not None:
            lines.append('sample_weight = data["sample_weight"]')
        if self.examples.validation is not None:
            lines.append('X_validation, y_validation = data["X_validation"], data["y_validation"]')
        if self.examples.validation is not None and self.examples.weights is not None:
            lines.append('validation_weight = data["validation_weight"]')
        return lines


def double_quotes(text: str) -> str:
    """Return source with the quotes that formatters of Python use around plain words."""
    return re.sub(r"'([\w.]*)'", r'"\1"', text)


def quoted(name: str) -> str:
    """Return a text as a literal of Python."""
    return double_quotes(repr(name))


def _listed(items: Sequence[str]) -> str:
    """Return the items of a list, in lines of at most about 100 characters where one line is not enough."""
    if len(", ".join(items)) <= 90:
        return ", ".join(items)
    lines, line = [], ""
    for item in items:
        if len(line) + len(item) > 100:
            lines.append(line.rstrip())
            line = ""
        line += f"{item}, "
    lines.append(line.rstrip())
    return "\n    " + "\n    ".join(lines) + "\n"


def arrays_of(run: LiveRun) -> dict[str, Array]:
    """Return the arrays that the program of given data reads."""
    examples, setup = run.examples, run.setup
    X, y, weights = examples.training
    found: dict[str, Array] = {"X": X, "y": y}
    if weights is not None:
        found["sample_weight"] = weights
    for part, name in ((examples.validation, "validation"), (examples.test, "test")):
        if part is not None:
            found |= {f"X_{name}": part[0], f"y_{name}": part[1]}
            found |= {} if part[2] is None else {f"{name}_weight": part[2]}
    given = examples.network
    if given is not None and given.is_built and is_as_given(setup, given):
        found |= {"parameters": given.parameters, "statistics": given.statistics}
    return found
