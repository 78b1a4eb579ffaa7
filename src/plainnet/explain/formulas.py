"""The formulas of the layers, activations, losses and optimizers, as text that `mathml` can set.

`@` is the matrix product, `∘` multiplies element by element, ᵀ transposes. Braces are settings.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from plainnet import optimizers
from plainnet._base.configurable import OWN, Configurable
from plainnet.activations import ACTIVATIONS, ActivationFunction
from plainnet.layers import Activation, BatchNorm, Dense, Dropout, Layer, LayerNorm
from plainnet.losses import LOSSES, Loss
from plainnet.optimizers import Optimizer

LEGEND = (
    "@ is the matrix product, ∘ multiplies element by element, ᵀ transposes, Σ without an index sums over the examples."
)


class Slope(NamedTuple):
    """An activation: its value, and its derivative or, for softmax, its way back."""

    value: str
    derivative: str
    note: str = ""


ACTIVATION_FORMULAS = {
    "identity": Slope("a = z", "f'(z) = 1"),
    "sigmoid": Slope("a = σ(z) = 1 / (1 + e^-z)", "f'(z) = σ'(z) = a ∘ (1 - a)"),
    "tanh": Slope("a = tanh(z)", "f'(z) = 1 - a²"),
    "relu": Slope("a = max(z, 0)", "f'(z) = 1 for z > 0, else 0"),
    "leaky_relu": Slope("a = z for z > 0, else {slope:g} z", "f'(z) = 1 for z > 0, else {slope:g}"),
    "elu": Slope("a = z for z > 0, else {alpha:g} (e^z - 1)", "f'(z) = 1 for z > 0, else a + {alpha:g}"),
    "selu": Slope("a = 1.0507 z for z > 0, else 1.7581 (e^z - 1)", "f'(z) = 1.0507 for z > 0, else a + 1.7581"),
    "gelu": Slope(
        "a = z / 2 ∘ (1 + t), t = tanh(√(2/π) (z + 0.044715 z³))",
        "f'(z) = (1 + t) / 2 + z / 2 ∘ (1 - t²) √(2/π) (1 + 0.134145 z²)",
    ),
    "silu": Slope("a = z ∘ σ(z)", "f'(z) = σ(z) + a ∘ (1 - σ(z))"),
    "softplus": Slope("a = ln(1 + e^z)", "f'(z) = σ(z)"),
    "exponential": Slope("a = e^z", "f'(z) = a"),
    "softmax": Slope("a_i = e^(z_i) / (Σ_j e^(z_j))", "δ_j = a_j (g_j - Σ_i g_i a_i), g = ∂loss/∂a"),
}


class Error(NamedTuple):
    """A loss: of an element, its derivative by the prediction, and the gradient by z where computed together."""

    element: str
    derivative: str
    fused: str = ""
    note: str = ""


LOSS_FORMULAS = {
    "mse": Error("ℓ = (ŷ - y)²", "2 (ŷ - y)"),
    "mae": Error("ℓ = |ŷ - y|", "sign(ŷ - y)"),
    "huber": Error(
        "ℓ = e² / 2 for |e| ≤ {delta:g}, else {delta:g} (|e| - {delta:g} / 2), e = ŷ - y",
        "max(-{delta:g}, min(e, {delta:g}))",
    ),
    "binary_cross_entropy": Error("ℓ = -(y ln(ŷ) + (1 - y) ln(1 - ŷ))", "((ŷ - y) / (ŷ ∘ (1 - ŷ)))", "(ŷ - y)"),
    "cross_entropy": Error("ℓ = -Σ_k y_k ln(ŷ_k)", "(-y / ŷ)", "(ŷ - y)"),
    "poisson": Error("ℓ = ŷ - y ln(ŷ)", "(1 - y / ŷ)", "(ŷ - y)"),
}


class Kept(NamedTuple):
    """What the way back of a layer keeps: the name in the layer's code, and how to show it."""

    name: str
    symbol: str
    formula: str
    note: str = ""


_ROOT = "√(variance + {epsilon:g})"
_NORMALIZED = Kept("normalized", "x̂", "x̂ = (inputs - mean) / √(variance + {epsilon:g})")

REMEMBERED: dict[type, tuple[Kept, ...]] = {
    Dropout: (Kept("mask", "mask", "mask = 0 with probability {rate:g}, else 1 / (1 - {rate:g})"),),
    BatchNorm: (Kept("root", "r", f"r = {_ROOT}", "of each feature, over the examples"), _NORMALIZED),
    LayerNorm: (Kept("root", "r", f"r = {_ROOT}", "of each example, over its features"), _NORMALIZED),
}

OUTPUTS: dict[type, str] = {
    Dropout: "outputs = inputs ∘ mask",
    BatchNorm: "outputs = scale ∘ x̂ + shift",
    LayerNorm: "outputs = scale ∘ x̂ + shift",
}

PARAMETER_GRADIENTS: dict[type, dict[str, str]] = {
    Dense: {"weights": "inputsᵀ @ δ", "bias": "Σ δ"},
    BatchNorm: {"scale": "Σ ∂loss/∂outputs ∘ x̂", "shift": "Σ ∂loss/∂outputs"},
    LayerNorm: {"scale": "Σ ∂loss/∂outputs ∘ x̂", "shift": "Σ ∂loss/∂outputs"},
}

