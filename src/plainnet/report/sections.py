"""The sections of a report in the order of a reader: how right it is and what it predicts, then what is inside."""

from __future__ import annotations

from plainnet import plots
from plainnet.report.about import data, settings
from plainnet.report.inside import curves, distributions, gradients, network
from plainnet.report.outcome import measures_of, outcome, worst
from plainnet.report.page import Pictures, Section, text
from plainnet.report.predictions import boundary, two_features, units
from plainnet.report.subject import Subject


def all_sections(subject: Subject) -> list[Section]:
    """Every section, in order."""
    pictures = Pictures()
    importance = plots.permutation_importance(
        subject.net, subject.X, subject.y, inputs=[column.features for column in subject.inputs]
    )
    features = two_features(subject, importance)
    return [
        Section("data", "The data", data(subject)),
        Section("network", "The network", network(subject, pictures)),
        Section("curves", "How it learned", curves(subject, pictures)),
        Section("boundary", "What it predicts", boundary(subject, pictures, features, importance)),
        Section("units", "What each hidden unit learned", units(subject, pictures, features)),
        Section("distributions", "Weights and activations", distributions(subject, pictures)),
        Section("outcome", "How right it is", outcome(subject, pictures)),
        Section("worst", "The worst-predicted rows", worst(subject)),
        Section("gradients", "Gradients over time", gradients(subject, pictures)),
        Section("settings", "Settings, and how to do it again", settings(subject)),
    ]


def lead(subject: Subject) -> str:
    """The first lines of the page: what it is about, and how good it is."""
    return text(subject.rows_are) + measures_of(subject)
