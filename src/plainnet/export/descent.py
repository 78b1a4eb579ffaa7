"""How a network starts, and how it descends, as text: initializers, losses, schedules and optimizers.

They are plainnet's own formulas (`initializers.py`, `losses.py`, `schedules.py`, `optimizers.py`), operation by
operation. Settings enter the text as literals or as the constants that `constants` names.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from plainnet import schedules
from plainnet.optimizers import AdamW, Optimizer
from plainnet.schedules import Schedule

# ---- the weights at the start ----


def initializer(name: str, settings: dict[str, Any]) -> str:
    """The function that draws a layer's weights; it takes inputs, units and the random generator."""
    if name == "zeros":
        return _initializer(name, "All zero.", ["return np.zeros((inputs, units))"])
    if name == "normal":
        spread = repr(settings["standard_deviation"])
        result = f"return {spread} * random.standard_normal((inputs, units))"
        return _initializer(name, f"Normal with mean 0 and standard deviation {spread}.", [result])
    if name == "uniform":
        limit = repr(settings["limit"])
        result = f"return random.uniform(-{limit}, {limit}, (inputs, units))"
        return _initializer(name, f"Uniform from -{limit} to {limit}.", [result])
    scale, _, distribution = name.partition("_")
    variance, source = {
        "glorot": ("2 / (inputs + units)", "Glorot & Bengio 2010"),
        "he": ("2 / inputs", "He et al. 2015"),
        "lecun": ("1 / inputs", "LeCun et al. 1998"),
    }[scale]
    summary = f"{distribution.capitalize()} with mean 0 and variance {variance} ({source})."
    if distribution == "normal":
        result = f"return np.sqrt({variance}) * random.standard_normal((inputs, units))"
        return _initializer(name, summary, [result])
    lines = [
        f"variance = {variance}",
        "limit = np.sqrt(3 * variance)  # from -limit to limit, the variance is limit²/3",
        "return random.uniform(-limit, limit, (inputs, units))",
    ]
    return _initializer(name, summary, lines)


def _initializer(name: str, summary: str, lines: list[str]) -> str:
    return "\n    ".join([f"def {name}(inputs, units, random):", f'"""{summary}"""', *lines])


# ---- losses ----


class LossText(NamedTuple):
    """A loss as source; `{z}` is the name of the last weighted sums, `outputs` and `targets` are what they are."""

    forward: tuple[tuple[str, str], ...]
    """Lines of code, each with a comment, that end with the line for `loss`."""
    backward: tuple[str, str]
    """∂loss/∂outputs, or ∂loss/∂z where the loss is computed from the sums, with a comment."""
    targets: str
    """Targets to check the derivatives with, of shape {shape}."""


_NORMAL = "random.normal(size={shape})"
_SHARES = "random.uniform(0, 1, {shape})"
_COUNTS = "random.integers(0, 4, {shape})"
_LABELS = "random.integers(0, {units}, 5)"

LOSS_TEXTS = {
    "mse": LossText(
        (("error = outputs - targets", ""), ("loss = float((error * error).mean())", "the mean of (ŷ - y)²")),
        ("2 * error / error.size", "the slope of (ŷ - y)² is 2 (ŷ - y)"),
        _NORMAL,
    ),
    "mae": LossText(
        (("error = outputs - targets", ""), ("loss = float(np.abs(error).mean())", "the mean of |ŷ - y|")),
        ("np.sign(error) / error.size", "the slope of |ŷ - y| is its sign"),
        _NORMAL,
    ),
    "huber": LossText(
        (
            ("error = outputs - targets", ""),
            ("clipped = np.clip(error, -{delta}, {delta})", ""),
            ("loss = float((clipped * (error - 0.5 * clipped)).mean())", "error²/2, or a line beyond ±{delta}"),
        ),
        ("clipped / error.size", "the slope is the error, and at most ±{delta}"),
        _NORMAL,
    ),
    "binary_cross_entropy": LossText(
        (
            ("margin = np.finfo(outputs.dtype).epsneg", ""),
            ("chance = np.clip(outputs, margin, 1 - margin)", "so that ln 0 is not taken"),
            ("losses = targets * np.log(chance) + (1 - targets) * np.log1p(-chance)", ""),
            ("loss = float(-losses.mean())", "the mean of -(y ln ŷ + (1 - y) ln(1 - ŷ))"),
        ),
        ("(chance - targets) / (chance * (1 - chance)) / targets.size", "-y/ŷ + (1 - y)/(1 - ŷ)"),
        _SHARES,
    ),
    "cross_entropy": LossText(
        (
            ("chance = np.maximum(outputs, np.finfo(outputs.dtype).tiny)", "so that ln 0 is not taken"),
            ("loss = float(-(targets * np.log(chance)).sum(axis=1).mean())", "mean of -Σ y ln ŷ"),
        ),
        ("-targets / chance / len(targets)", "the slope of -y ln ŷ is -y/ŷ"),
        _LABELS,
    ),
    "poisson": LossText(
        (("loss = float((outputs - targets * np.log(outputs + 1e-8)).mean())", "the mean of ŷ - y ln ŷ"),),
        ("(1 - targets / (outputs + 1e-8)) / targets.size", "the slope of ŷ - y ln ŷ is 1 - y/ŷ"),
        _COUNTS,
    ),
}

