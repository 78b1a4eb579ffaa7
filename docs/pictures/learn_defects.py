"""Makes the pictures of docs/learn/five-defects.md: run `python docs/pictures/learn_defects.py` with plainnet[all]."""

from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
from matplotlib.text import Text
from style import for_any_page, save, save_animation

import plainnet as pn
from plainnet import plots, xor_post
from plainnet.plots.drawing import BLUE, VERMILION, new_axes, new_figure, open_frame

ON_A_PHONE = {"font.size": 11.5, "xtick.labelsize": 11, "ytick.labelsize": 11}
"""Letters that can still be read where a picture of five inches is 360 pixels wide."""

EVERY = 10
"""The steps from one point of a curve to the next."""


def slopes() -> Any:
    """The slope of σ over the weighted sum, and what the post takes for it."""
    z = np.linspace(-6, 6, 241)
    activation = xor_post.sigmoid(z)
    axes = new_axes(5, 2.7)
    axes.plot(z, activation * (1 - activation), color=BLUE)
    axes.plot(z, xor_post.sigmoid_prime(activation), color=VERMILION, linestyle="--")
    axes.text(-6, 0.268, "the post: σ(a)(1 - σ(a))", color=VERMILION, va="bottom")
    axes.text(0, 0.06, "the slope:\na(1 - a)", color=BLUE, ha="center")
    axes.set(xlabel="weighted sum z", ylabel="slope", ylim=(0, 0.31), yticks=[0, 0.1, 0.2])
    open_frame(axes)
    return axes.figure


def steps(seed: int, mended: tuple[int, ...] = ()) -> Iterator[xor_post.Parameters]:
    """Yield the parameters of the post's network, from those of this seed on, one step after another."""
    random = np.random.RandomState(seed)
    parameters = xor_post.Parameters(random.randn(3, 4), random.randn(4, 1), random.randn(4), random.randn(1))
    while True:
        yield parameters
        update = xor_post.published_update(parameters, mended)
        parameters = xor_post.Parameters(*(array - change for array, change in zip(parameters, update, strict=True)))


def biases(shown: int = 3_000) -> Any:
    """The hidden biases of seed 0 as published, and its loss with and without the second defect."""
    published = [parameters for _, parameters in zip(range(shown), steps(0), strict=False)]
    mended = [parameters for _, parameters in zip(range(shown), steps(0, mended=(2,)), strict=False)]
    figure = new_figure(5, 4.8)
    upper, lower = figure.subplots(2, sharex=True)
    at = range(0, shown, EVERY)
    for k, (color, dash) in enumerate([(BLUE, "-"), (BLUE, "--"), (VERMILION, "-"), (VERMILION, "--")]):
        upper.plot(at, [parameters.hidden_bias[k] for parameters in published[::EVERY]], color=color, linestyle=dash)
    upper.text(100, 24, "biases 0 and 1", color=BLUE, va="center")
    upper.text(100, -24, "biases 2 and 3", color=VERMILION, va="center")
    upper.set(ylabel="hidden bias", ylim=(-32, 32))
    for run, color, dash in [(published, VERMILION, "--"), (mended, BLUE, "-")]:
        lower.plot(
            at, [xor_post.mean_squared_error(parameters) for parameters in run[::EVERY]], color=color, linestyle=dash
        )
    lower.text(shown, 0.262, "as published", color=VERMILION, ha="right", va="bottom")
    lower.text(2150, 0.03, "defect 2 mended", color=BLUE, ha="right")
    lower.set(xlabel="step", ylabel="loss", ylim=(0, 0.33), xlim=(0, shown))
    for axes in (upper, lower):
        open_frame(axes)
    return figure


def units() -> Iterator[Any]:
    """The four hidden units of seed 0 as published, while their biases run away."""
    X, y = pn.datasets.xor()
    net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, dtype="float64")
    for step, parameters in zip(range(801), steps(0), strict=False):
        if step % 20 == 0:
            W, V, b, c = parameters
            net.parameters = np.concatenate([array.ravel() for array in (W, b, V, c)])
            axes = plots.hidden_units(net, X, axes=new_axes(5, 2.2), names=["x₁", "x₂", "x₃"], labels=y[:, 0])
            figure = axes.figure
            for text in figure.findobj(Text):
                text.set_fontsize(11.5)
            figure.suptitle(f"step {step}")
            yield figure


if __name__ == "__main__":
    with for_any_page(), matplotlib.rc_context(ON_A_PHONE):
        save("defects-slopes.svg", slopes())
        save("defects-biases.svg", biases())
        save_animation("defects-units.webp", units())
