"""The sections of a report in the order of a reader: how right it is and what it predicts, then what is inside."""

from __future__ import annotations

from plainnet.report.about import data, settings
from plainnet.report.inside import curves, distributions, network, units
from plainnet.report.outcome import measures_of, outcome, worst
from plainnet.report.page import Pictures, Section, text
from plainnet.report.predictions import predictions
from plainnet.report.subject import Subject


def all_sections(subject: Subject) -> list[Section]:
    """Every section that has something to say, in order."""
    pictures = Pictures()
    sections = [
        Section("outcome", "How right it is", outcome(subject, pictures)),
        Section("worst", "The worst-predicted rows", worst(subject)),
        Section("boundary", "What it predicts", predictions(subject, pictures)),
        Section("curves", "How it learned", curves(subject, pictures)),
        Section("data", "The data", data(subject)),
        Section("network", "The network", network(subject, pictures)),
        Section("units", "What each hidden unit learned", units(subject, pictures)),
        Section("distributions", "Weights, activations and gradients", distributions(subject, pictures)),
        Section("settings", "Settings, and how to do it again", settings(subject)),
    ]
    return [section for section in sections if section.body]


def lead(subject: Subject) -> str:
    """The first lines of the page: what it is about, and how good it is."""
    return text(subject.rows_are) + measures_of(subject)
