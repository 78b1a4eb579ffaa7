"""Write pytorch.json: what PyTorch computes in float64, for the tests to hold plainnet against.

To make it again, in an environment with torch (2.13.0, CPU) and numpy:

    python tests/goldens/make_goldens.py

Everything but the date is the same each time. Settings carry plainnet's names, and weights have its shape
(inputs, units), the transpose of torch.nn.Linear's.
"""

import datetime
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch  # type: ignore[import-not-found, unused-ignore]
from torch.nn import functional  # type: ignore[import-not-found, unused-ignore]

Json = dict[str, Any]

OUR_NAMES = {
    "momentum": "momentum",
    "nesterov": "nesterov",
    "weight_decay": "weight_decay",
    "lr": "learning_rate",
    "alpha": "decay",
    "eps": "epsilon",
}
"""PyTorch's names of an optimizer's settings, and plainnet's."""


# Optimizers: 100 steps of a 3-4-2 network (tanh, identity, mean squared error) on four batches of five rows
# in turn, 25 epochs. Weight decay and clipping concern all parameters, biases included.


def optimizer_goldens() -> Json:
    random = np.random.default_rng(0)
    inputs, targets = random.standard_normal((20, 3)), random.standard_normal((20, 2))
    initial = {
        "hidden_weights": random.standard_normal((3, 4)),
        "hidden_bias": random.standard_normal(4),
        "output_weights": random.standard_normal((4, 2)),
        "output_bias": random.standard_normal(2),
    }
    optim = torch.optim
    runs: list[tuple[str, str, Callable[..., Any], Json, float | None]] = [
        ("sgd", "sgd", optim.SGD, {"lr": 0.1}, None),
        ("sgd momentum", "sgd", optim.SGD, {"lr": 0.05, "momentum": 0.9}, None),
        ("sgd nesterov", "sgd", optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True}, None),
        ("sgd weight decay", "sgd", optim.SGD, {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}, None),
        ("sgd clipped", "sgd", optim.SGD, {"lr": 0.1}, 0.1),
        ("rmsprop", "rmsprop", optim.RMSprop, {}, None),
        ("rmsprop momentum", "rmsprop", optim.RMSprop, {"momentum": 0.9, "weight_decay": 0.01}, None),
        ("adagrad", "adagrad", optim.Adagrad, {}, None),
        ("adagrad weight decay", "adagrad", optim.Adagrad, {"weight_decay": 0.01}, None),
        ("adam", "adam", optim.Adam, {}, None),
        ("adam weight decay", "adam", optim.Adam, {"weight_decay": 0.01}, None),
        ("adam clipped", "adam", optim.Adam, {}, 0.1),
        ("adamw", "adamw", optim.AdamW, {}, None),
        ("adamw weight decay", "adamw", optim.AdamW, {"weight_decay": 0.1}, None),
    ]
    grouped: list[tuple[str, str, Callable[..., Any], Json, Json]] = [
        ("sgd groups", "sgd", optim.SGD, {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}, {}),
        ("rmsprop groups", "rmsprop", optim.RMSprop, {"weight_decay": 0.01}, {}),
        ("adam groups", "adam", optim.Adam, {"weight_decay": 0.01}, {}),
        ("adamw groups", "adamw", optim.AdamW, {"weight_decay": 0.1}, {}),
        ("sgd scheduled decay", "sgd", optim.SGD, {"lr": 0.1}, FALLING),
        ("adamw scheduled decay", "adamw", optim.AdamW, {}, FALLING),
    ]
    return {
        "network": "outputs = tanh(inputs @ hidden_weights + hidden_bias) @ output_weights + output_bias",
        "loss": "mse",
        "batch_size": 5,
        "steps": 100,
        "inputs": inputs.tolist(),
        "targets": targets.tolist(),
        "initial": {name: array.tolist() for name, array in initial.items()},
        "runs": [
            {"name": name, "optimizer": kind} | _train(initial, inputs, targets, make, settings, clip_norm)
            for name, kind, make, settings, clip_norm in runs
        ]
        + [
            {"name": name, "optimizer": kind} | _train(initial, inputs, targets, make, settings, None, FACTORS, decay)
            for name, kind, make, settings, decay in grouped
        ],
    }


