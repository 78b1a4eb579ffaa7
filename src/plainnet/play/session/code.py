"""A Python program does what a run on the page does: the same data, network and training, to the bit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import plainnet
from plainnet import activations, initializers, layers, losses, optimizers, schedules
from plainnet._base.configurable import build
from plainnet.export.source import bracketed, docstring, words
from plainnet.network import Network
from plainnet.play.session.building import is_as_given
from plainnet.play.session.code_data import DataWriter, double_quotes, quoted
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
    """WrittenProgram holds a program, and what a reader should know of it: keys of the page's texts, with values."""

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


class Writer(DataWriter):
    """Writes the program of one run, part by part."""

    def __init__(self, run: LiveRun, data_file: str) -> None:
        super().__init__(run, data_file)
        given = run.examples.network
        self.starts_as_given = given is not None and is_as_given(run.setup, given)

    def text(self) -> str:
        """Return the whole program."""
        self._note_state()
        body = [self.data(), self._network(), self._training(), self._outcome()]
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
        """Return the epochs that the program trains: those done on the page, or all of them, or the first ones."""
        total = self.run.job.epochs
        if self.run.is_over:
            return total if needs_total(self.run) or self._diverged else self.run.epochs
        return self.run.epochs or min(total, FEW_EPOCHS)

    @property
    def _diverged(self) -> bool:
        return self.run.training.history.stopped == "diverged"

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
