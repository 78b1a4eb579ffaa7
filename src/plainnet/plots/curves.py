"""Losses, metrics and gradient norms of a training run by epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plainnet._base.pages import QUIET
from plainnet.errors import InvalidValue
from plainnet.history import History
from plainnet.plots import drawing
from plainnet.plots.drawing import CLASS_COLORS, DASHES, GRAY, MARKERS, TRAINING, VALIDATION, plain_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CURVES = len(DASHES)


def loss_curve(history: History, axes: Axes | None = None) -> Axes:
    """Draw training and validation loss by epoch, with a mark at the best epoch; wide ranges get a logarithmic axis.

    Raises InvalidValue for a history without reports, as the other curves do.
    """
    _require_reports(history)
    axes = axes if axes is not None else drawing.new_axes()
    marker = "o" if len(history.epoch) == 1 else ""  # a line through one point is invisible
    axes.plot(history.epoch, history.loss, color=TRAINING, marker=marker, label="training")
    if history.validation_loss:
        style: dict[str, Any] = {"color": VALIDATION, "linestyle": "--", "marker": marker}
        axes.plot(history.epoch, history.validation_loss, label="validation", **style)
    drawing.logarithmic_where_wide(axes, [*history.loss, *history.validation_loss])
    axes.set_ylabel(f"loss ({_loss_name(history)})")
    _by_epoch(axes, _mark_best(history, axes))
    return axes


def metric_curves(history: History, axes: Axes | None = None) -> Axes:
    """Draw each metric by epoch, measured on the validation data, or on the training data if there are none."""
    _require_reports(history)
    if not history.metrics:
        raise InvalidValue("the history has no metrics; pass fit metrics=['accuracy'], for instance")
    axes = axes if axes is not None else drawing.new_axes()
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
    axes = axes if axes is not None else drawing.new_axes()
    _curves(history, norms, axes)
    drawing.logarithmic_where_wide(axes, [value for values in norms.values() for value in values])
    axes.set_ylabel("gradient norm")
    return axes


def _curves(history: History, curves: dict[str, list[float]], axes: Axes, marked: bool = False) -> None:
    """Draw the first `MOST_CURVES` curves, which differ in colour and dashes."""
    for i, (name, values) in enumerate(list(curves.items())[:MOST_CURVES]):
        style: dict[str, Any] = {"color": CLASS_COLORS[i], "linestyle": DASHES[i % len(DASHES)], "linewidth": 1.2}
        marker = MARKERS[i] if len(history.epoch) == 1 else ""
        axes.plot(history.epoch, values, marker=marker, label=name.replace("_", " "), **style)
    _by_epoch(axes, marked)
    if len(curves) > MOST_CURVES:
        left_out = list(curves)[MOST_CURVES:]
        drawing.remark(axes, f"Left out: {', '.join(left_out[:3])}{' and others' if len(left_out) > 3 else ''}")


def _by_epoch(axes: Axes, marked: bool) -> None:
    """Set whole epochs to the right and the legend above, over the mark of the best epoch if there is one."""
    axes.set_xlabel("epoch")
    plain_numbers(axes.xaxis, whole=True)
    if len(axes.get_legend_handles_labels()[1]) > 1:
        drawing.legend_above(axes, lift=1.8 if marked else 0)
    drawing.open_frame(axes)


def _require_reports(history: History) -> None:
    if not history.epoch:
        raise InvalidValue("the history has no reports; fit the network for at least one epoch")


def _mark_best(history: History, axes: Axes) -> bool:
    """Draw a line at the epoch that early stopping went back to, and return True, if there is one."""
    best = history.restored_epoch
    if best is None:
        return False
    axes.axvline(best, color=GRAY, linewidth=1, linestyle=":")
    late = best > (history.epoch[0] + history.epoch[-1]) / 2
    style: dict[str, Any] = {"ha": "right" if late else "left", "va": "bottom", "color": QUIET, "fontsize": "small"}
    style |= {"xycoords": ("data", "axes fraction"), "xytext": (-4 if late else 4, 4), "textcoords": "offset points"}
    axes.annotate(f"best: epoch {best:,}", (best, 1), **style)
    return True


def _loss_name(history: History) -> str:
    loss = history.settings.get("loss", "")
    return str(loss["name"] if isinstance(loss, dict) else loss).replace("_", " ")