def _train(
    initial: dict[str, Any],
    inputs: Any,
    targets: Any,
    make: Callable[..., Any],
    settings: Json,
    clip_norm: float | None,
    factors: Json | None = None,
    decay: Json | None = None,
) -> Json:
    parameters = {name: torch.tensor(array, requires_grad=True) for name, array in initial.items()}
    optimizer = make([{"params": [tensor], "name": name} for name, tensor in parameters.items()], **settings)
    for step in range(100):
        _set_groups(optimizer, step, factors or {}, decay or {})
        rows = slice(5 * (step % 4), 5 * (step % 4) + 5)
        hidden = torch.tanh(torch.tensor(inputs[rows]) @ parameters["hidden_weights"] + parameters["hidden_bias"])
        outputs = hidden @ parameters["output_weights"] + parameters["output_bias"]
        optimizer.zero_grad()
        functional.mse_loss(outputs, torch.tensor(targets[rows])).backward()
        if clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(list(parameters.values()), clip_norm)
        optimizer.step()
    more = ({} if clip_norm is None else {"clip_norm": clip_norm}) | (factors or {})
    return {
        "settings": _settings(optimizer) | more | ({"weight_decay": decay} if decay else {}),
        "final": {name: tensor.tolist() for name, tensor in parameters.items()},
    }


FACTORS = {
    "rate_factors": {"bias": 0.1, "layers[1].weights": 3.0},
    "decay_factors": {"bias": 0.0, "layers[0].weights": 36.0, "layers[1].bias": 0.5},
}
OF_GROUPS = {
    "hidden_weights": (1.0, 36.0),
    "hidden_bias": (0.1, 0.0),
    "output_weights": (3.0, 1.0),
    "output_bias": (0.1, 0.5),
}
"""The factors of the rate and of the decay, in plainnet's words and as each of the four arrays has them."""

FALLING = {"name": "flat_cosine", "learning_rate": 0.2, "flat": 0.5}
"""A weight decay that stays for half of the run and falls to 0 in the other half."""


def _set_groups(optimizer: Any, step: int, factors: Json, decay: Json) -> None:
    """Give each group its rate and weight decay. AdamW multiplies the two; plainnet's decay knows no rate factor."""
    if not factors:
        return
    present = optimizer.defaults["weight_decay"]
    if decay:
        falling = max(0.0, 2 * step / 100 - 1)
        present = decay["learning_rate"] * (1 + math.cos(math.pi * falling)) / 2
    for group in optimizer.param_groups:
        rate_factor, decay_factor = OF_GROUPS[group["name"]]
        divisor = rate_factor if isinstance(optimizer, torch.optim.AdamW) else 1.0
        group["lr"] = optimizer.defaults["lr"] * rate_factor
        group["weight_decay"] = present * decay_factor / divisor


def _settings(optimizer: Any) -> Json:
    """The optimizer's settings, defaults included, under plainnet's names."""
    given = optimizer.defaults
    settings = {ours: given[theirs] for theirs, ours in OUR_NAMES.items() if theirs in given}
    if "betas" in given:
        settings["beta1"], settings["beta2"] = given["betas"]
    return settings


# Losses: the mean and its gradient by what the loss was given, logits where the entry says so.


