"""A threshold is the best one for its aim on the rows given, and decides wherever the model predicts."""

import runpy
from itertools import pairwise

import numpy as np
import onnxruntime
import polars as pl
import pytest
from c_compilers import needs_compiler, program
from prepared import network_of, prepared_file
from shared import PENGUINS
from sklearn import metrics as sklearn_metrics

import plainnet as pn
from plainnet.errors import InvalidValue
from plainnet.report import of_table, report_html
from plainnet.tabular import Table, scores
from plainnet.tabular.measuring import measure
from plainnet.tabular.parts import TablePart
from plainnet.tabular.thresholds import Cost, aim_of, choose_threshold, decided

AIMS = {
    "f1": lambda y, answers, w: sklearn_metrics.f1_score(y, answers, sample_weight=w),
    "balanced": lambda y, answers, w: sklearn_metrics.balanced_accuracy_score(y, answers, sample_weight=w),
    Cost(5, 1): lambda y, answers, w: -(w * (5 * (y & ~answers) + (answers & ~y & 1))).sum(),
}


@pytest.mark.parametrize("aim", AIMS)
@pytest.mark.parametrize("weighted", [False, True])
def test_no_threshold_is_better_for_the_aim_by_scikit_learns_measure(aim, weighted):
    for seed in range(20):
        random = np.random.default_rng(seed)
        y = random.random(40) < 0.25
        y[:2] = True, False
        p = np.clip(0.35 * y + random.normal(0.3, 0.2, 40), 0, 1).round(2)
        w = random.random(40) + 0.1 if weighted else np.ones(40)
        found = choose_threshold(y.astype(int), p, aim, w if weighted else None)
        candidates = [0.001, *((a + b) / 2 for a, b in pairwise(np.unique(p))), 0.999]
        best = max(AIMS[aim](y, p > t, w) for t in candidates)
        assert AIMS[aim](y, p > found, w) == pytest.approx(best)


def test_the_forms_of_probabilities_and_aims():
    y, p = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.9])
    for form in (p, p[:, None], np.stack([1 - p, p], axis=1), p.astype(np.float32)):
        assert choose_threshold(y, form, "f1") == pytest.approx(0.25)
    assert choose_threshold(y, p, 0.7) == 0.7
    assert choose_threshold(y, np.array([0.1, 0.2, 0.8, 0.9]), "balanced") == pytest.approx(0.5)
    assert aim_of("balanced") == "balanced"
    assert aim_of() is None
    assert aim_of(cost="2.5 : 1") == Cost(2.5, 1)
    for words in ({"threshold": "f2"}, {"threshold": "1.5"}, {"cost": "5"}, {"cost": "0:1"}):
        with pytest.raises(InvalidValue):
            aim_of(**words)
    with pytest.raises(InvalidValue, match="give one"):
        aim_of("f1", "5:1")
    with pytest.raises(InvalidValue, match="one class alone"):
        choose_threshold(np.zeros(3, int), np.zeros(3), "f1")
    with pytest.raises(InvalidValue, match="two classes"):
        choose_threshold(y, np.full((4, 3), 1 / 3), "f1")


def test_measures_are_those_of_the_decisions():
    random = np.random.default_rng(1)
    y = (random.random(200) < 0.2).astype(int)
    p = np.clip(0.2 * y + random.normal(0.3, 0.1, 200), 0, 1)
    outputs = np.stack([1 - p, p], axis=1)
    measured = {s.name: s for s in scores.of_classes(y, outputs, ["a", "b"], threshold=0.4).measures}
    answers = p > 0.4
    assert measured["accuracy"].value == pytest.approx((answers == y).mean())
    assert measured["f1"].value == pytest.approx(sklearn_metrics.f1_score(y, answers))
    assert measured["recall"].value == pytest.approx(sklearn_metrics.recall_score(y, answers))
    assert measured["roc_auc"].value == pytest.approx(sklearn_metrics.roc_auc_score(y, p))
    assert measured["log_loss"].value == pytest.approx(sklearn_metrics.log_loss(y, p))


