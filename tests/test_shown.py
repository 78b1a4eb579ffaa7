"""How things show themselves at the prompt: short and readable, whatever they hold."""

import subprocess
import sys

import pytest

import plainnet as pn

X, y = pn.datasets.xor()


@pytest.fixture
def net():
    return pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")


def test_a_gradient_check_shows_its_table(net):
    report = pn.check_gradients(net, X, y, loss="mse")
    assert repr(report) == str(report)
    assert "passed (tolerance 1e-06)" in repr(report)
    assert len(repr(report)) < 600
    assert repr(report.worst).startswith("ArrayCheck('layers[")


def test_a_report_shows_its_numbers_in_a_line(net):
    options = {"loss": "mse", "epochs": 3, "batch_size": None, "validation": (X, y), "metrics": ["accuracy"]}
    reports = list(net.training(X, y, **options))
    shown = repr(reports[-1])
    assert shown.startswith(f"Report(epoch 3 of 3, loss {reports[-1].loss:.6g}, validation loss ")
    assert "accuracy 0.5" in shown
    assert len(shown) < 120


def test_completion_shows_what_there_is_and_nothing_else():
    program = (
        "import plainnet as pn; names = dir(pn); "
        "assert set(pn.__all__) < set(names), names; assert {'compare', 'train_many', 'plots'} < set(names); "
        "assert not {'Any', 'TYPE_CHECKING', 'LATER', 'archive', 'mapped'} & set(names), names; "
        "assert all(hasattr(pn, name) for name in names)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