def loss_goldens() -> list[Json]:
    predictions = [[0.5, -1.2, 3.0], [2.0, 0.25, -7.5]]
    targets = [[0.5, -1.0, 1.0], [-0.5, 0.75, 4.0]]
    logits = [[0.0, 2.5, -1.0], [800.0, -800.0, 30.0], [-800.0, 800.0, 1e-3], [-40.0, 700.0, 745.0]]
    yes_or_no = [[1.0, 0.0, 0.3], [1.0, 0.0, 1.0], [1.0, 0.0, 0.5], [0.0, 1.0, 0.9]]
    probabilities = [[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.6, 0.4, 0.0], [0.0, 0.0, 1.0]]
    log_rates = [[0.0, 1.5, -3.0], [4.0, -20.0, 0.7]]
    rates = [[1.0, 4.5, 0.05], [50.0, 1e-6, 2.0]]
    counts = [[1.0, 4.0, 0.0], [60.0, 0.0, 3.0]]
    return [
        _loss("mse", {}, "predictions", predictions, targets, functional.mse_loss),
        _loss("mae", {}, "predictions", predictions, targets, functional.l1_loss),
        _loss("huber", {"delta": 1.0}, "predictions", predictions, targets, functional.huber_loss),
        _loss("huber", {"delta": 0.5}, "predictions", predictions, targets, functional.huber_loss),
        _loss(
            "binary_cross_entropy",
            {},
            "logits",
            logits,
            yes_or_no,
            functional.binary_cross_entropy_with_logits,
        ),
        _loss("cross_entropy", {}, "logits", logits, [1, 0, 0, 2], functional.cross_entropy),
        _loss("cross_entropy", {}, "logits", logits, probabilities, functional.cross_entropy),
        _loss("cross_entropy", {"label_smoothing": 0.1}, "logits", logits, [1, 0, 0, 2], functional.cross_entropy),
        _loss("cross_entropy", {"label_smoothing": 0.3}, "logits", logits, probabilities, functional.cross_entropy),
        _loss("poisson", {}, "logits", log_rates, counts, _poisson_of_logarithms),
        _loss("poisson", {}, "predictions", rates, counts, _poisson_of_rates),
    ]


def _poisson_of_logarithms(logits: Any, counts: Any) -> Any:
    return functional.poisson_nll_loss(logits, counts, log_input=True, full=False)


def _poisson_of_rates(rates: Any, counts: Any) -> Any:
    return functional.poisson_nll_loss(rates, counts, log_input=False, full=False, eps=1e-8)


def _loss(name: str, settings: Json, given: str, values: Any, targets: Any, function: Callable[..., Any]) -> Json:
    inputs = torch.tensor(values, requires_grad=True)
    value = function(inputs, torch.tensor(targets), **settings)
    value.backward()
    return {
        "loss": name,
        "settings": settings,
        given: values,
        "targets": targets,
        "value": value.item(),
        "gradient": inputs.grad.tolist(),
    }


# Activations: value and derivative; at a kink the derivative is PyTorch's choice.

POINTS = [-30.0, -10.0, -5.0, -2.0, -1.0, -0.5, -0.1, 0.0, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0]


def activation_goldens() -> Json:
    functions: dict[str, Callable[[Any], Any]] = {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky_relu": lambda z: functional.leaky_relu(z, negative_slope=0.01),
        "elu": functional.elu,
        "selu": functional.selu,
        "gelu": lambda z: functional.gelu(z, approximate="none"),
        "gelu_tanh": lambda z: functional.gelu(z, approximate="tanh"),
        "silu": functional.silu,
        # By default PyTorch takes z itself for softplus(z) above 20; here the formula holds everywhere.
        "softplus": lambda z: functional.softplus(z, threshold=1000),
        "mish": functional.mish,
        "exponential": torch.exp,
    }
    rows = [[0.0, 1.0, -2.0], [800.0, -800.0, 799.0], [-1000.0, -1001.0, -1000.5], [3.0, 3.0, 3.0]]
    return {
        "points": POINTS,
        "functions": {name: _activation(function) for name, function in functions.items()},
        "softmax": {"rows": rows, "value": torch.softmax(torch.tensor(rows), dim=1).tolist()},
    }


def _activation(function: Callable[[Any], Any]) -> Json:
    points = torch.tensor(POINTS, requires_grad=True)
    value = function(points)
    value.sum().backward()
    return {"value": value.tolist(), "derivative": points.grad.tolist()}


# Schedules: rates[i] is the learning rate that epoch i trains with (OneCycle: step i), counted from 0.