INPUT_GRADIENTS: dict[type, str] = {
    Dense: "δ @ weightsᵀ",
    Activation: "δ",
    Dropout: "∂loss/∂outputs ∘ mask",
    BatchNorm: "(g - mean(g) - x̂ ∘ mean(g ∘ x̂)) / r, g = ∂loss/∂outputs ∘ scale",
    LayerNorm: "(g - mean(g) - x̂ ∘ mean(g ∘ x̂)) / r, g = ∂loss/∂outputs ∘ scale",
}


def slope(activation: ActivationFunction) -> Slope:
    """The formulas of an activation; of a user's own, its name and the first line of its docstring."""
    if type(activation) is ACTIVATIONS.get(activation.name):
        return Slope(*(formula.format(**activation.settings()) for formula in ACTIVATION_FORMULAS[activation.name]))
    own = getattr(activation, "own", activation)
    return Slope("a = f(z)", "f'(z)", first_line(own) or "an activation of your own")


def error(loss: Loss) -> Error:
    """The formulas of a loss; of a user's own, the first line of its docstring."""
    if type(loss) is LOSSES.get(loss.name):
        return Error(*(formula.format(**loss.settings()) for formula in LOSS_FORMULAS[loss.name]))
    own = getattr(loss, "function", getattr(loss, "own", loss))
    return Error("ℓ", "ℓ'", note=first_line(own) or "a loss of your own")


def weighted_sum(layer: Any) -> str:
    """z of a Dense or an Activation."""
    if type(layer) is Activation:
        return "z = inputs"
    return "z = inputs @ weights + bias" if layer.bias is not None else "z = inputs @ weights"


def penalty(layers: Sequence[Layer]) -> str:
    """The penalties of all layers together."""
    terms = []
    for i, layer in enumerate(layers):
        for name, (l1, l2) in layer.penalties().items():
            terms += [f"{l1:g} Σ|{name}_{i}|"] if l1 else []
            terms += [f"{l2:g} / 2 Σ {name}_{i}²"] if l2 else []
    return f"penalty = {' + '.join(terms)}"


def update(optimizer: Optimizer) -> tuple[str, ...]:
    """The optimizer's step in the order in which it happens, η being the learning rate and t = 1.

    The algorithm of a user's own optimizer is not known; its step is θ ← θ + Δ.
    """
    clip, decay = optimizer.clip_norm, optimizer.weight_decay
    prepare = [f"g ← g min(1, {clip:g} / ‖g‖)"] if clip is not None else []
    if decay:
        adamw = isinstance(optimizer, optimizers.AdamW)
        prepare.append(f"θ ← θ - η {decay:g} θ" if adamw else f"g ← g + {decay:g} θ")
    algorithm = _ALGORITHMS.get(type(optimizer))
    return (*prepare, *(algorithm(optimizer) if algorithm else ("θ ← θ + Δ",)))


def _sgd(optimizer: Any) -> tuple[str, ...]:
    if not optimizer.momentum:
        return ("θ ← θ - η g",)
    step = f"g + {optimizer.momentum:g} v" if optimizer.nesterov else "v"
    bracketed = f"({step})" if optimizer.nesterov else step
    return (f"velocity v ← {optimizer.momentum:g} v + g", f"θ ← θ - η {bracketed}")


def _rmsprop(optimizer: Any) -> tuple[str, ...]:
    square = f"square s ← {optimizer.decay:g} s + {1 - optimizer.decay:g} g²"
    step = f"g / (√s + {optimizer.epsilon:g})"
    if not optimizer.momentum:
        return (square, f"θ ← θ - η {step}")
    return (square, f"velocity v ← {optimizer.momentum:g} v + {step}", "θ ← θ - η v")


def _adagrad(optimizer: Any) -> tuple[str, ...]:
    return ("square s ← s + g²", f"θ ← θ - η g / (√s + {optimizer.epsilon:g})")


def _adam(optimizer: Any) -> tuple[str, ...]:
    return (
        f"mean m ← {optimizer.beta1:g} m + {1 - optimizer.beta1:g} g",
        f"square v ← {optimizer.beta2:g} v + {1 - optimizer.beta2:g} g²",
        f"m' = m / (1 - {optimizer.beta1:g}^t), v' = v / (1 - {optimizer.beta2:g}^t)",
        f"θ ← θ - η m' / (√v' + {optimizer.epsilon:g})",
    )


_ALGORITHMS = {
    optimizers.SGD: _sgd,
    optimizers.RMSprop: _rmsprop,
    optimizers.Adagrad: _adagrad,
    optimizers.Adam: _adam,
    optimizers.AdamW: _adam,
}


def first_line(thing: Any) -> str:
    """The first line of the docstring of a user's own function, object or class, without a full stop."""
    own = thing if isinstance(thing, type) or hasattr(thing, "__name__") else type(thing)
    text = (own.__doc__ or "").strip()
    return text.splitlines()[0].strip().rstrip(".") if text else ""


def name_of(thing: Configurable) -> str:
    """The name of a part, a user's own without its mark."""
    return thing.name.removeprefix(OWN)
