"""What each part lacks of the faces that its kind can have, in one table.

A face is found by trying it: the network is really exported, explained and trained. What a part may lack stands in
`ALLOWED`, with the reason.
"""

import json
import re
import runpy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import c_compilers
import numpy as np
import onnxruntime
import parts
import pytest
import reference

import plainnet as pn
from plainnet.activations import ACTIVATIONS, ActivationFunction
from plainnet.initializers import INITIALIZERS
from plainnet.layers import LAYERS
from plainnet.losses import LOSSES
from plainnet.metrics import METRICS
from plainnet.optimizers import OPTIMIZERS
from plainnet.schedules import SCHEDULES

REGISTRIES = {
    "activation": ACTIVATIONS,
    "loss": LOSSES,
    "layer": LAYERS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "initializer": INITIALIZERS,
    "metric": METRICS,
}

ROOT = Path(__file__).parent.parent
PARTS = (ROOT / "docs" / "reference" / "parts.md").read_text(encoding="utf-8")
GOLDENS = json.loads((ROOT / "tests" / "goldens" / "pytorch.json").read_text())
ROWS, INPUTS, OUTPUTS = 8, 3, 2

ALLOWED = {
    ("schedule reduce_on_plateau", "trainer"): "it follows the reports of a run, which a trainer does not have",
    ("activation identity", "PyTorch"): "a = z",
    ("layer Dense", "PyTorch"): "every run of an optimizer in the goldens is a network of two",
    ("layer Activation", "PyTorch"): "it is an activation, and those have their own",
    ("layer Dropout", "PyTorch"): "its masks come from NumPy's stream of random numbers",
    ("schedule constant", "PyTorch"): "it is one number",
    ("schedule cosine_log", "PyTorch"): "its golden is pytabkit's",
    ("schedule flat_cosine", "PyTorch"): "its golden is pytabkit's",
}
"""The faces that a part may lack, and why."""


@dataclass
class Case:
    """A small network with the part in question in it, trained for two epochs."""

    kind: str
    name: str
    folder: Path
    X: np.ndarray = field(init=False)
    y: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        make = REGISTRIES[self.kind][self.name]
        random = np.random.default_rng(0)
        usual = "binary_cross_entropy" if self.kind == "metric" else "mse"  # some metrics take probabilities
        self.loss = make() if self.kind == "loss" else LOSSES[usual]()
        rate = make(0.01) if self.kind == "schedule" else 0.01
        self.optimizer = make(0.01) if self.kind == "optimizer" else pn.SGD(rate)
        initializer = make() if self.kind == "initializer" else pn.initializers.Uniform(0.5)
        activation = make() if self.kind == "activation" else "tanh"
        middle = pn.Activation(activation)
        if self.kind == "layer":
            middle = parts.LAYERS[self.name][0](4) if self.name in parts.LAYERS else make()
        output = next(iter(self.loss.suits), "identity")
        layers = pn.Dense(4, activation, initializer=initializer), middle, pn.Dense(OUTPUTS, output)
        self.net = pn.Network(*layers, input_size=INPUTS, seed=0, dtype="float64")
        self.X = 0.3 * random.normal(size=(ROWS, INPUTS))
        self.y = parts.targets(self.loss.name, random, ROWS, OUTPUTS)
        self.initial = self.net.copy()
        self.options = {"epochs": 2, "batch_size": 4, "engine": "numpy"}
        if self.kind == "metric":
            self.options["metrics"] = [self.name]
            self.y = self.y > 0.5
        self.history = self.net.fit(self.X, self.y, loss=self.loss, optimizer=self.optimizer, **self.options)

    def exported(self, ending: str, **options: str) -> str:
        path = self.folder / f"{self.kind}_{self.name}{ending}"
        self.net.export(path, **options)
        return str(path)


# ---- the faces: each is None or raises where it lacks ----


def gradient_check(case: Case) -> None:
    assert pn.check_gradients(case.net, case.X, case.y, loss=case.loss).passed


def definition(case: Case) -> None:
    """Loss and gradient, or the variance of an initializer, stand in tests/reference.py and agree."""
    if case.kind == "initializer":
        weights = INITIALIZERS[case.name]()((300, 200), np.random.default_rng(0))
        np.testing.assert_allclose(weights.var(), reference.INITIALIZERS[case.name](300, 200), rtol=0.05)
        return
    value, gradient = case.net.loss_and_gradient(case.X, case.y, loss=case.loss)
    expected, expected_gradient = reference.loss_and_gradient(case.net, case.X, case.y, case.loss.name)
    np.testing.assert_allclose(value, expected, rtol=1e-10)
    np.testing.assert_allclose(gradient, expected_gradient, rtol=1e-8, atol=1e-12)


def explanation(case: Case) -> None:
    """Everything that the step computes has a formula."""
    step = pn.explain(case.initial, case.X, case.y, loss=case.loss, optimizer=case.optimizer)
    computed = {"z", "a", "f'(z)", "outputs", "ℓ", "after", "∂loss/∂inputs"}
    quantities = [quantity for section in step.sections for stage in section for quantity in stage.quantities]
    without = [q.name for q in quantities if (q.name in computed or q.check) and not q.formula]
    assert not without


def onnx(case: Case) -> None:
    session = onnxruntime.InferenceSession(case.exported(".onnx"), providers=["CPUExecutionProvider"])
    (outputs,) = session.run(None, {"X": case.X})
    np.testing.assert_allclose(outputs, case.net.predict(case.X), rtol=1e-5, atol=1e-5)