def schedule_goldens() -> list[Json]:
    scheduler = torch.optim.lr_scheduler
    return [
        _schedule(
            "step",
            {"learning_rate": 0.1, "every": 4, "factor": 0.5},
            lambda optimizer: scheduler.StepLR(optimizer, step_size=4, gamma=0.5),
            count=13,
        ),
        _schedule(
            "exponential",
            {"learning_rate": 0.1, "factor": 0.9},
            lambda optimizer: scheduler.ExponentialLR(optimizer, gamma=0.9),
            count=12,
        ),
        _schedule(
            "cosine",
            {"learning_rate": 0.1, "minimum": 0.001},
            lambda optimizer: scheduler.CosineAnnealingLR(optimizer, T_max=20, eta_min=0.001),
            count=20,
        ),
        _schedule(
            "linear_warmup",
            {"learning_rate": 0.1, "warmup": 5, "start": 0.2},
            lambda optimizer: scheduler.LinearLR(optimizer, start_factor=0.2, total_iters=5),
            count=10,
        ),
        # PyTorch's one-cycle of 100 steps rises from step 0 to 29 = 0.3 · 100 - 1 and falls from there to 99:
        # plainnet's curve with warmup=29/99 over 99 epochs, at the points epoch = step.
        _schedule(
            "one_cycle",
            {"learning_rate": 0.1, "warmup": 0.3, "start_divisor": 25, "end_divisor": 1e4},
            lambda optimizer: scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=100, cycle_momentum=False),
            count=100,
        ),
        _plateau(),
    ]


def _schedule(name: str, settings: Json, make: Callable[[Any], Any], count: int) -> Json:
    optimizer = _idle_optimizer(settings["learning_rate"])
    schedule = make(optimizer)
    rates = []
    for epoch in range(count):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        if epoch < count - 1:
            optimizer.step()
            schedule.step()
    return {"schedule": name, "settings": settings, "rates": rates}


def _plateau() -> Json:
    losses = [1.0, 0.8, 0.7, 0.69999, 0.71, 0.72, 0.75, 0.7, 0.65, 0.66, 0.66, 0.66, 0.66, 0.66, 0.66, 0.66]
    losses += [0.66, 0.5, 0.49996, 0.4999, 0.6, 0.6, 0.6, 0.6, 0.6]
    optimizer = _idle_optimizer(0.1)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=3)
    rates = []
    for loss in losses:
        rates.append(float(optimizer.param_groups[0]["lr"]))
        schedule.step(loss)
    return {
        "schedule": "reduce_on_plateau",
        "settings": {"learning_rate": 0.1, "factor": 0.5, "patience": 3, "threshold": 1e-4},
        "losses": losses,
        "rates": rates,
    }


def _idle_optimizer(learning_rate: float) -> Any:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=learning_rate)


# Layers: batch normalization in three training steps and a prediction; all others, their gradients.


def layer_goldens() -> Json:
    random = np.random.default_rng(1)
    return {
        "batch_norm": _batch_norm(random),
        "layer_norm": _layer_norm(random),
        "rms_norm": _rms_norm(random),
        "scale": _scale(random),
        "parametric_activation": _parametric_activation(random),
        "periodic_embedding": _periodic_embedding(random),
        "embedding": _embedding(random),
        "average": _average(random),
        "piecewise_linear_embedding": _piecewise_linear_embedding(random),
    }


def _batch_norm(random: np.random.Generator) -> Json:
    scale, shift = random.uniform(0.5, 2, size=3), random.standard_normal(3)
    layer = torch.nn.BatchNorm1d(3, momentum=0.1, eps=1e-5)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(scale))
        layer.bias.copy_(torch.tensor(shift))
    steps = []
    for _ in range(3):
        inputs = random.normal([0, 5, -100], [1, 0.1, 30], size=(5, 3))
        outputs = layer(torch.tensor(inputs))
        steps.append(
            {
                "inputs": inputs.tolist(),
                "outputs": outputs.tolist(),
                "running_mean": layer.running_mean.tolist(),
                "running_variance": layer.running_var.tolist(),
            }
        )
    layer.eval()
    inputs = random.normal([0, 5, -100], [1, 0.1, 30], size=(4, 3))
    return {
        "settings": {"momentum": 0.1, "epsilon": 1e-5},
        "scale": scale.tolist(),
        "shift": shift.tolist(),
        "training": steps,
        "prediction": {"inputs": inputs.tolist(), "outputs": layer(torch.tensor(inputs)).tolist()},
    }


