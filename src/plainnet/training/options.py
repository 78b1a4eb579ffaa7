"""The options of a training run: names that other libraries use, and what to write here instead."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from plainnet._base.checks import closest
from plainnet.errors import InvalidType

AUTO: Literal["auto"] = "auto"

BatchSize: TypeAlias = int | Literal["auto"] | None
"""Examples a step; "auto" is 32, or all where there are fewer, and None always all."""

ReportEvery: TypeAlias = int | Literal["auto"]
"""Epochs from report to report; "auto" is 1 but for long runs of small networks."""

_OPTIMIZER = "optimizer=plainnet.Adam(learning_rate=0.01)"
_ITERATE = "for report in net.training(X, y, ...): ..., which gives a report of each epoch"
_VALIDATION = "validation=0.2 (a fifth of the rows) or validation=(X, y)"
_SEED = "Network(..., seed=1), for the weights, the order of the rows and dropout"
_STOPPING = "early_stopping=10, or early_stopping=plainnet.EarlyStopping(patience=10, minimum_improvement=0.001)"
_PENALTY = "Dense(..., l2=0.001) for a penalty, or optimizer=plainnet.AdamW(weight_decay=0.01)"

INSTEAD = {
    **dict.fromkeys(("learning_rate", "lr", "eta", "learning_rate_init", "solver", "momentum"), _OPTIMIZER),
    **dict.fromkeys(("optimiser", "optim"), "optimizer=..."),
    **dict.fromkeys(
        ("scheduler", "schedule", "lr_scheduler", "learning_rate_schedule"),
        "optimizer=plainnet.Adam(plainnet.schedules.Cosine(0.01))",
    ),
    **dict.fromkeys(("verbose", "progress_bar", "progress"), "fit(..., progress=True)"),
    **dict.fromkeys(("callbacks", "callback"), _ITERATE),
    **dict.fromkeys(
        ("validation_split", "validation_data", "validation_fraction", "eval_set", "test_size", "val"), _VALIDATION
    ),
    **dict.fromkeys(("max_iter", "n_epochs", "nb_epoch", "num_epochs", "epoch", "iterations", "steps"), "epochs=100"),
    **dict.fromkeys(("batchsize", "batch", "minibatch_size"), "batch_size=32"),
    **dict.fromkeys(("sample_weights", "weights", "weight"), "sample_weight=weights"),
    **dict.fromkeys(("class_weights",), "class_weight='balanced' or class_weight={0: 1.0, 1: 5.0}"),
    **dict.fromkeys(("criterion", "loss_fn", "loss_function", "objective"), "loss='mse'"),
    **dict.fromkeys(("metric", "scoring"), "metrics=['accuracy']"),
    **dict.fromkeys(("patience", "n_iter_no_change", "tol", "min_delta", "restore_best_weights"), _STOPPING),
    **dict.fromkeys(("seed", "random_state", "rng"), _SEED),
    **dict.fromkeys(("n_jobs", "num_threads", "workers"), "threads=4"),
    **dict.fromkeys(("weight_decay", "alpha", "l2", "l1", "regularization"), _PENALTY),
    **dict.fromkeys(("clip_norm", "clipnorm", "gradient_clip_val"), "optimizer=plainnet.Adam(clip_norm=1.0)"),
    **dict.fromkeys(("device",), "nothing: plainnet runs on the processor"),
    **dict.fromkeys(("label_smoothing",), "soft rows as y, such as 0.9 * np.eye(classes)[y] + 0.1 / classes"),
    **dict.fromkeys(("checkpoint_path", "save_path"), "checkpoint='run.npz'"),
}
"""The text to write for options that go by another name here, or stand elsewhere."""


def refuse_unknown(unknown: Mapping[str, Any], function: Any, caller: str) -> None:
    """Refuse options that `function` does not have, with what to write instead; the user called `caller`."""
    for name in unknown:
        instead = INSTEAD.get(name.lower())
        advice = f"write {instead}" if instead else closest(name, function.__kwdefaults__ or ())
        raise InvalidType(f"{name}= is no option of {caller}; {advice}")
