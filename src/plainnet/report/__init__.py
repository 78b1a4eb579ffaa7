"""A report on a network: one HTML file that needs nothing else.

>>> import plainnet as pn
>>> X, y = pn.datasets.moons(100, noise=0.1, seed=1)
>>> net = pn.Network(pn.Dense(4, "tanh"), pn.Dense(2, "softmax"), input_size=2, seed=1)
>>> history = net.fit(X, y, loss="cross_entropy", epochs=20)
>>> html = report_html(of_arrays(net, X, y, title="Two moons"))
>>> "<svg" in html and "https://" not in html
True
"""

from __future__ import annotations

from dataclasses import replace
from os import PathLike

from plainnet._base import pages
from plainnet._base.pages import Chapter
from plainnet.files.writing import replacing
from plainnet.network.averaging import members_of
from plainnet.plots.inline import page_style
from plainnet.report import about, inside, outcome, predictions
from plainnet.report.page import STYLE, Pictures, text
from plainnet.report.subject import Subject, of_arrays, of_table

__all__ = ["Subject", "of_arrays", "of_table", "report_html", "write_report"]


def report_html(subject: Subject) -> str:
    """Return the report as the text of an HTML file; needs the extra `plots`."""
    from plainnet import __version__

    with page_style():
        footer = f"Made with plainnet {__version__}."
        return pages.page(subject.title, _lead(subject), _chapters(subject), STYLE, footer)


def write_report(path: str | PathLike[str], subject: Subject) -> None:
    """Write the report to `path`, whole or not at all; raise FileError if it cannot be written."""
    html = report_html(subject)
    with replacing(path) as file:
        file.write(html.encode(errors="backslashreplace"))  # the name of a file may hold bytes that are no text


def _chapters(subject: Subject) -> list[Chapter]:
    """Return the chapters of the page in order, without those that have nothing to say.

    Of networks that are averaged, the chapters on what is inside show the first.
    """
    pictures = Pictures()
    first, *others = members_of(subject.net)
    one = replace(subject, net=first)
    note = text(f"The first of the {len(others) + 1} networks that are averaged.") if others else ""
    everything = [
        Chapter("outcome", "How right it is", outcome.outcome(subject, pictures)),
        Chapter("worst", "The worst-predicted rows", outcome.worst(subject)),
        Chapter("boundary", "What it predicts", predictions.predictions(subject, pictures)),
        Chapter("curves", "How it learned", inside.curves(subject, pictures)),
        Chapter("data", "The data", about.data(subject)),
        Chapter("network", "The network", note + inside.network(one, pictures)),
        Chapter("units", "What each hidden unit learned", inside.units(one, pictures)),
        Chapter("distributions", "Weights, activations and gradients", inside.distributions(one, pictures)),
        Chapter("settings", "Settings, and how to do it again", about.settings(subject)),
    ]
    return [chapter for chapter in everything if chapter.body]


def _lead(subject: Subject) -> str:
    """Return the first lines of the page, which say what it is about and how good it is."""
    return text(subject.rows_are) + outcome.measures_of(subject)