def _layer_norm(random: np.random.Generator) -> Json:
    inputs, upstream = random.normal(2, 3, size=(5, 4)), random.standard_normal((5, 4))
    scale, shift = random.uniform(0.5, 2, size=4), random.standard_normal(4)
    tensors = [torch.tensor(array, requires_grad=True) for array in (inputs, scale, shift)]
    outputs = functional.layer_norm(tensors[0], (4,), weight=tensors[1], bias=tensors[2], eps=1e-5)
    outputs.backward(torch.tensor(upstream))
    return {
        "settings": {"epsilon": 1e-5},
        "inputs": inputs.tolist(),
        "scale": scale.tolist(),
        "shift": shift.tolist(),
        "upstream_gradient": upstream.tolist(),
        "outputs": outputs.tolist(),
        "input_gradient": tensors[0].grad.tolist(),
        "scale_gradient": tensors[1].grad.tolist(),
        "shift_gradient": tensors[2].grad.tolist(),
    }


def _rms_norm(random: np.random.Generator) -> Json:
    inputs, upstream = random.normal(2, 3, size=(5, 4)), random.standard_normal((5, 4))
    scale = random.uniform(0.5, 2, size=4)
    tensors = [torch.tensor(array, requires_grad=True) for array in (inputs, scale)]
    outputs = functional.rms_norm(tensors[0], (4,), weight=tensors[1], eps=1e-5)
    outputs.backward(torch.tensor(upstream))
    return {
        "settings": {"epsilon": 1e-5},
        "inputs": inputs.tolist(),
        "scale": scale.tolist(),
        "upstream_gradient": upstream.tolist(),
        "outputs": outputs.tolist(),
        "input_gradient": tensors[0].grad.tolist(),
        "scale_gradient": tensors[1].grad.tolist(),
    }


def _scale(random: np.random.Generator) -> Json:
    inputs, scale = random.standard_normal((5, 3)), random.uniform(0.5, 2, size=3)
    return _gradients(random, {}, inputs, {"scale": scale}, lambda x, scale: x * scale)


def _parametric_activation(random: np.random.Generator) -> Json:
    inputs, alpha = random.standard_normal((5, 3)), random.uniform(0, 1, size=3)
    return _gradients(
        random,
        {"activation": "mish"},
        inputs,
        {"alpha": alpha},
        lambda x, alpha: x + alpha * (functional.mish(x) - x),
    )


def _periodic_embedding(random: np.random.Generator) -> Json:
    """Two of three columns, each with its own waves, as `Linear` layers would have them."""
    columns, count, width = 2, 5, 4
    arrays = {
        "frequencies": random.normal(0, 0.5, size=(columns, count)),
        "phases": random.uniform(-np.pi, np.pi, size=(columns, count)),
        "weights": random.uniform(-1, 1, size=(columns, count, width - 1)),
        "bias": random.uniform(-1, 1, size=(columns, width - 1)),
    }

    def embedded(x: Any, frequencies: Any, phases: Any, weights: Any, bias: Any) -> Any:
        sums = [
            functional.linear(torch.cos(2 * torch.pi * x[:, [i]] * frequencies[i] + phases[i]), weights[i].T, bias[i])
            for i in range(columns)
        ]
        return torch.cat([*sums, x[:, :columns], x[:, columns:]], dim=1)

    settings = {"columns": columns, "frequencies": count, "width": width, "deviation": 0.5}
    return _gradients(random, settings, random.standard_normal((6, 3)), arrays, embedded)


def _embedding(random: np.random.Generator) -> Json:
    """Two columns of 2 and 4 categories behind another input; some codes stand there several times."""
    codes = np.array([[0, 4], [1, 4], [2, 0], [1, 3], [1, 4], [0, 1]])
    inputs = np.column_stack([random.standard_normal(len(codes)), codes])

    def looked_up(x: Any, weights: Any) -> Any:
        tables = torch.split(weights, [3, 5])
        vectors = [functional.embedding(torch.tensor(codes[:, i]), table) for i, table in enumerate(tables)]
        return torch.cat([x[:, :1], *vectors], dim=1)

    weights = random.standard_normal((8, 3))
    return _gradients(random, {"categories": [2, 4], "width": 3}, inputs, {"weights": weights}, looked_up)


