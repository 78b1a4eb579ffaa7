"""The scenes of one explained step show what `plainnet.explain` found, unit by unit, on the drawing.

Nothing of the step is computed here: each value is one of the explanation's, and only the products that a sum is made
of are multiplied out, so that a reader sees them. Names of units are left to the page: a label is {"unit": [layer,
unit]} (layer -1: an input), {"from": [layer, unit]} for the weight from there, {"parameter": [layer, name, place]},
{"rest": count} for all others together, or {"text": words}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from plainnet._base.arrays import Array
from plainnet.explain.explanation import Explanation, Quantity, Stage
from plainnet.explain.formulas import Formula, stops_at_sums
from plainnet.network import Network

MOST_UNITS = 8
"""The most units of a layer that all have scenes of their own; of larger layers those that the reader chooses have."""

MOST_LINES = 10
"""The most lines of a list; of longer ones those with the largest numbers are shown."""

MOST_TERMS = 4
"""The most products of a sum that are shown in one line."""

Scene = dict[str, Any]
Part = dict[str, Any]
Label = dict[str, Any]


class Scenes:
    """Scenes makes the scenes of an explanation; the units `chosen`, (layer, unit), of large layers have their own."""

    def __init__(self, explanation: Explanation, net: Network, chosen: Sequence[tuple[int, int]]) -> None:
        self.explanation, self.net, self.chosen = explanation, net, set(chosen)
        self.last = len(net.layers) - 1
        self.sizes = {-1: net.input_size or 0} | {i: int(size) for i, (_, size, _) in enumerate(net.layer_sizes())}

    def all(self) -> list[Scene]:
        """Return all scenes in the order of the step."""
        return [*self._forward(), *self._loss(), *self._backward(), *self._update()]

    def large_layers(self) -> list[int]:
        """Return the layers, -1 for the inputs, that have too many units for a scene each."""
        return [i for i, size in self.sizes.items() if size > MOST_UNITS]

    # ---- forward ----

    def _forward(self) -> Iterator[Scene]:
        for i, stage in enumerate(self.explanation.forward):
            if not self._is_sum(i):
                yield self._whole("forward", "layer", i, stage, stage.quantities)
                continue
            if self._is_large(i):
                yield self._whole("forward", "large", i, stage, [stage["z"], stage["a"]])
            for k in self._shown(i):
                yield self._sum(i, k, stage)

    def _sum(self, i: int, k: int, stage: Stage) -> Scene:
        """Return the scene of a unit's weighted sum and activation."""
        inputs, weights = stage["inputs"].values[0], stage["weights"].values[:, k]
        lines = [
            line({"unit": [i - 1, j]}, inputs[j] * weights[j], terms=[[inputs[j], weights[j]]])
            for j in range(len(inputs))
        ]
        z = float(stage["z"].values[0, k])
        kept, rest = _largest(lines)
        if rest:
            kept.append(line({"rest": len(rest)}, sum(each["value"] for each in rest)))
        if has(stage, "bias"):
            kept.append(line({"text": "bias"}, stage["bias"].values[k]))
        summed = part(stage["z"], [*kept, line({"text": "z"}, z, total=True)])
        if len(stage["z"].values) > 1:
            summed["key"] = "first"
        a = stage["a"]
        activated = part(a, [line({"text": "a"}, a.values[0, k], total=True)])
        links = [[i, j, k, float(each["value"])] for j, each in enumerate(lines)]
        units = [[i - 1, j, float(value)] for j, value in enumerate(inputs)] + [[i, k, float(a.values[0, k])]]
        return scene("forward", "sum", {"links": links, "units": units}, [summed, activated], unit=[i, k])

    # ---- the loss ----

    def _loss(self) -> Iterator[Scene]:
        (stage,) = self.explanation.loss
        yield self._whole("loss", "loss", self.last, stage, stage.quantities)

    # ---- backward ----

    def _backward(self) -> Iterator[Scene]:
        for stage in self.explanation.backward:
            i = _layer_of(stage)
            if not self._is_sum(i) or not has(stage, "δ"):
                yield self._whole("backward", "back", i, stage, stage.quantities)
                continue
            if self._is_large(i):
                yield self._whole("backward", "large_back", i, stage, [stage["δ"]])
            for k in self._shown(i):
                yield self._delta(i, k, stage)
            if not has(stage, "∂loss/∂inputs"):
                continue
            if self._is_large(i - 1):
                yield self._whole("backward", "large_passed", i, stage, [stage["∂loss/∂inputs"]], outputs=False)
            for j in self._shown(i - 1):
                yield self._passed(i, j, stage)

    def _delta(self, i: int, k: int, stage: Stage) -> Scene:
        """Return the scene of a unit's δ and of the gradients of its weights."""
        parts: list[Part] = []
        of_slope: list[float] = []
        for quantity in stage.quantities:
            name = quantity.name
            if name in ("∂loss/∂a", "f'(z)", "δ"):
                value = float(quantity.values[0, k])
                terms = [[*of_slope]] if name == "δ" and len(of_slope) == 2 else None
                of_slope.append(value)
                parts.append(part(quantity, [line({"unit": [i, k]}, value, terms=terms, check=at(quantity, (0, k)))]))
            elif name.startswith("∂loss/∂") and name != "∂loss/∂inputs":
                parts.append(self._gradient(i, k, quantity, stage["δ"].values[:, k]))
        delta = float(stage["δ"].values[0, k])
        gradient = stage["∂loss/∂weights"].values[:, k]
        links = [[i, j, k, float(value)] for j, value in enumerate(gradient)]
        return scene("backward", "delta", {"links": links, "units": [[i, k, delta]]}, parts, unit=[i, k])

    def _gradient(self, i: int, k: int, quantity: Quantity, delta: Array) -> Part:
        """Return the gradient of a unit's parameters of one name, each with its products, one for each example."""
        name = quantity.name.removeprefix("∂loss/∂").removesuffix(" without penalty")
        summed = not (quantity.name == f"∂loss/∂{name}" and name in self.net.layers[i].penalties())
        if quantity.values.ndim == 1:
            terms = [[float(d)] for d in delta] if summed and name == "bias" else None
            return part(quantity, [line({"text": name}, quantity.values[k], terms=terms, check=at(quantity, (k,)))])
        inputs = self.explanation.forward[i]["inputs"].values
        is_product = summed and name == "weights"
        lines = [
            line(
                {"from": [i - 1, j]},
                value,
                terms=np.column_stack([inputs[:, j], delta]).tolist() if is_product else None,
                check=at(quantity, (j, k)),
            )
            for j, value in enumerate(quantity.values[:, k])
        ]
        return part(quantity, *_largest(lines))

    def _passed(self, i: int, j: int, stage: Stage) -> Scene:
        """Return the scene of what goes back from layer i to one of its inputs."""
        quantity, delta = stage["∂loss/∂inputs"], stage["δ"].values[0]
        weights = self.explanation.forward[i]["weights"].values[j]
        lines = [
            line({"unit": [i, k]}, d * w, terms=[[d, w]]) for k, (d, w) in enumerate(zip(delta, weights, strict=True))
        ]
        kept, rest = _largest(lines)
        if rest:
            kept.append(line({"rest": len(rest)}, sum(each["value"] for each in rest)))
        value = float(quantity.values[0, j])
        kept.append(line({"unit": [i - 1, j]}, value, total=True, check=at(quantity, (0, j))))
        links = [[i, j, k, float(each["value"])] for k, each in enumerate(lines)]
        units = [[i, k, float(d)] for k, d in enumerate(delta)] + [[i - 1, j, value]]
        return scene("backward", "passed", {"links": links, "units": units}, [part(quantity, kept)], unit=[i - 1, j])

    # ---- the update ----

    def _update(self) -> Iterator[Scene]:
        optimizer, *stages = self.explanation.update
        formulas = [{"formula": mathml(formula), "text": str(formula)} for formula in optimizer.formulas]
        numbers = [
            part(each, [line({"text": each.name}, each.values.item(), total=True)]) for each in optimizer.quantities
        ]
        yield scene(
            "update", "optimizer", {}, numbers, formulas=formulas, notes=list(optimizer.notes), stage=optimizer.title
        )
        for i in range(len(self.net.layers)):
            own = [stage for stage in stages if _layer_of(stage) == i]
            if not self._is_sum(i):
                for stage in own:
                    yield self._table(i, [(stage, None)], stage=stage.title)
                continue
            shown = self._shown(i) or ([0] if self._is_large(i) else [])
            for k in shown:
                yield self._table(
                    i, [(stage, k) for stage in own if stage["before"].values.shape[-1] == self.sizes[i]], unit=[i, k]
                )

    def _table(self, i: int, stages: Sequence[tuple[Stage, int | None]], **more: Any) -> Scene:
        """Return the scene of an update: a row for each parameter, with what the optimizer makes of its gradient."""
        names = [quantity.name for quantity in stages[0][0].quantities]
        rows: list[Any] = []
        links = []
        for stage, k in stages:
            name = stage.code.rpartition(".")[2]
            columns = [quantity.values[..., k] if k is not None else quantity.values for quantity in stage.quantities]
            for place, values in enumerate(zip(*(np.ravel(column) for column in columns), strict=True)):
                label: Label = {"text": name} if k is not None else {"parameter": [i, name, place]}
                if k is not None and columns[0].ndim:
                    label = {"from": [i - 1, place]}
                    links.append([i, place, k, float(values[-1])])
                rows.append({"label": label, "values": [float(value) for value in values]})
        moved = [abs(row["values"][-1] - row["values"][0]) for row in rows]
        kept = sorted(np.argsort(moved)[::-1][:MOST_LINES].tolist())
        table = {"columns": names, "rows": [rows[place] for place in kept], "more": len(rows) - len(kept)}
        after = stages[0][0].quantities[-1]
        found = {
            "name": "",
            "formula": mathml(after.formula),
            "text": str(after.formula),
            "note": "",
            "lines": [],
            "table": table,
        }
        units = [more["unit"]] if "unit" in more else []
        return scene("update", "update" if units else "stage", {"links": links, "units": units}, [found], **more)

    # ---- what they share ----

    def _whole(
        self, section: str, kind: str, i: int, stage: Stage, quantities: Sequence[Quantity], *, outputs: bool = True
    ) -> Scene:
        """Return the scene of a layer as a whole: all its quantities, of the first example where they have one each."""
        place = i if outputs else i - 1
        parts = [self._listed(i, quantity) for quantity in quantities]
        rowwise = [quantity for quantity in quantities if quantity.rows == self.explanation.examples]
        fitting = [quantity for quantity in rowwise if quantity.values.shape[1:] == (self.sizes[place],)]
        values = fitting[-1].values[0] if fitting else []
        where = {"links": [], "units": [[place, k, float(value)] for k, value in enumerate(values)]}
        return scene(section, kind, where, parts, layer=i, notes=list(stage.notes), stage=stage.title)

    def _listed(self, i: int, quantity: Quantity) -> Part:
        is_rowwise = quantity.rows == self.explanation.examples and quantity.values.ndim > 1
        values = quantity.values[0] if is_rowwise else quantity.values
        name, of = self._labels(i, quantity, is_rowwise, values.size)
        checks = [at(quantity, (*([0] if is_rowwise else []), *index)) for index in np.ndindex(values.shape)]
        lines = [line(of(place), value, check=checks[place]) for place, value in enumerate(values.ravel().tolist())]
        return part(quantity, *_largest(lines)) | {"name": name}

    def _labels(self, i: int, quantity: Quantity, is_rowwise: bool, size: int) -> tuple[str, Callable[[int], Label]]:
        """Return the name of a quantity, and what gives the label of each of its values."""
        name = quantity.name
        place = i - 1 if name in ("inputs", "∂loss/∂inputs") else i
        if is_rowwise and size == self.sizes[place] and (place == i or i >= 0):
            return name, lambda k: {"unit": [place, k]}
        if size == 1:
            return name, lambda k: {"text": name}
        if is_rowwise and len(quantity.columns) == size:
            return name, lambda k: {"text": quantity.columns[k]}
        return name, lambda k: {"parameter": [i, name.removeprefix("∂loss/∂"), k]}

    def _is_sum(self, i: int) -> bool:
        """Return True for a weighted sum with an activation behind it, whose units have scenes of their own."""
        stage = self.explanation.forward[i]
        is_sum = stops_at_sums(self.net.layers[i]) and has(stage, "weights") and has(stage, "z")
        return is_sum and stage["weights"].values.shape == (self.sizes[i - 1], self.sizes[i])

    def _is_large(self, i: int) -> bool:
        return self.sizes[i] > MOST_UNITS

    def _shown(self, i: int) -> list[int]:
        """Return the units of a layer that have scenes of their own."""
        return sorted(k for layer, k in self.chosen if layer == i) if self._is_large(i) else list(range(self.sizes[i]))


