"""The functions that exported source may need, as text: each activation and normalization, with its way back.

They are plainnet's own formulas (`activations.py`, `layers.py`), operation by operation, so that results are the same
to the last bit. `{function}` stands for the function's name, other braces for settings.
"""

from typing import Any, NamedTuple

from plainnet.export.source import NamedLayer
from plainnet.layers import BatchNorm, LayerNorm


class Formula(NamedTuple):
    """An activation as source: a = f(z), and the function for the way back."""

    value: str
    backward: str
    """f'(z), or for softmax ∂loss/∂z from ∂loss/∂a; empty where a itself is the slope."""
    takes: tuple[str, ...]
    """What `backward` takes: z, the weighted sums, a, the value, or both."""


ACTIVATION_SOURCE = {
    "sigmoid": Formula(
        '''
def {function}(z):
    """σ(z) = 1 / (1 + e^-z); where e^-z overflows, the quotient is 0, as it should be."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))
''',
        '''
def {function}_slope(a):
    """σ'(z) = a (1 - a), where a = σ(z)."""
    return a * (1 - a)
''',
        ("a",),
    ),
    "tanh": Formula(
        '''
def {function}(z):
    """tanh(z)."""
    return np.tanh(z)
''',
        '''
def {function}_slope(a):
    """tanh'(z) = 1 - a², where a = tanh(z)."""
    return 1 - a * a
''',
        ("a",),
    ),
    "relu": Formula(
        '''
def {function}(z):
    """max(z, 0)."""
    return np.maximum(z, 0)
''',
        '''
def {function}_slope(z):
    """1 where z > 0, else 0."""
    return (z > 0).astype(z.dtype)
''',
        ("z",),
    ),
    "leaky_relu": Formula(
        '''
def {function}(z):
    """z where z > 0, else {slope} z."""
    return np.where(z > 0, z, {slope} * z)
''',
        '''
def {function}_slope(z):
    """1 where z > 0, else {slope}."""
    return np.where(z > 0, np.ones_like(z), {slope})
''',
        ("z",),
    ),
    "elu": Formula(
        '''
def {function}(z):
    """z where z > 0, else {alpha} (e^z - 1)."""
    return np.where(z > 0, z, {alpha} * np.expm1(np.minimum(z, 0)))
''',
        '''
def {function}_slope(z, a):
    """1 where z > 0, else {alpha} e^z, which is a + {alpha}."""
    return np.where(z > 0, 1.0, a + {alpha})
''',
        ("z", "a"),
    ),
    "selu": Formula(
        '''
def {function}(z):
    """s z where z > 0, else s α (e^z - 1), which keeps mean 0 and variance 1."""
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    return scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))
''',
        '''
def {function}_slope(z, a):
    """s where z > 0, else s α e^z, which is a + s α."""
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    return np.where(z > 0, scale, a + scale * alpha)
''',
        ("z", "a"),
    ),
    "gelu": Formula(
        '''
def {function}(z):
    """z/2 (1 + tanh(√(2/π) (z + 0.044715 z³)))."""
    root = math.sqrt(2 / math.pi)
    return 0.5 * z * (1 + np.tanh(root * (z + 0.044715 * z * z * z)))
''',
        '''
def {function}_slope(z):
    """(1 + t)/2 + z/2 (1 - t²) √(2/π) (1 + 3 · 0.044715 z²), where t is the tanh."""
    root = math.sqrt(2 / math.pi)
    t = np.tanh(root * (z + 0.044715 * z * z * z))
    steepness = 0.5 * z * (1 - t * t) * root * (1 + 3 * 0.044715 * z * z)
    return 0.5 * (1 + t) + steepness
''',
        ("z",),
    ),
    "silu": Formula(
        '''
def {function}(z):
    """z σ(z)."""
    return z * sigmoid(z)
''',
        '''
def {function}_slope(z, a):
    """σ(z) + a (1 - σ(z)), where a = z σ(z)."""
    s = sigmoid(z)
    return s + a * (1 - s)
''',
        ("z", "a"),
    ),
    "softplus": Formula(
        '''
def {function}(z):
    """ln(1 + e^z) = max(z, 0) + ln(1 + e^-|z|), which cannot overflow."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
''',
        '''
def {function}_slope(z):
    """σ(z), the slope of ln(1 + e^z)."""
    return sigmoid(z)
''',
        ("z",),
    ),
    "exponential": Formula(
        '''
def {function}(z):
    """e^z, which is its own slope."""
    return np.exp(z)
''',
        "",
        ("a",),
    ),
    "softmax": Formula(
        '''
def {function}(z):
    """e^z_i / Σ_j e^z_j in each row; less its maximum, so that nothing overflows."""
    a = np.exp(z - z.max(axis=1, keepdims=True))
    return a / a.sum(axis=1, keepdims=True)
''',
        '''
def {function}_backward(d_a, a):
    """∂loss/∂z_j = a_j (d_j - Σ_i d_i a_i), because ∂a_i/∂z_j = a_i ((i = j) - a_j)."""
    return a * (d_a - (d_a * a).sum(axis=1, keepdims=True))
''',
        ("a",),
    ),
}
"""Of every activation but the identity."""

