"""What version 0.1 was asked to do, in words that today's plainnet understands too: data, networks, commands."""

import numpy as np

import plainnet as pn

_random = np.random.default_rng(0)
X = _random.normal(size=(24, 3)).round(3)
TARGETS = {
    "amounts": np.stack([X[:, 0] * X[:, 1], X[:, 2] - X[:, 0]], axis=1).round(3),
    "counts": np.abs(X[:, :2] * 3).round(),
    "flags": (X[:, :1] > X[:, 1:2]).astype(int),
    "labels": (X @ [1.0, -1.0, 0.5] > 0).astype(int) + (X[:, 0] > 0.5),
}
WEIGHTS = (1 + np.arange(24) % 3).astype(float)

ACTIVATIONS = {
    **{name: name for name in ("identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu")},
    **{name: name for name in ("silu", "softplus", "exponential", "softmax")},
    "leaky_relu_0.2": pn.activations.LeakyRelu(0.2),
    "elu_0.5": pn.activations.Elu(0.5),
}
INITIALIZERS = ("glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "lecun_normal", "lecun_uniform")


def models():
    """Each model's network by the name of its file, with the options of its training."""
    made = {}

    def add(name, net, target, **options):
        usual = {"optimizer": pn.SGD(0.05, momentum=0.9), "epochs": 4, "batch_size": 8, "engine": "numpy"}
        made[name] = net, {"y": TARGETS[target], **usual, **options}

    for name, activation in ACTIVATIONS.items():
        net = pn.Network(pn.Dense(4, activation), pn.Dense(2), seed=1)
        add(f"activation_{name}", net, "amounts", loss="mse")
    add(
        "layers",
        pn.Network(
            pn.Dense(6, l1=0.001, l2=0.01, bias=False, initializer=pn.initializers.Normal(0.5)),
            pn.BatchNorm(momentum=0.2, epsilon=1e-4),
            pn.Activation(pn.activations.LeakyRelu(0.1)),
            pn.Dropout(0.25),
            pn.Dense(5, "tanh", initializer=pn.initializers.Uniform(0.25)),
            pn.LayerNorm(epsilon=1e-6),
            pn.Dense(3, "softmax", initializer="zeros"),
            seed=2,
        ),
        "labels",
        loss="cross_entropy",
        optimizer=pn.AdamW(pn.schedules.Cosine(0.05), weight_decay=0.02, clip_norm=1.0),
        validation=0.25,
        early_stopping=pn.EarlyStopping(patience=5),
        metrics=["accuracy", "f1"],
    )
    layers = [pn.Dense(3, "relu", initializer=name) for name in INITIALIZERS]
    net = pn.Network(*layers, pn.Dense(2, "exponential"), seed=3, dtype="float64")
    add("initializers", net, "counts", loss="poisson", optimizer=pn.Adagrad(0.02), sample_weight=WEIGHTS)
    net = pn.Network(pn.Dense(4, "selu"), pn.Dense(1, "sigmoid"), seed=4, dtype="float64")
    weighted = {"class_weight": {0: 2.0, 1: 1.0}, "report_every": 2}
    add("one_output", net, "flags", loss="binary_cross_entropy", optimizer="rmsprop", **weighted)
    return made


MOMENTS = {
    "checkpoint_sgd": (2, 0),
    "checkpoint_rmsprop": (2, 0),
    "checkpoint_adagrad": (1, 0),
    "checkpoint_adam": (2, 2),
    "checkpoint_adamw": (2, 0),
}
"""When each checkpoint was written: after so many whole epochs, and so many steps of the next one."""


def resumable():
    """Each interrupted run's network by the name of its checkpoint, with the options of its training."""
    rates = pn.schedules
    made = {}

    def add(name, layers, target, **options):
        net = pn.Network(*layers, seed=len(made) + 10, dtype="float32" if made else "float64")
        made[name] = net, {"y": TARGETS[target], "epochs": 6, "batch_size": 7, "engine": "numpy", **options}

    add(
        "checkpoint_sgd",
        [pn.Dense(5, "tanh"), pn.Dropout(0.2), pn.Dense(2)],
        "amounts",
        loss="mse",
        optimizer=pn.SGD(rates.Step(0.05, every=3, factor=0.5), momentum=0.9, nesterov=True, weight_decay=0.001),
        metrics=["r2"],
    )
    add(
        "checkpoint_rmsprop",
        [pn.Dense(5, "gelu"), pn.Dense(2)],
        "amounts",
        loss=pn.losses.Huber(0.5),
        optimizer=pn.RMSprop(rates.LinearWarmup(rates.Cosine(0.01), warmup=3), momentum=0.5),
        shuffle=False,
    )
    add(
        "checkpoint_adagrad",
        [pn.Dense(5, "silu", l2=0.01), pn.Dense(2, "exponential")],
        "counts",
        loss="poisson",
        optimizer=pn.Adagrad(rates.Exponential(0.1, factor=0.9)),
        batch_size=None,
        sample_weight=WEIGHTS,
    )
    add(
        "checkpoint_adam",
        # Without a bias, whose gradient before a normalization is rounding alone, which Adam scales up.
        [pn.Dense(5, bias=False), pn.BatchNorm(), pn.Activation("relu"), pn.Dropout(0.3), pn.Dense(3, "softmax")],
        "labels",
        loss="cross_entropy",
        optimizer=pn.Adam(rates.ReduceOnPlateau(0.05, factor=0.5, patience=1)),
        validation=0.25,
        early_stopping=pn.EarlyStopping(patience=3),
    )
    add(
        "checkpoint_adamw",
        [pn.Dense(5), pn.LayerNorm(), pn.Activation("elu"), pn.Dense(1, "sigmoid")],
        "flags",
        loss="binary_cross_entropy",
        optimizer=pn.AdamW(rates.OneCycle(0.1), weight_decay=0.1, clip_norm=0.5),
        report_every=2,
    )
    return made


_options = ["--hidden", "6,4", "--epochs", "4", "--batch-size", "8", "--engine", "numpy", "--no-progress"]
TABLES = {
    "table_classes": [*_options, "--target", "kind", "--ignore", "tame,price", "--seed", "1"],
    "table_boolean": [*_options, "--target", "tame", "--ignore", "kind", "--seed", "2", "--normalization", "batch"],
    "table_amount": [*_options, "--target", "price", "--seed", "3", "--dropout", "0.1", "--dtype", "float64"],
    "table_sigmoid": [*_options, "--target", "tame", "--loss", "binary_cross_entropy", "--seed", "4"],
}
"""What `plainnet train table.csv` was told, by the name of the model."""
