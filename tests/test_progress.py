"""What is shown while a run goes on, and where: on standard error, for a person who looks, and gone at its end."""

import io
import re
import sys
from types import ModuleType, SimpleNamespace

import pytest

import plainnet as pn
from plainnet.training import progress

X, Y = pn.datasets.xor()
OPTIONS = {"loss": "mse", "epochs": 30, "batch_size": None, "progress": True}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def fit() -> pn.History:
    return pn.Network(pn.Dense(3, "tanh"), pn.Dense(1), seed=1).fit(X, Y, **OPTIONS)


def train_many() -> None:
    pn.train_many([pn.Network(pn.Dense(3, "tanh"), pn.Dense(1), seed=seed) for seed in range(4)], X, Y, **OPTIONS)


def compare() -> None:
    variants = {"3": pn.Network(pn.Dense(3, "tanh"), pn.Dense(1))}
    pn.compare(variants, X, Y, seeds=4, workers=1, **OPTIONS)


@pytest.fixture(params=[fit, train_many, compare], ids=["fit", "train_many", "compare"])
def work(request):
    return request.param


def no_rich(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "rich", None)


def terminal(monkeypatch) -> Terminal:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "SECONDS", 0)  # shown at each report
    return stream


def test_nothing_is_shown_where_nobody_looks(work, capsys):
    work()
    assert capsys.readouterr() == ("", "")


def test_without_a_stream(work, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)  # as in Python without a console
    work()


@pytest.mark.parametrize("rich", [pytest.param(True, marks=pytest.mark.needs("cli")), False], ids=["bar", "text"])
def test_a_terminal_shows_the_count_and_is_left_clean(work, rich, monkeypatch, capsys):
    if rich:
        monkeypatch.setenv("TERM", "xterm")
    else:
        no_rich(monkeypatch)
    stream = terminal(monkeypatch)
    work()
    shown = stream.getvalue()
    assert {fit: "30/30", train_many: "4 of 4 networks trained", compare: "4/4"}[work] in shown
    # the last line is wiped, by an escape code or by spaces
    assert shown.endswith("\x1b[2K") if rich else re.search(r"\r +\r$", shown)
    assert capsys.readouterr().out == ""


def test_a_notebook_shows_a_line_of_text(work, monkeypatch):
    """rich's bar would want ipywidgets, and warn."""
    notebook = ModuleType("IPython")
    notebook.get_ipython = lambda: SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(progress, "SECONDS", 0)
    work()
    lines = sys.stderr.getvalue().split("\r")
    assert any(
        line.strip().startswith(("epoch 30/30 loss 0.", "epoch 120/120 4 of 4 networks", "run 4/4")) for line in lines
    )
    assert lines[-1] == ""


def test_an_error_leaves_the_terminal_clean(monkeypatch):
    no_rich(monkeypatch)
    stream = terminal(monkeypatch)

    def failing(targets, predictions):
        if "2/30" in stream.getvalue():
            raise ZeroDivisionError
        return 0.0

    with pytest.raises(ZeroDivisionError):
        pn.Network(pn.Dense(1), seed=1).fit(X, Y, metrics=[failing], **OPTIONS)
    assert stream.getvalue().endswith("\r")