def script(case: Case) -> None:
    own = runpy.run_path(case.exported(".py"))
    assert np.array_equal(own["predict"](case.X), case.net.predict(case.X, engine="numpy"))


def c(case: Case) -> None:
    path = case.exported(".c")
    if c_compilers.CC:
        outputs = c_compilers.predicted(c_compilers.library(Path(path)), case.net, case.X, prefix=Path(path).stem)
        np.testing.assert_allclose(outputs, case.net.predict(case.X), rtol=1e-5, atol=1e-5)


def trainer(case: Case) -> None:
    own = runpy.run_path(case.exported("_trainer.py", to="trainer"))
    assert list(own["train"](case.X, case.y)) == case.history.loss


def compiled(case: Case) -> None:
    """The compiled engine trains it, to the same parameters."""
    net = case.initial.copy()
    options = {"loss": case.loss, "optimizer": case.optimizer, **case.options, "engine": "compiled"}
    assert net.fit(case.X, case.y, **options).settings["engine"] == "compiled"
    np.testing.assert_allclose(net.parameters, case.net.parameters, rtol=1e-9, atol=1e-12)


def pytorch(case: Case) -> None:
    """PyTorch's own numbers are there; test_goldens.py compares them."""
    there = {
        "activation": {*GOLDENS["activations"]["functions"], *GOLDENS["activations"]},
        "loss": {entry["loss"] for entry in GOLDENS["losses"]},
        "layer": {name.replace("_", "") for name in GOLDENS["layers"]},
        "optimizer": {entry["optimizer"] for entry in GOLDENS["optimizers"]["runs"]},
        "schedule": {entry["schedule"] for entry in GOLDENS["schedules"]},
    }[case.kind]
    assert (case.name.lower() if case.kind == "layer" else case.name) in there


def documented(case: Case) -> None:
    """The page of all parts has its name, or that of its class, in the row of its kind."""
    row = re.search(rf"^\| {case.kind}(?:s|es) \| (.*) \|$", PARTS, re.MULTILINE)
    assert row
    listed = {re.sub(r"\W|_", "", name) for name in re.split("[,;(]", row[1])}
    assert {case.name.replace("_", ""), REGISTRIES[case.kind][case.name].__name__} & listed


FACES: dict[str, tuple[Callable[[Case], None], str]] = {
    "gradient check": (gradient_check, "activation loss layer"),
    "definition": (definition, "activation loss layer initializer"),
    "explanation": (explanation, "activation loss layer optimizer"),
    "ONNX": (onnx, "activation layer"),
    "script": (script, "activation layer"),
    "C": (c, "activation layer"),
    "trainer": (trainer, "activation loss layer optimizer schedule initializer"),
    "compiled": (compiled, "activation loss layer optimizer schedule initializer"),
    "PyTorch": (pytorch, "activation loss layer optimizer schedule"),
    "docs": (documented, " ".join(REGISTRIES)),
}
"""Each face, and the kinds of parts that can have it."""


def lacking(kind: str, name: str, folder: Path) -> list[str]:
    """Return the faces that a part lacks."""
    faces = {face: attempt for face, (attempt, kinds) in FACES.items() if kind in kinds.split()}
    try:
        case = Case(kind, name, folder)
    except Exception:  # it cannot even be trained
        return list(faces)
    return [face for face, attempt in faces.items() if not succeeds(attempt, case)]


def succeeds(attempt: Callable[[Case], None], case: Case) -> bool:
    try:
        attempt(case)
    except Exception:  # whatever the reason, the part lacks the face
        return False
    return True


def everything_lacking(folder: Path) -> dict[str, list[str]]:
    """Return the faces that each part lacks."""
    return {f"{kind} {name}": lacking(kind, name, folder) for kind, known in REGISTRIES.items() for name in known}


def table(gaps: dict[str, list[str]]) -> str:
    """One row per part that lacks a face, one column per face."""
    rows = {part: faces for part, faces in gaps.items() if faces}
    width = max(map(len, rows), default=0)
    lines = [f"{'lacks':{width}}  {'  '.join(FACES)}"]
    for part, faces in rows.items():
        marks = [f"{'×' if face in faces else '·':^{len(face)}}" for face in FACES]
        lines.append(f"{part:{width}}  {'  '.join(marks)}".rstrip())
    return "\n".join(lines)


def test_every_part_has_every_face(tmp_path: Path) -> None:
    gaps = everything_lacking(tmp_path)
    unexpected = {part: [face for face in faces if (part, face) not in ALLOWED] for part, faces in gaps.items()}
    assert not any(unexpected.values()), f"\n{table(unexpected)}"
    needless = [(part, face) for part, face in ALLOWED if face not in gaps[part]]
    assert not needless, f"allowed to lack, and there: {needless}"


class Careless(ActivationFunction):
    """a = z² for z > 0, else 0, by a loop that no formula is read from, and with a wrong derivative."""

    name = "careless"

    def value(self, z: np.ndarray) -> np.ndarray:
        return np.array([[number * number if number > 0 else 0.0 for number in row] for row in z])

    def derivative(self, z: np.ndarray, a: np.ndarray) -> np.ndarray:
        return np.maximum(z, 0)


def test_the_table_shows_what_a_new_part_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIVATIONS, "careless", Careless)
    gaps = {"activation careless": lacking("activation", "careless", tmp_path)}
    assert gaps["activation careless"] == [
        "gradient check", "definition", "explanation", "ONNX", "C", "compiled", "PyTorch", "docs"
    ]  # fmt: skip
    header, row = table(gaps).split("\n")
    assert row[header.index("gradient check") :].split() == [*"××××·×·×××"]