FUSED_LOSSES = {
    "binary_cross_entropy": LossText(
        (
            ("log_sums = np.log1p(np.exp(-np.abs({z})))", "ln(1 + e^-|z|)"),
            ("losses = np.maximum({z}, 0) - targets * {z} + log_sums", ""),
            ("loss = float(losses.mean())", "the mean of -(y ln σ(z) + (1 - y) ln(1 - σ(z)))"),
        ),
        (
            "(outputs - targets) / targets.size",
            "-y (1 - ŷ) + (1 - y) ŷ = ŷ - y, as (ln ŷ)' = 1 - ŷ and (ln(1 - ŷ))' = -ŷ",
        ),
        _SHARES,
    ),
    "cross_entropy": LossText(
        (
            (
                "shifted = {z} - {z}.max(axis=1, keepdims=True)",
                "a shift leaves softmax as it is, and e^z cannot overflow",
            ),
            ("logarithms = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))", "ln ŷ"),
            ("loss = float(-(targets * logarithms).sum(axis=1).mean())", "mean of -Σ y ln ŷ"),
        ),
        (
            "(outputs - targets) / len(targets)",
            "-Σ_k y_k ((k = j) - ŷ_j) = ŷ_j - y_j, as ∂ln ŷ_k/∂z_j = (k = j) - ŷ_j and Σ y = 1",
        ),
        _LABELS,
    ),
    "poisson": LossText(
        (("loss = float((outputs - targets * {z}).mean())", "the mean of ŷ - y ln ŷ, where ln ŷ = z"),),
        ("(outputs - targets) / targets.size", "the slope of e^z - y z by z is ŷ - y"),
        _COUNTS,
    ),
}
"""The losses that are computed from the weighted sums, before the activation they belong to."""


# ---- schedules ----


def schedule(made: Schedule, name: str = "learning_rate_at") -> list[str]:
    """The function, with those it calls before it, that gives the learning rate after `epoch` of `epochs`."""
    own = made.settings()
    rate = repr(own["learning_rate"])
    match made:
        case schedules.Step():
            text = f"return {rate} * {own['factor']!r} ** math.floor(epoch / {own['every']})"
            return [_schedule(name, f"A drop after every {own['every']} epochs.", [text])]
        case schedules.Exponential():
            text = f"return {rate} * {own['factor']!r}**epoch"
            return [_schedule(name, "A little less with every step.", [text])]
        case schedules.Cosine():
            text = f"return cosine({rate}, {own['minimum']!r}, epoch / epochs)"
            return [COSINE, _schedule(name, "Half a cosine (Loshchilov & Hutter 2017).", [text])]
        case schedules.OneCycle():
            return [COSINE, _one_cycle(name, own)]
        case schedules.LinearWarmup():
            inner, peak = [], repr(made.learning_rate.settings()["learning_rate"])
            if not isinstance(made.learning_rate, schedules.Constant):
                inner = schedule(made.learning_rate, f"{name}_after_warmup")
                peak = f"{name}_after_warmup({step_arguments(made.learning_rate, 'epoch', 'step')})"
            start, warmup = own["start"], own["warmup"]
            risen = f"{start!r} + (1 - {start!r}) * epoch / {warmup!r}" if start else f"(epoch + step) / {warmup!r}"
            lines = [f"share = min(1.0, {risen})", f"return share * {peak}"]
            summary = f"A line upwards for {warmup:g} epochs."
            return [*inner, _schedule(name, summary, lines, step_arguments(made, "epoch", "step"))]
        case _:
            raise NotImplementedError(f"schedule {made.name} has no text yet")


COSINE = '''
def cosine(start, end, progress):
    """From start at progress 0 to end at progress 1 along half a cosine."""
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
'''.strip("\n")


def _one_cycle(name: str, own: dict[str, Any]) -> str:
    rate, warmup = repr(own["learning_rate"]), repr(own["warmup"])
    lines = [
        f"start = {rate} / {own['start_divisor']!r}",
        "progress = epoch / epochs",
        f"if progress < {warmup}:",
        f"    return cosine(start, {rate}, progress / {warmup})",
        f"end = start / {own['end_divisor']!r}",
        f"return cosine({rate}, end, (progress - {warmup}) / (1 - {warmup}))",
    ]
    return _schedule(name, "Up and down again, both along a cosine (Smith & Topin 2018).", lines)


