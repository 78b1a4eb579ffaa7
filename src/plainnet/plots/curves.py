"""A training run over time: losses, metrics and gradient norms by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plainnet._base.pages import QUIET
from plainnet.errors import InvalidValue
from plainnet.history import History
from plainnet.plots.drawing import (
    CLASS_COLORS,
    DASHES,
    GRAY,
    MARKERS,
    TRAINING,
    VALIDATION,
    legend_above,
    logarithmic_where_wide,
    new_axes,
    open_frame,
    plain_numbers,
    remark,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CURVES = len(DASHES)


def loss_curve(history: History, axes: Axes | None = None) -> Axes:
    """Training and validation loss by epoch, the best epoch marked; a logarithmic axis where losses range widely.

    Raises InvalidValue for a history without reports, as the other curves do.
    """
    _require_reports(history)
    axes = axes if axes is not None else new_axes()
    marker = _marker(history)
    axes.plot(history.epoch, history.loss, color=TRAINING, marker=marker, label="training")
    if history.validation_loss:
        axes.plot(
            history.epoch,
            history.validation_loss,
            color=VALIDATION,
            linestyle="--",
            marker=marker,
            label="validation",
        )
    logarithmic_where_wide(axes, [*history.loss, *history.validation_loss])
    axes.set_ylabel(f"loss ({_loss_name(history)})")
    _by_epoch(axes, _mark_best(history, axes))
    return axes


def metric_curves(history: History, axes: Axes | None = None) -> Axes:
    """Each metric by epoch, measured on the validation data where there are some and on the training data otherwise."""
    _require_reports(history)
    if not history.metrics:
        raise InvalidValue("the history has no metrics; pass fit metrics=['accuracy'], for instance")
    axes = axes if axes is not None else new_axes()
    _curves(history, history.metrics, axes, _mark_best(history, axes))
    plain_numbers(axes.yaxis)
    names = ", ".join(name.replace("_", " ") for name in list(history.metrics)[:MOST_CURVES])
    measured_on = "validation" if history.validation_loss else "training"
    axes.set_ylabel(f"{names if len(history.metrics) == 1 else 'metric'} ({measured_on} data)")
    return axes


def gradient_norms(history: History, axes: Axes | None = None) -> Axes:
    """Draw ‖∂loss/∂parameters‖ of each layer by epoch, at the last step before each report and before clipping."""
    _require_reports(history)
    norms = {name: values for name, values in history.layer_gradient_norms.items() if len(values) == len(history.epoch)}
    if not norms:
        raise InvalidValue("the history has no gradient norms by layer; train again to record them")
    axes = axes if axes is not None else new_axes()
    _curves(history, norms, axes)
    logarithmic_where_wide(axes, [value for values in norms.values() for value in values])
    axes.set_ylabel("gradient norm")
    return axes


def _curves(history: History, curves: dict[str, list[float]], axes: Axes, marked: bool = False) -> None:
    """A line for each of the first `MOST_CURVES`, told apart by colour and dashes."""
    for i, (name, values) in enumerate(list(curves.items())[:MOST_CURVES]):
        style: dict[str, Any] = {"color": CLASS_COLORS[i], "linestyle": DASHES[i % len(DASHES)], "linewidth": 1.2}
        marker = MARKERS[i] if len(history.epoch) == 1 else ""
        axes.plot(history.epoch, values, marker=marker, label=name.replace("_", " "), **style)
    _by_epoch(axes, marked)
    if len(curves) > MOST_CURVES:
        left_out = list(curves)[MOST_CURVES:]
        remark(axes, f"Left out: {', '.join(left_out[:3])}{' and others' if len(left_out) > 3 else ''}")


def _by_epoch(axes: Axes, marked: bool) -> None:
    """Whole epochs to the right, and the legend above, over the mark of the best epoch where there is one."""
    axes.set_xlabel("epoch")
    plain_numbers(axes.xaxis, whole=True)
    if len(axes.get_legend_handles_labels()[1]) > 1:
        legend_above(axes, lift=1.8 if marked else 0)
    open_frame(axes)


def _require_reports(history: History) -> None:
    if not history.epoch:
        raise InvalidValue("the history has no reports; fit the network for at least one epoch")


def _marker(history: History) -> str:
    """A line through one point would not be seen."""
    return "o" if len(history.epoch) == 1 else ""


def _mark_best(history: History, axes: Axes) -> bool:
    """Draw a line at the epoch that early stopping went back to, if it did; True where there is one."""
    best = history.restored_epoch
    if best is None:
        return False
    axes.axvline(best, color=GRAY, linewidth=1, linestyle=":")
    late = best > (history.epoch[0] + history.epoch[-1]) / 2
    axes.annotate(
        f"best: epoch {best:,}",
        (best, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-4 if late else 4, 4),
        textcoords="offset points",
        ha="right" if late else "left",
        va="bottom",
        color=QUIET,
        fontsize="small",
    )
    return True


def _loss_name(history: History) -> str:
    loss = history.settings.get("loss", "")
    return str(loss["name"] if isinstance(loss, dict) else loss).replace("_", " ")