BATCH_NORM = '''
def {function}(x, scale, shift, mean, variance):
    """scale · x̂ + shift, where x̂ = (x - mean) / √(variance + {epsilon})."""
    x_hat = (x - mean) * (1 / np.sqrt(variance + {epsilon}))
    return scale * x_hat + shift
'''

BATCH_NORM_TRAINING = '''
def {function}_training(x, scale, shift, running_mean, running_variance):
    """Batch normalization by this batch's own mean and variance; also x̂ and 1/√(...).

    The running statistics, which predictions use, take a step towards the batch's.
    """
    rows, mean, variance = len(x), x.mean(axis=0), x.var(axis=0)
    running_mean += {momentum} * (mean - running_mean)
    unbiased = variance * (rows / max(rows - 1, 1))
    running_variance += {momentum} * (unbiased - running_variance)
    inverse = 1 / np.sqrt(variance + {epsilon})
    x_hat = (x - mean) * inverse
    return scale * x_hat + shift, x_hat, inverse


def {function}_backward(d_out, x_hat, inverse, scale):
    """∂loss/∂x, ∂loss/∂scale and ∂loss/∂shift from ∂loss/∂out, out = scale · x̂ + shift.

    Every row acts on the mean and the variance of its feature, and so on all of x̂:
    ∂loss/∂x = scale/√(...) (d_out - mean(d_out) - x̂ mean(d_out x̂)), means over rows.
    """
    product = d_out * x_hat
    d_x = d_out - d_out.mean(axis=0) - x_hat * product.mean(axis=0)
    return d_x * (scale * inverse), product.sum(axis=0), d_out.sum(axis=0)
'''

LAYER_NORM = '''
def {function}(x, scale, shift):
    """scale · x̂ + shift, where x̂ is x with mean 0 and variance 1 in each row."""
    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred * centred).mean(axis=1, keepdims=True)
    x_hat = centred * (1 / np.sqrt(variance + {epsilon}))
    return scale * x_hat + shift
'''

LAYER_NORM_TRAINING = '''
def {function}_training(x, scale, shift):
    """Layer normalization as in a prediction; also x̂ and 1/√(variance + {epsilon})."""
    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred * centred).mean(axis=1, keepdims=True)
    inverse = 1 / np.sqrt(variance + {epsilon})
    x_hat = centred * inverse
    return scale * x_hat + shift, x_hat, inverse


def {function}_backward(d_out, x_hat, inverse, scale):
    """∂loss/∂x, ∂loss/∂scale and ∂loss/∂shift from ∂loss/∂out, out = scale · x̂ + shift.

    Every feature acts on the mean and the variance of its row, and so on all of x̂:
    ∂loss/∂x = (d - mean(d) - x̂ mean(d x̂)) / √(...), d = scale · d_out, means over features.
    """
    d = d_out * scale
    d_x = d - d.mean(axis=1, keepdims=True)
    d_x = d_x - x_hat * (d * x_hat).mean(axis=1, keepdims=True)
    return d_x * inverse, (d_out * x_hat).sum(axis=0), d_out.sum(axis=0)
'''