def _schedule(name: str, summary: str, lines: list[str], arguments: str = "epoch, epochs") -> str:
    return "\n    ".join([f"def {name}({arguments}):", f'"""{summary}"""', *lines])


def step_arguments(made: Schedule, epoch: str, step: str) -> str:
    """The arguments of a schedule's function: the epoch, the epochs and, for a warm-up from 0, a step's length."""
    warmup = made if isinstance(made, schedules.LinearWarmup) else None
    uses_step = warmup is not None and (
        not warmup.start or step_arguments(warmup.learning_rate, epoch, step).endswith(step)
    )
    return f"{epoch}, epochs, {step}" if uses_step else f"{epoch}, epochs"


# ---- optimizers ----


class Descent(NamedTuple):
    """An optimizer's update: what it is, the lines for one parameter with gradient g, and a longer formula."""

    summary: str
    lines: tuple[str, ...]
    formula: str = ""


_ROOT = "root = np.sqrt(square[name]) + EPSILON"
_ADAM = (
    "m = mean[name] = BETA1 * mean[name] + (1 - BETA1) * g",
    "v = square[name] = BETA2 * square[name] + (1 - BETA2) * (g * g)",
    "root = np.sqrt(v) / math.sqrt(1 - BETA2**t) + EPSILON",
    "parameters[name] -= learning_rate / (1 - BETA1**t) * (m / root)",
)
_ADAM_FORMULA = "m ← β1 m + (1 - β1) g,  v ← β2 v + (1 - β2) g²,  θ ← θ - η m̂ / (√v̂ + ε)"


def descent(optimizer: Optimizer) -> Descent:
    """The update of an optimizer, with the constants in capital letters that `constants` defines."""
    own = optimizer.settings()
    if optimizer.name == "sgd" and not own["momentum"]:
        return Descent("Gradient descent: θ ← θ - η g.", ("parameters[name] -= learning_rate * g",))
    if optimizer.name == "sgd":
        follow = "velocity[name] = MOMENTUM * velocity[name] + g"
        if own["nesterov"]:
            summary = "Gradient descent with Nesterov's momentum: v ← μ v + g,  θ ← θ - η (g + μ v)."
            return Descent(summary, (follow, "parameters[name] -= learning_rate * (g + MOMENTUM * velocity[name])"))
        summary = "Gradient descent with momentum: v ← μ v + g,  θ ← θ - η v."
        return Descent(summary, (follow, "parameters[name] -= learning_rate * velocity[name]"))
    if optimizer.name == "rmsprop":
        follow = "square[name] = DECAY * square[name] + (1 - DECAY) * g * g"
        if not own["momentum"]:
            summary = "RMSprop: s ← d s + (1 - d) g²,  θ ← θ - η g / (√s + ε)."
            return Descent(summary, (follow, _ROOT, "parameters[name] -= learning_rate * (g / root)"))
        summary = "RMSprop: s ← d s + (1 - d) g²,  v ← μ v + g / (√s + ε),  θ ← θ - η v."
        momentum = "velocity[name] = MOMENTUM * velocity[name] + g / root"
        return Descent(summary, (follow, _ROOT, momentum, "parameters[name] -= learning_rate * velocity[name]"))
    if optimizer.name == "adagrad":
        summary = "Adagrad: s ← s + g²,  θ ← θ - η g / (√s + ε)."
        follow = "square[name] += g * g"
        return Descent(summary, (follow, _ROOT, "parameters[name] -= learning_rate * (g / root)"))
    return {
        "adam": Descent("Adam, with m̂ = m / (1 - β1^t) and v̂ = v / (1 - β2^t).", _ADAM, _ADAM_FORMULA),
        "adamw": Descent(
            "θ ← θ - η · decay · θ, then Adam, m̂ = m / (1 - β1^t), v̂ = v / (1 - β2^t).", _ADAM, _ADAM_FORMULA
        ),
    }[optimizer.name]


def constants(optimizer: Optimizer) -> dict[str, Any]:
    """The optimizer's settings that its text uses, by the name they have there."""
    settings = {name: value for name, value in optimizer.settings().items() if name != "nesterov"}
    if not isinstance(optimizer.schedule, schedules.Constant):
        del settings["learning_rate"]
    always = ("epsilon", "beta1", "beta2", "decay")  # the others stand in the text where they are not zero
    return {name.upper(): value for name, value in settings.items() if value or name in always}


def decay(optimizer: Optimizer) -> str:
    """The line for weight decay, empty where there is none."""
    if not optimizer.weight_decay:
        return ""
    if isinstance(optimizer, AdamW):
        return "parameters[name] *= 1 - learning_rate * WEIGHT_DECAY"
    return "g = g + WEIGHT_DECAY * parameters[name]"