def _average(random: np.random.Generator) -> Json:
    """A linear branch, and one of two layers."""
    shapes = {"[0].layers[0].weights": (3, 2), "[0].layers[0].bias": (2,), "[1].layers[0].weights": (3, 4)}
    shapes |= {"[1].layers[0].bias": (4,), "[1].layers[1].weights": (4, 2), "[1].layers[1].bias": (2,)}
    arrays = {f"branches{name}": random.standard_normal(shape) for name, shape in shapes.items()}

    def mean(x: Any, w: Any, b: Any, *second: Any) -> Any:
        hidden = torch.tanh(functional.linear(x, second[0].T, second[1]))
        both = [functional.linear(x, w.T, b), functional.linear(hidden, second[2].T, second[3])]
        return torch.stack(both).mean(dim=0)

    first, other = {"name": "Dense", "units": 2}, {"name": "Dense", "units": 4, "activation": "tanh"}
    return _gradients(random, {"branches": [[first], [other, first]]}, random.standard_normal((5, 3)), arrays, mean)


def _piecewise_linear_embedding(random: np.random.Generator) -> Json:
    """Two of three columns, of three bins and of one, which is not clamped."""
    edges, width = [[-1.0, -0.2, 0.3, 1.5], [-0.5, 0.5]], 2
    arrays = {
        "slopes": random.standard_normal((2, width)),
        "bias": random.standard_normal((2, width)),
        "weights": random.standard_normal((2, 3, width)),
    }

    def embedded(x: Any, slopes: Any, bias: Any, weights: Any) -> Any:
        shares = [(x[:, [0]] - torch.tensor(edges[0][:3])) / torch.tensor(edges[0]).diff(), x[:, [1]] + 0.5]
        first, middle, last = shares[0].T
        shares[0] = torch.stack([first.clamp(max=1), middle.clamp(0, 1), last.clamp(min=0)], dim=1)
        parts = [x[:, [j]] * slopes[j] + bias[j] + shares[j] @ weights[j, : len(edges[j]) - 1] for j in range(2)]
        return torch.cat([*parts, x[:, 2:]], dim=1)

    inputs = np.linspace([-3, 2, 0], [3, -2, 1], 9)
    return _gradients(random, {"edges": edges, "width": width}, inputs, arrays, embedded)


def _gradients(
    random: np.random.Generator, settings: Json, inputs: Any, arrays: dict[str, Any], function: Callable[..., Any]
) -> Json:
    """The outputs of function(inputs, **arrays), and what an upstream gradient becomes at each of them."""
    tensors = {name: torch.tensor(array, requires_grad=True) for name, array in {"inputs": inputs, **arrays}.items()}
    outputs = function(*tensors.values())
    upstream = random.standard_normal(tuple(outputs.shape))
    outputs.backward(torch.tensor(upstream))
    return {
        "settings": settings,
        "inputs": np.asarray(inputs).tolist(),
        "parameters": {name: array.tolist() for name, array in arrays.items()},
        "outputs": outputs.tolist(),
        "upstream_gradient": upstream.tolist(),
        "gradients": {name: tensor.grad.tolist() for name, tensor in tensors.items()},
    }


def as_text(value: Any, indent: str = "") -> str:
    """JSON with a dict's entries on lines of their own and every array of numbers on one line."""
    deeper = indent + " "
    if isinstance(value, dict) and value:
        entries = [f"{deeper}{json.dumps(key)}: {as_text(entry, deeper)}" for key, entry in value.items()]
        return "{\n" + ",\n".join(entries) + f"\n{indent}}}"
    if isinstance(value, list) and isinstance(value[0], dict):
        entries = [deeper + as_text(entry, deeper) for entry in value]
        return "[\n" + ",\n".join(entries) + f"\n{indent}]"
    return json.dumps(value, allow_nan=False)


def main() -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    goldens = {
        "made_with": {"torch": torch.__version__, "date": datetime.date.today().isoformat()},
        "optimizers": optimizer_goldens(),
        "losses": loss_goldens(),
        "activations": activation_goldens(),
        "schedules": schedule_goldens(),
        "layers": layer_goldens(),
    }
    Path(__file__).with_name("pytorch.json").write_text(as_text(goldens) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
