"""Some data have usual choices of layers, output, loss, optimizer and metrics, where a setup leaves them open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plainnet.activations import ACTIVATIONS
from plainnet.losses import LOSSES, CrossEntropy, Loss
from plainnet.metrics import METRICS, OF_CLASSES
from plainnet.play.session.setup import Setup

if TYPE_CHECKING:
    from plainnet.play.session.examples import Examples

EPOCHS = 1_000_000
FEW_ROWS = 8
OPTIMIZER = {"name": "adam", "learning_rate": 0.01}
HIDDEN: dict[str, list[dict[str, Any]]] = {
    "few": [{"name": "Dense", "units": 4, "activation": "tanh"}],
    "usual": [{"name": "Dense", "units": 8, "activation": "tanh"}, {"name": "Dense", "units": 8, "activation": "tanh"}],
}
"""The hidden layers for a truth table, and for other data."""


def completed(setup: Setup, examples: Examples) -> Setup:
    """Return the setup with what suits the examples where it says nothing.

    If its output was made for data of another task or with other classes, the output, the loss, the metrics and the
    class weights that do not suit these examples become the usual ones; the hidden layers stay.
    """
    plain = setup.plain()
    signature = {"task": examples.task, "classes": len(examples.classes or ())}
    if plain["layers"] is None:
        plain = {**plain, **fresh(plain, examples)}
    elif plain["made_for"] not in (None, signature):
        _follow(plain, examples)
    last = plain["layers"][-1].get("activation")
    for name, usual in {
        "loss": usual_loss(examples, last),
        "optimizer": OPTIMIZER,
        "epochs": EPOCHS,
        "metrics": [],
    }.items():
        if plain[name] is None:
            plain[name] = usual
    del plain["version"], plain["data"]
    return setup.replaced({**plain, "made_for": signature})


def fresh(plain: dict[str, Any], examples: Examples) -> dict[str, Any]:
    """Return the usual layers, and what goes with them where the setup leaves it open."""
    if examples.usual:  # a table or a network has its own
        own = examples.usual
        return {name: value for name, value in own.items() if name == "layers" or plain.get(name) is None} | (
            {"batch_size": own["batch_size"]} if "batch_size" in own else {}
        )
    few = len(examples.labels) <= FEW_ROWS  # shown one by one; a metric takes most of the time
    hidden = HIDDEN["few" if few else "usual"]
    metrics = plain["metrics"] or ([] if few else usual_metrics(examples))
    return {"layers": [*hidden, usual_output(examples)], "metrics": metrics}


def usual_output(examples: Examples) -> dict[str, Any]:
    """Return the output layer: a plain number, one probability of two classes, or one for each of more."""
    if examples.classes is None:
        return {"name": "Dense", "units": 1, "activation": "identity"}
    count = len(examples.classes)
    if count == 2:
        return {"name": "Dense", "units": 1, "activation": "sigmoid"}
    return {"name": "Dense", "units": count, "activation": "softmax"}


def usual_loss(examples: Examples, activation: Any) -> str:
    """Return the loss that suits the data and the activation of the output."""
    if examples.task == "regression":
        return "poisson" if activation == "exponential" else "mse"
    return "cross_entropy" if activation == "softmax" else "binary_cross_entropy"


def usual_metrics(examples: Examples) -> list[str]:
    """Return the metric that people read first."""
    return ["accuracy" if examples.task == "classification" else "r2"]


def suits_task(metric: str, examples: Examples) -> bool:
    """Return True if a metric is one of classes, as the data are, or one of quantities."""
    return (METRICS[metric] in OF_CLASSES) == (examples.task == "classification")


def outputs_for(examples: Examples) -> tuple[int, ...]:
    """Return the numbers of outputs that go with the data, the usual one first."""
    wide = examples.targets.ndim == 2 and examples.targets.shape[1]
    if wide or examples.classes is None:
        return (int(wide) or 1,)
    count = len(examples.classes)
    return (1, 2) if count == 2 else (count,)


def loss_suits(loss: Loss | str, examples: Examples, activation: str) -> bool:
    """Return True if a loss goes with the task and its classes, and with the activation of the output."""
    made = LOSSES[loss]() if isinstance(loss, str) and loss in LOSSES else loss
    if not isinstance(made, Loss):
        return True
    of_classes = bool({"softmax", "sigmoid"} & set(made.suits))
    if made.suits and (of_classes != (examples.task == "classification") or activation not in made.suits):
        return False
    return isinstance(made, CrossEntropy) or len(examples.classes or ()) <= 2


def _follow(plain: dict[str, Any], examples: Examples) -> None:
    """Make what depends on the kind of the data anew, where it does not suit them."""
    usual = usual_output(examples)
    last = plain["layers"][-1]
    if last.get("name") == "Dense":
        fits = last["units"] in outputs_for(examples) and _output_suits(last, examples)
        plain["layers"][-1] = last if fits else {**last, **usual}
    activation = plain["layers"][-1].get("activation")
    loss = plain["loss"]
    name = loss["name"] if isinstance(loss, dict) else loss
    another_task = plain["made_for"]["task"] != examples.task
    if another_task or (name is not None and not loss_suits(name, examples, str(activation))):
        plain["loss"] = None
    kept = [metric for metric in plain["metrics"] or () if suits_task(metric, examples)]
    plain["metrics"] = kept or (usual_metrics(examples) if plain["metrics"] else [])
    if examples.task == "regression":
        plain["class_weight"] = None
    stopping = plain["early_stopping"]
    if stopping and stopping["monitor"] in METRICS and not suits_task(stopping["monitor"], examples):
        stopping["monitor"] = "loss"


def _output_suits(last: dict[str, Any], examples: Examples) -> bool:
    activation = last["activation"]
    name = activation["name"] if isinstance(activation, dict) else activation
    if examples.task == "regression":
        return name not in ("sigmoid", "softmax")
    if name not in ACTIVATIONS:
        return True
    return bool(name == ("softmax" if last["units"] > 1 else "sigmoid"))
