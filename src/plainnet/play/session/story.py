"""The story tells a run in one sentence: a key of the page's texts, and the values that stand in it.

diverged, stopped        how it ended
ready                    no step was made
learned_rows             the few rows of a truth table are all right, by a margin
learned_all              every training example is in its class
learned_numbers          the predictions explain nearly all of the target's variance
settled                  the loss does not change any more, and is below that of guessing
overfits                 the validation loss rises while the training loss falls
dead                     all units of a layer give the same for all examples: no gradient passes
guessing, guessing_dead  the loss does not change, and is still that of guessing; some units are dead
part                     the loss does not change, and some rows of a truth table are wrong
guessing_line, part_line the same of a network without a hidden layer, which no other seed or optimizer helps
rises                    the loss is higher than at first
learning, finished       none of these
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.attribution.outputs import class_labels, class_scores
from plainnet.layers import Dropout
from plainnet.network.prediction import outputs_of
from plainnet.play.session.run import LiveRun
from plainnet.play.session.scene import is_truth_table

LEARNED = ("learned_rows", "learned_all", "learned_numbers", "settled")
"""The keys of a run that has learned what it can."""

SECONDS = 0.25
"""The seconds between two judgements of a run that plays."""

MOST_ROWS = 2_000
"""The most training examples that are looked at."""

SURE = 0.9
"""The probability of the right class from which on a row of a truth table counts as learned."""

EXPLAINED = 0.99
"""The share of the target's variance from which on quantities count as learned."""

FLAT = 0.01
"""The share of the loss of guessing by which a flat loss changes at most over the second half of the run."""

STEPS = 300
"""The steps before which nobody can tell."""


def of(run: LiveRun) -> dict[str, Any]:
    """Return the key and the values of the sentence that says how a run stands."""
    key = run.training, run.steps, run.edits
    kept = run.judged
    if kept and kept[0] == key:
        return kept[2]
    if kept and run.is_playing and kept[0][0] is run.training and time.monotonic() - kept[1] < SECONDS:
        return kept[2]
    with np.errstate(all="ignore"):
        name, values = Judgement(run).told()
    run.has_learned = name in LEARNED
    told = {"key": name, "values": {"epoch": run.epochs, **values}}
    run.judged = key, time.monotonic(), told
    return told


