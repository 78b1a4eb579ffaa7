"""A report on a network: one HTML file with everything there is to see, needing nothing from elsewhere.

>>> import plainnet as pn
>>> X, y = pn.datasets.moons(100, noise=0.1, seed=1)
>>> net = pn.Network(pn.Dense(4, "tanh"), pn.Dense(2, "softmax"), input_size=2, seed=1)
>>> history = net.fit(X, y, loss="cross_entropy", epochs=20)
>>> html = report_html(of_arrays(net, X, y, title="Two moons"))
>>> "<svg" in html and "https://" not in html
True
"""

from __future__ import annotations

from os import PathLike

from plainnet._base import pages
from plainnet.files.writing import replacing
from plainnet.plots.inline import page_style
from plainnet.report.page import STYLE
from plainnet.report.sections import chapters, lead
from plainnet.report.subject import Subject, of_arrays, of_table

__all__ = ["Subject", "of_arrays", "of_table", "report_html", "write_report"]


def report_html(subject: Subject) -> str:
    """The report as the text of an HTML file; needs the extra `plots`."""
    from plainnet import __version__

    with page_style():
        footer = f"Made with plainnet {__version__}."
        return pages.page(subject.title, lead(subject), chapters(subject), STYLE, footer)


def write_report(path: str | PathLike[str], subject: Subject) -> None:
    """Write the report to `path`; the file appears whole or not at all. FileError where it cannot be written."""
    html = report_html(subject)
    with replacing(path) as file:
        file.write(html.encode(errors="backslashreplace"))  # a file's name may hold bytes that are no text