@pytest.fixture(scope="module")
def model():
    """Penguins by sex, with a threshold that moves many rows."""
    prepared = prepared_file(PENGUINS, "sex", seed=1)
    net = network_of(prepared, (8,), seed=1)
    net.fit(prepared.X, prepared.y, loss="cross_entropy", epochs=3, engine="numpy")
    frame = prepared.table.read(PENGUINS).drop_nulls()
    p = net.predict(prepared.table.features(frame, dtype=net.dtype))[:, 1]
    table = prepared.table.with_threshold(float(np.quantile(p, 0.8)) + 1e-4)
    assert abs(table.threshold - 0.5) > 0.05
    net.table = table.to_dict()
    return net, table, frame, p


def test_the_table_keeps_it_and_decides_by_it(model, tmp_path):
    net, table, frame, p = model
    net.save(tmp_path / "m.npz")
    known = Table.from_dict(pn.load(tmp_path / "m.npz").table)
    assert known == table
    outputs = net.predict(table.features(frame, dtype=net.dtype))
    expected = np.where(p.astype(float) > table.threshold, "male", "female")
    assert known.decode(outputs).tolist() == expected.tolist()
    assert known.predictions(outputs)["prediction"].to_list() == expected.tolist()
    assert decided(outputs, known.threshold).tolist() == (expected == "male").tolist()
    with pytest.raises(InvalidValue, match="threshold"):
        table.with_threshold(1.0)
    with pytest.raises(InvalidValue, match="quantity"):
        prepared_file(PENGUINS, "body_mass_g").table.with_threshold(0.3)
    with pytest.raises(InvalidValue, match="it takes two"):
        prepared_file(PENGUINS, "species").table.with_threshold(0.3)


def test_evaluation_and_report_count_its_decisions(model):
    net, table, _, _ = model
    part = TablePart.known(table.read(PENGUINS, target=True).drop_nulls(), "penguins", "sex")
    net.history.settings.setdefault("loss", "cross_entropy")
    measured = measure(table, net, part)
    outputs = net.predict(table.features(part.frame, dtype=net.dtype))
    assert measured.predicted.tolist() == (outputs[:, 1].astype(float) > table.threshold).astype(int).tolist()
    subject = of_table(net, table, part.frame, title="t", rows_are="", linear=outputs)
    assert subject.predicted[:, 0].tolist() == measured.predicted.tolist()
    assert f"{scores.in_plain_figures(measured.scores.measures[1].value, 4)}" in report_html(subject)


def test_exports_decide_by_it(model, tmp_path):
    net, table, frame, p = model
    clear = np.abs(p - table.threshold) > 1e-5
    expected = np.where(p.astype(float) > table.threshold, "male", "female")
    net.export(tmp_path / "model.py")
    script = runpy.run_path(str(tmp_path / "model.py"))["predict"](frame.to_dicts())
    assert script.tolist() == expected.tolist()
    net.export(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    inputs = {
        c.name: (
            frame[c.name].fill_null("").to_numpy().astype(object)
            if c.kind == "category"
            else frame[c.name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        ).reshape(-1, 1)
        for c in table.columns
    }
    (label,) = session.run(["label"], inputs)
    assert label.shape == (len(frame),)
    assert (label == expected)[clear].all()


@needs_compiler
def test_c_decides_by_it(model, tmp_path):
    net, table, frame, p = model
    net.export(tmp_path / "net.c")
    rows = [
        ",".join("" if v is None else v if isinstance(v, str) else f"{v:.17g}" for v in row)
        for row in frame.select(table.column_names).iter_rows()
    ]
    lines = program(tmp_path / "net.c")("\n".join(rows) + "\n")
    expected = np.where(p.astype(float) > table.threshold, "male", "female")
    clear = np.abs(p - table.threshold) > 1e-5
    assert (np.array([line.split("\t")[0] for line in lines]) == expected)[clear].all()