@dataclass
class Judgement:
    """A Judgement finds what a run's curve, predictions and units say of it."""

    run: LiveRun

    def told(self) -> tuple[str, dict[str, Any]]:
        """Return the key of the story and its values."""
        run = self.run
        stopped = run.training.history.stopped
        if stopped == "diverged":
            return "diverged", {"learning_rate": run.learning_rate, "message": run.problem}
        if stopped == "early stopping":
            return "stopped", {"best": run.training.history.best_epoch, "loss": run.training.stopping.best}
        if run.steps == 0:
            return "ready", {}
        return (
            self._overfits()
            or self._learned()
            or self._dead()
            or self._stuck()
            or (self._goes_on(), {"loss": self.loss, "first": self.first})
        )

    def _goes_on(self) -> str:
        if self.run.is_over:
            return "finished"
        return "rises" if self.loss is not None and self.first is not None and self.loss > self.first else "learning"

    # ---- what there is to see ----

    @cached_property
    def curve(self) -> Array:
        """The rows of the curve with a finite loss."""
        rows = self.run.curve.all()
        return rows[np.isfinite(rows[:, 1])]

    @property
    def loss(self) -> float | None:
        """The latest loss."""
        return self.run.latest()["loss"]

    @property
    def first(self) -> float | None:
        """The first loss."""
        return float(self.curve[0, 1]) if len(self.curve) else None

    @cached_property
    def rows(self) -> slice:
        """The training examples that are looked at."""
        return slice(0, MOST_ROWS)

    @cached_property
    def inputs(self) -> Array:
        """Their inputs."""
        return np.ascontiguousarray(self.run.job.inputs[self.rows])

    @cached_property
    def targets(self) -> Array:
        """Their targets, as the loss takes them."""
        return np.asarray(self.run.job.targets[self.rows])

    @cached_property
    def outputs(self) -> Array:
        """The predictions for them."""
        return outputs_of(self.run.network, self.inputs, compiled=False)

    @cached_property
    def classes(self) -> Array | None:
        """The class of each, None for quantities."""
        return class_labels(self.run.network, self.targets) if self.run.examples.task == "classification" else None

    @cached_property
    def guess(self) -> float:
        """The loss of the best answer that is the same for all examples, about; NaN where there is none."""
        y, w = self.targets, self.run.job.sample_weight
        weights = np.ones(len(y)) if w is None else np.asarray(w[self.rows], float)
        if y.ndim == 1:
            mean = np.bincount(y.astype(int), weights, self.run.network.output_size or 0) / weights.sum()
        else:
            mean = weights @ y / weights.sum()
        constant = np.tile(mean, (len(y), 1)).astype(self.run.network.dtype)
        loss = self.run.job.loss.value(y, constant, weights.astype(constant.dtype))
        return float(loss) if np.isfinite(loss) and loss > 0 else math.nan

    @cached_property
    def is_flat(self) -> bool:
        """True if the loss has hardly changed over the second half of the run, and that is some time.

        What was before the latest change of the setup or the data says nothing of what is now.
        """
        since = self.run.training.epochs_before
        curve = self.curve[self.curve[:, 0] >= since]
        if self.run.steps < STEPS or self.run.epochs - since < 20 or len(curve) < 10 or math.isnan(self.guess):
            return False
        epoch, loss = curve[:, 0] - since, curve[:, 1]
        last = float(epoch[-1])
        middle = loss[(epoch >= 0.45 * last) & (epoch <= 0.6 * last)]
        end = loss[epoch >= 0.85 * last]
        return bool(len(middle) and len(end) and abs(middle.mean() - end.mean()) < FLAT * self.guess)

    # ---- what it says ----

    def _overfits(self) -> tuple[str, dict[str, Any]] | None:
        rows = self.curve[np.isfinite(self.curve[:, 2])]
        if self.run.steps < STEPS or len(rows) < 20 or math.isnan(self.guess):
            return None
        best = rows[rows[:, 2].argmin()]
        end = rows[rows[:, 0] >= 0.9 * rows[-1, 0]]
        now = float(end[:, 2].mean())
        rises = best[0] < 0.7 * rows[-1, 0] and now > 1.1 * best[2] + 0.02 * self.guess
        if not (rises and end[:, 1].mean() < best[1]):
            return None
        return "overfits", {"best": int(best[0]), "lowest": float(best[2]), "validation_loss": now}

    def _learned(self) -> tuple[str, dict[str, Any]] | None:
        few = is_truth_table(self.run.examples)
        count = len(self.targets)
        if self.classes is not None:
            scores = class_scores(self.outputs)
            right = self._right(scores)
            sure = float(scores[np.arange(count), self.classes].min())
            if few and right == count and sure >= SURE:
                return "learned_rows", {"count": count, "sure": sure}
            if not few and right == count:
                return "learned_all", {"count": count, "loss": self.loss}
            return self._settled({"share": right / count}) if not few else None
        error = self.outputs - self.targets.reshape(self.outputs.shape)
        spread = float(np.ptp(self.targets)) or 1.0
        if few:
            close = float(np.abs(error).max()) <= (1 - SURE) * spread
            return ("learned_rows", {"count": count, "sure": SURE}) if close else None
        variance = float(self.targets.var(axis=0).mean())
        explained = 1 - float((error**2).mean()) / variance if variance > 0 else math.nan
        if explained >= EXPLAINED:
            return "learned_numbers", {"share": explained}
        return self._settled({"share": max(explained, 0.0)})

    def _settled(self, values: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
        if not self.is_flat or float(self.curve[-1, 1]) > 0.9 * self.guess:
            return None
        return "settled", {**values, "loss": self.loss, "guess": self.guess}

    def _right(self, scores: Array) -> int:
        return int((scores.argmax(axis=1) == self.classes).sum())

    def _dead(self) -> tuple[str, dict[str, Any]] | None:
        """Say so if no unit of a hidden layer tells one example from another."""
        for layer, dead, units in self.dead:
            if dead == units:
                return "dead", {"layer": layer, "count": units}
        return None

    def _stuck(self) -> tuple[str, dict[str, Any]] | None:
        """Say so if the loss stays where it is, though not all is learned."""
        if not self.is_flat:
            return None
        values: dict[str, Any] = {"loss": self.loss, "guess": self.guess}
        if float(self.curve[-1, 1]) > 0.9 * self.guess:
            dead = sum(dead for _, dead, _ in self.dead)
            if dead:
                return "guessing_dead", {**values, "count": dead}
            return ("guessing" if self.has_hidden else "guessing_line"), values
        if is_truth_table(self.run.examples) and self.classes is not None:
            right = self._right(class_scores(self.outputs))
            return ("part" if self.has_hidden else "part_line"), {**values, "right": right, "count": len(self.targets)}
        return None

    @property
    def has_hidden(self) -> bool:
        """True if a layer stands before the output layer: that alone draws no more than straight lines."""
        return len(self.run.network.layers) > 1

    @cached_property
    def dead(self) -> list[tuple[int, int, int]]:
        """The place of each hidden layer, how many of its units give the same for all examples, and its units."""
        found, outputs = [], self.inputs
        if len(outputs) < 2:
            return []
        for place, layer in enumerate(self.run.network.layers[:-1]):
            outputs = layer.predict(outputs)
            if not isinstance(layer, Dropout):
                same = int((np.ptp(outputs, axis=0) == 0).sum())
                found.append((place, same, outputs.shape[1]))
        return found
