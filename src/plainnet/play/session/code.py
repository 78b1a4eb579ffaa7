"""The Python program that does what a run on the page does: the same data, network and training, to the bit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import plainnet
from plainnet import activations, initializers, layers, losses, optimizers, schedules
from plainnet._base.arrays import Array
from plainnet._base.configurable import build
from plainnet.export.source import bracketed, docstring, words
from plainnet.network import Network
from plainnet.play.session.building import is_as_given
from plainnet.play.session.choices import DATASETS
from plainnet.play.session.data_settings import options_of
from plainnet.play.session.points import TEST_STREAM
from plainnet.play.session.run import LiveRun
from plainnet.schedules import Constant, Schedule

FEW_EPOCHS = 1_000
"""The epochs of the program of a run that has not begun."""

FEW_ROWS = 16
"""The most rows whose predictions the program prints."""

HOMES = (layers, activations, losses, optimizers, schedules, initializers, plainnet)
"""The modules where the classes of a network's description are found."""

CALL = re.compile(r"\b([A-Z]\w*)\(")
"""A call of a class in the text of an object."""

OWN_PARTS = re.compile(r"['\"]own:([\w.]+)['\"]")
"""The name of a part of the user's own in such a text."""

WHY = {
    "edited": "The network on the page is not quite this one: weights were edited by hand, or settings were changed "
    "while it trained. This program trains with the present settings from the beginning; the model file of the page "
    "has the network as it is there.",
    "middle": "The page stands within an epoch; this program trains to the end of the epoch before. The model file of "
    "the page has the network as it is there.",
    "fresh": "The page has not trained yet; this program trains for {epochs} epochs.",
    "diverged": "The run on the page diverged, and so does this program: it ends with a DivergenceError.",
    "own": "Parts of your own ({parts}) stand here by their names: import them from where you wrote them.",
    "data": "It reads the data from {data}, which the page gives as well: keep both in one folder.",
    "table": "It reads {data}: keep a copy of your table beside it.",
}
"""The sentences in the program, by the keys that the page knows too."""


@dataclass
class WrittenProgram:
    """A program, and what a reader should know of it: keys of the page's texts, with values."""

    text: str
    notes: list[dict[str, Any]]


def program_of(run: LiveRun, data_file: str) -> WrittenProgram:
    """Return the program of a run at its present epoch; `data_file` is the archive for arrays that it reads."""
    writer = Writer(run, data_file)
    return WrittenProgram(writer.text(), [{"key": key, "values": values} for key, values in writer.notes.items()])


def needs_total(run: LiveRun) -> bool:
    """Return True if the number of all epochs matters before the last one: to a schedule, or to early stopping."""
    optimizer = run.job.optimizer
    parts = (optimizer.schedule, optimizer.weight_decay)
    changes = any(isinstance(part, Schedule) and not isinstance(part, Constant) for part in parts)
    return changes or run.setup.early_stopping is not None