DROPOUT_MASK = '''
def dropout_mask(x, rate, random):
    """0 with probability `rate`, else 1 / (1 - rate), so that the mean stays."""
    kept = random.random(x.shape, np.float32) >= rate
    return kept.astype(x.dtype) / (1 - rate)
'''


class Functions:
    """The functions that a text calls, each once, in the order in which the text must define them."""

    def __init__(self, network: list[NamedLayer]) -> None:
        self.definitions: dict[str, str] = {}
        self._functions = _function_names(network)

    def name(self, part: NamedLayer) -> str:
        """The function of a part's activation or normalization; numbered where settings differ."""
        return self._functions[id(part.layer)]

    def value(self, part: NamedLayer) -> str:
        """The name of the part's function, which is now defined."""
        name = self.name(part)
        if isinstance(part.layer, BatchNorm | LayerNorm):
            text = BATCH_NORM if isinstance(part.layer, BatchNorm) else LAYER_NORM
            self._define(name, text, name, part.layer.settings())
            return name
        formula = ACTIVATION_SOURCE[part.activation.name]
        self._define(name, formula.value, name, part.activation.settings())
        return name

    def training(self, part: NamedLayer) -> str:
        """The name of a normalization's function; the two with the endings _training and _backward are defined."""
        name = self.name(part)
        text = BATCH_NORM_TRAINING if isinstance(part.layer, BatchNorm) else LAYER_NORM_TRAINING
        self._define(f"{name}_training", text, name, part.layer.settings())
        return name

    def backward(self, part: NamedLayer, d_value: str, z: str, a: str) -> str:
        """∂loss/∂z as an expression, from the names of ∂loss/∂a, z and a."""
        name, formula = self.name(part), ACTIVATION_SOURCE[part.activation.name]
        if formula.backward:
            self._define(f"{name}_slope", formula.backward, name, part.activation.settings())
        arguments = ", ".join({"z": z, "a": a}[argument] for argument in formula.takes)
        if part.activation.name == "softmax":
            return f"{name}_backward({d_value}, {a})"
        return f"{d_value} * {name}_slope({arguments})" if formula.backward else f"{d_value} * {a}"

    def dropout_mask(self) -> str:
        """The name of the function that draws a mask, which is now defined."""
        self._define("dropout_mask", DROPOUT_MASK, "dropout_mask", {})
        return "dropout_mask"

    def _define(self, key: str, text: str, function: str, settings: dict[str, Any]) -> None:
        if "sigmoid(z)" in text and key != "sigmoid":
            self._define("sigmoid", ACTIVATION_SOURCE["sigmoid"].value, "sigmoid", {})
        self.definitions.setdefault(key, text.format(function=function, **settings).strip("\n"))


def needs_sums(part: NamedLayer) -> bool:
    """Whether the way back through the part's activation takes its weighted sums."""
    return "z" in ACTIVATION_SOURCE[part.activation.name].takes


def _function_names(network: list[NamedLayer]) -> dict[int, str]:
    """For each part with a function its name: relu; with different settings leaky_relu_1 and leaky_relu_2."""
    own = {}
    for part in network:
        if isinstance(part.layer, BatchNorm | LayerNorm):
            kind = "batch_norm" if isinstance(part.layer, BatchNorm) else "layer_norm"
            own[id(part.layer)] = (kind, tuple(part.layer.settings().items()))
        elif part.activation is not None:
            own[id(part.layer)] = (part.activation.name, tuple(part.activation.settings().items()))
        else:
            own[id(part.layer)] = ("", ())
    different: dict[str, list[Any]] = {}
    for kind, settings in own.values():
        variants = different.setdefault(kind, [])
        if settings not in variants:
            variants.append(settings)
    return {
        key: kind if len(different[kind]) == 1 else f"{kind}_{different[kind].index(settings) + 1}"
        for key, (kind, settings) in own.items()
    }