# ---- plain data ----


def scene(section: str, kind: str, where: dict[str, Any], parts: Sequence[Part], **more: Any) -> Scene:
    """Return a scene: `kind` is a key of the page's texts, `where` what the drawing emphasises."""
    return {"section": section, "kind": kind, "where": where, "parts": list(parts), **more}


def part(quantity: Quantity, lines: Sequence[Any], rest: Sequence[Any] = ()) -> Part:
    """Return a quantity with its formula and check, and the lines of its numbers."""
    found = {
        "name": quantity.name,
        "formula": mathml(quantity.formula),
        "text": str(quantity.formula),
        "note": quantity.note,
        "lines": list(lines),
        "more": len(rest),
    }
    if quantity.check is not None:
        check = quantity.check
        found["check"] = {
            "verdict": check.verdict,
            "passed": check.passed,
            "error": check.relative_error,
            "entries": check.entries,
            "of": check.numerical.size,
        }
    return found


def line(
    label: Label, value: Any, *, terms: Any = None, total: bool = False, check: float | None = None
) -> dict[str, Any]:
    """Return a line: a name, the products that are added, their value, and the numerical gradient beside it."""
    found: dict[str, Any] = {"label": label, "value": float(value)}
    if terms is not None:
        found["terms"] = [[float(factor) for factor in term] for term in terms[:MOST_TERMS]]
        found["left_out"] = len(terms) - len(found["terms"])
    if total:
        found["total"] = True
    if check is not None:
        found["numerical"] = check
    return found


def at(quantity: Quantity, index: tuple[int, ...]) -> float | None:
    """Return the numerical gradient at a place of a quantity, if it was checked there."""
    if quantity.check is None or not np.isfinite(quantity.check.numerical[index]):
        return None
    return float(quantity.check.numerical[index])


def mathml(formula: str) -> str:
    """Return a formula in MathML; it is empty where there is none."""
    return formula.mathml if isinstance(formula, Formula) else ""


def has(stage: Stage, name: str) -> bool:
    """Return True if a stage has a quantity of this name."""
    return any(quantity.name == name for quantity in stage.quantities)


def _largest(lines: list[Any]) -> tuple[list[Any], list[Any]]:
    """Return the lines with the largest values in their order, and the others."""
    if len(lines) <= MOST_LINES:
        return list(lines), []
    order = np.argsort([-abs(each["value"]) for each in lines], kind="stable")
    kept = set(order[: MOST_LINES - 1].tolist())
    return [each for k, each in enumerate(lines) if k in kept], [each for k, each in enumerate(lines) if k not in kept]


def _layer_of(stage: Stage) -> int:
    """Return the layer of a stage, by its code such as net.layers[2].weights."""
    return int(stage.code.split("[")[1].split("]")[0])
