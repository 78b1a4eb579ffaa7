"""Pictures with matplotlib (extra `plots`): each takes an axes to draw on and returns it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plainnet.errors import missing_extra
from plainnet.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRAINING, VALIDATION = "#0072B2", "#D55E00"
"""Blue and vermilion of Okabe & Ito's palette: told apart with any kind of colour vision."""


def loss_curve(history: History, axes: Axes | None = None) -> Axes:
    """Training and validation loss by epoch, the best epoch marked; a logarithmic axis where losses range widely."""
    axes = axes if axes is not None else new_axes()
    axes.plot(history.epoch, history.loss, color=TRAINING, label="training")
    if history.validation_loss:
        axes.plot(history.epoch, history.validation_loss, color=VALIDATION, linestyle="--", label="validation")
    if history.best_epoch is not None and history.stopped == "early stopping":
        axes.axvline(history.best_epoch, color="gray", linewidth=1, linestyle=":")
        axes.annotate(
            f"best: epoch {history.best_epoch}",
            (history.best_epoch, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, -4),
            textcoords="offset points",
            va="top",
            color="gray",
        )
    values = [value for value in [*history.loss, *history.validation_loss] if value > 0]
    if values and max(values) > 20 * min(values):
        axes.set_yscale("log")
    axes.set_xlabel("epoch")
    axes.set_ylabel(f"loss ({_loss_name(history)})")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def new_axes(width: float = 7, height: float = 4) -> Axes:
    """The axes of a new figure that belongs to no window; sizes in inches."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_extra("a picture", "plots") from None
    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def _loss_name(history: History) -> str:
    loss = history.settings.get("loss", "")
    return str(loss["name"] if isinstance(loss, dict) else loss).replace("_", " ")