class Writer:
    """Writes the program of one run, part by part."""

    def __init__(self, run: LiveRun, data_file: str) -> None:
        self.run, self.setup, self.examples = run, run.setup, run.examples
        self.data_file = data_file
        self.imports: dict[str, set[str]] = {}
        self.notes: dict[str, dict[str, Any]] = {}
        self.uses_numpy = False
        self.starts_as_given = self.examples.network is not None and is_as_given(self.setup, self.examples.network)

    def text(self) -> str:
        """Return the whole program."""
        self._note_state()
        body = [self._data(), self._network(), self._training(), self._outcome()]
        own = self._own_parts()
        if own:
            self.notes["own"] = {"parts": ", ".join(own)}
        title = f"Trains a network on {words(self.examples.name)}, as plainnet play did."
        told = [
            WHY[key].format(**{name: words(value) for name, value in found.items()})
            for key, found in self.notes.items()
        ]
        made = f"Written by plainnet {plainnet.__version__}."
        return "\n\n".join([docstring([title, *told, made]), self._imports(), *filter(None, body)]) + "\n"

    # ---- what is to be said ----

    def _note_state(self) -> None:
        run = self.run
        if not run.is_as_set:
            self.notes["edited"] = {}
        elif run.training.history.stopped == "diverged":
            self.notes["diverged"] = {}
        elif run.job.batches_done:
            self.notes["middle"] = {}
        if not run.epochs and not run.is_over:
            self.notes["fresh"] = {"epochs": self.epochs}

    @property
    def epochs(self) -> int:
        """The epochs that the program trains: those done on the page, all of them after its end, or the first ones."""
        total = self.run.job.epochs
        if self.run.is_over:
            return total if needs_total(self.run) or self._diverged else self.run.epochs
        return self.run.epochs or min(total, FEW_EPOCHS)

    @property
    def _diverged(self) -> bool:
        return self.run.training.history.stopped == "diverged"

    # ---- data ----

    def _data(self) -> str:
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

    # ---- network ----

    def _network(self) -> str:
        net = self.run.network
        made = [self._layer(place) for place in range(len(net.layers))]
        rest = [f"seed={net.seed}"] if net.seed is not None else []
        rest = [f"input_size={net.input_size}", *rest]
        if net.dtype.name != "float32":
            rest.append(f"dtype={quoted(net.dtype.name)}")
        lines = ["net = pn.Network(", *(f"    {layer}," for layer in made), f"    {', '.join(rest)},", ")"]
        if self.setup.data["kind"] == "table":
            lines.append("net.table = table.to_dict()  # so that it reads files and says its answers in words")
        return "\n".join([*lines, *self._given_start()])

    def _layer(self, place: int) -> str:
        """Return the text of a layer; edges that came from the data come from it again."""
        layer, described = self.run.network.layers[place], (self.setup.layers or [])[place]
        if described["name"] != "PiecewiseLinearEmbedding" or described["edges"] is not None:
            return self._named(layer)
        more = {name: value for name, value in layer.settings().items() if name != "edges"}
        numbers = self.examples.input_size - len(self.examples.categories)
        columns = "X" if numbers == self.examples.input_size else f"X[:, :{numbers}]"
        self.imports.setdefault("plainnet.layers", set()).add("quantile_edges")
        usual = type(layer)(edges=[[0.0, 1.0]]).settings()
        given = "".join(f", {name}={value!r}" for name, value in more.items() if value != usual[name])
        return f"pn.PiecewiseLinearEmbedding(edges=quantile_edges({columns}){double_quotes(given)})"

    def _given_start(self) -> list[str]:
        """Return the lines for a network that was given with its weights, and with random streams in use."""
        given = self.examples.network
        if not self.starts_as_given or given is None or not given.is_built:
            return []
        lines = ['net.parameters, net.statistics = data["parameters"], data["statistics"]']
        fresh = Network.from_description(given.describe(), self.examples.custom)
        for stream in ("shuffling", "dropout"):
            state = getattr(given, stream).bit_generator.state
            if state != getattr(fresh, stream).bit_generator.state:
                lines.append(f"net.{stream}.bit_generator.state = {state!r}")
        return lines

    # ---- training ----

    def _training(self) -> str:
        arguments = [f"{name}={value}" for name, value in self._options().items()]
        whole = self.run.is_over or not needs_total(self.run)
        if whole:
            return bracketed("history = net.fit(", ["X", "y", *arguments], ")", 0)
        lines = [
            bracketed("for report in net.training(", ["X", "y", *arguments], "):", 0),
            f"    if report.epoch == {self.epochs}:",
        ]
        if self.setup.early_stopping is not None:
            lines.append("        net = net.copy()  # as it is now: the end goes back to the best epoch")
        return "\n".join([*lines, "        break"])

    def _options(self) -> dict[str, str]:
        """Return the options of `fit` that differ from its defaults, as source."""
        given = self.setup.options(self.examples)
        usual = Network.fit.__kwdefaults__ or {}
        whole = self.run.is_over or not needs_total(self.run)
        found: dict[str, Any] = {name: value for name, value in given.items() if value is not usual.get(name)}
        shown = {
            "loss": self._loss(given["loss"]),
            "optimizer": self._named(self.run.job.optimizer),
            "epochs": repr(self.epochs if whole else self.run.job.epochs),
            "batch_size": repr(given["batch_size"]),
            "shuffle": "False",
            "early_stopping": self._named(given["early_stopping"]),
            "metrics": double_quotes(repr(given["metrics"])),
            "class_weight": double_quotes(repr(given["class_weight"])),
            "engine": double_quotes(repr(self.run.training.choice.engine)),
            "sample_weight": "sample_weight",
            "validation": self._validation(),
        }
        skipped = {
            "shuffle": given["shuffle"],
            "metrics": not given["metrics"],
            "validation": given["validation"] is None,
            "sample_weight": given["sample_weight"] is None,
            "early_stopping": given["early_stopping"] is None,
            "class_weight": given["class_weight"] is None,
            "optimizer": shown["optimizer"] == "pn.Adam()",
        }
        found["engine"] = found["epochs"] = found["loss"] = True
        found["batch_size"] = found.get("batch_size", given["batch_size"])
        options = {name: text for name, text in shown.items() if name in found and not skipped.get(name)}
        if not whole:
            options["report_every"] = "1"
        return options

    def _loss(self, loss: Any) -> str:
        if isinstance(loss, str):
            return quoted(loss)
        return self._named(build("loss", loss, losses.LOSSES) if isinstance(loss, dict) else loss)

    def _validation(self) -> str:
        if self.setup.data["kind"] == "table":
            return "prepared.validation"
        weights = self.examples.validation is not None and self.examples.validation[2] is not None
        return f"(X_validation, y_validation{', validation_weight' if weights else ''})"

    def _outcome(self) -> str:
        loss = self._loss(self.setup.options(self.examples)["loss"])
        lines = [f"print(net.evaluate(X, y, loss={loss}))"]
        if len(self.examples.training[0]) <= FEW_ROWS:
            lines.append("print(net.predict(X))")
        return "\n".join(lines)

    # ---- names ----

    def _named(self, made: Any) -> str:
        """Return the text of an object with its classes as a program reaches them: pn.Dense, or imported."""

        def name(found: re.Match[str]) -> str:
            cls = found[1]
            if hasattr(plainnet, cls):
                return f"pn.{cls}("
            home = next((module.__name__ for module in HOMES if hasattr(module, cls)), None)
            if home:
                self.imports.setdefault(home, set()).add(cls)
            return found[0]

        text = repr(made)
        if "array(" in text:
            self.uses_numpy = True
            text = re.sub(r"\barray\(", "np.array(", text)
        return OWN_PARTS.sub(r"\1", CALL.sub(name, double_quotes(text)))

    def _own_parts(self) -> list[str]:
        parts = [*self.examples.custom, *self.examples.own.values()]
        return sorted({getattr(part, "__name__", type(part).__name__) for part in parts})

    def _imports(self) -> str:
        lines = ["import numpy as np", ""] if self.uses_numpy else []
        lines.append("import plainnet as pn")
        for module, names in sorted(self.imports.items()):
            lines.append(f"from {module} import {', '.join(sorted(names, key=lambda name: (name.islower(), name)))}")
        return "\n".join(lines)


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
