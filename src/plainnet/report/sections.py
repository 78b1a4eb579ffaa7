"""The chapters of a report: first how right the network is and what it predicts, then its inside."""

from __future__ import annotations

from plainnet._base.pages import Chapter
from plainnet.report.about import data, settings
from plainnet.report.inside import curves, distributions, network, units
from plainnet.report.outcome import measures_of, outcome, worst
from plainnet.report.page import Pictures, text
from plainnet.report.predictions import predictions
from plainnet.report.subject import Subject


def chapters(subject: Subject) -> list[Chapter]:
    """Return the chapters of the page in order, without those that have nothing to say."""
    pictures = Pictures()
    everything = [
        Chapter("outcome", "How right it is", outcome(subject, pictures)),
        Chapter("worst", "The worst-predicted rows", worst(subject)),
        Chapter("boundary", "What it predicts", predictions(subject, pictures)),
        Chapter("curves", "How it learned", curves(subject, pictures)),
        Chapter("data", "The data", data(subject)),
        Chapter("network", "The network", network(subject, pictures)),
        Chapter("units", "What each hidden unit learned", units(subject, pictures)),
        Chapter("distributions", "Weights, activations and gradients", distributions(subject, pictures)),
        Chapter("settings", "Settings, and how to do it again", settings(subject)),
    ]
    return [chapter for chapter in everything if chapter.body]


def lead(subject: Subject) -> str:
    """Return the first lines of the page, which say what it is about and how good it is."""
    return text(subject.rows_are) + measures_of(subject)
