"""The report: one file with every section, the user's own values in it, and a word where something lacks."""

import re
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from shared import PENGUINS, SMALL

import plainnet as pn
from plainnet.attribution.importance import slopes
from plainnet.attribution.outputs import class_scores
from plainnet.cli import run
from plainnet.errors import InvalidValue
from plainnet.report import of_arrays, report_html
from plainnet.report.page import command, text
from plainnet.report.rerun import python
from plainnet.sklearn import MLPClassifier

SECTIONS = ["outcome", "worst", "boundary", "curves", "data", "network", "units", "distributions", "settings"]
OF_MANY_INPUTS = [name for name in SECTIONS if name != "units"]
"""The hidden units are drawn over a plane, so where there are no more than two inputs."""


class Page(HTMLParser):
    """What a reader of the page meets: sections, ids, references and the text of each section."""

    def __init__(self, html):
        super().__init__()
        self.open, self.ids, self.references, self.sections, self.pictures = [], [], [], {}, 0
        self.section = ""
        self.feed(html)
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag not in ("meta", "link", "br", "img"):
            self.open.append(tag)
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "section":
            self.section = given["id"]
            self.sections[self.section] = ""
        self.pictures += tag == "svg"
        self.references += [value for name, value in attributes if name in ("href", "xlink:href", "src")]

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in ("meta", "link", "br", "img"):
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.section and "style" not in self.open:
            self.sections[self.section] += data


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.npz"
    assert run(["train", str(PENGUINS), "--target", "species", *SMALL, "--save", str(path), "--no-progress"]) == 0
    return path


@pytest.fixture(scope="module")
def html(model):
    """The report of that model."""
    target = model.with_name("report.html")
    assert run(["report", str(model), str(PENGUINS), "-o", str(target)]) == 0
    return target.read_text(encoding="utf-8")


def test_the_report_of_a_table(html):
    page = Page(html)
    assert list(page.sections) == OF_MANY_INPUTS
    assert "Confusion matrix" in page.sections["outcome"]
    assert page.pictures >= 13  # matrix, importance, 6 inputs, loss, metric, network, 2 distributions, gradients
    assert len(set(page.ids)) == len(page.ids)
    assert all(reference.startswith(("#", "data:")) for reference in page.references)
    assert "url(http" not in html
    assert "344 rows, 7 inputs" in page.sections["data"]
    assert "2007 to 2009, median 2008" in page.sections["data"]
    assert "early stopping" in page.sections["curves"]
    titles = re.findall(r"<h3>(.*?)</h3>", html)
    assert {"Importance of the inputs", "bill_length_mm", "island"} <= set(titles)


def test_the_worst_rows_hold_the_tables_own_values(model, html, tmp_path):
    section = re.search(r'<section id="worst">.*?</section>', html, re.DOTALL)[0]
    first = re.findall(r"<td[^>]*>(.*?)</td>", re.search(r"<tbody>\s*<tr>(.*?)</tr>", section, re.DOTALL)[1])
    frame = pl.read_csv(PENGUINS, null_values="NA")
    row = frame.row(int(first[0]) - 1, named=True)
    assert first[1] == row["species"]
    assert float(first[5]) == row["bill_length_mm"]

    predictions = tmp_path / "predictions.csv"
    assert run(["predict", str(model), str(PENGUINS), "-o", str(predictions), "--probabilities"]) == 0
    given = pl.read_csv(predictions)
    own = [given[f"probability_{name}"][i] for i, name in enumerate(frame["species"])]
    assert np.argmin(own) == int(first[0]) - 1


def test_train_and_xor_write_their_report_and_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["xor", "--seed", "2", "--report", "xor.html"]) == 0
    page = Page(Path("xor.html").read_text(encoding="utf-8"))
    assert list(page.sections) == SECTIONS
    assert "plainnet xor --seed 2" in page.sections["settings"]
    command = ["train", str(PENGUINS), "--target", "body_mass_g", "--hidden", "5", *SMALL, "--no-progress"]
    assert run([*command, "--report", "train.html", "--save", "m.npz"]) == 0
    page = Page(Path("train.html").read_text(encoding="utf-8"))
    written = f"plainnet train {PENGUINS} --target body_mass_g --test 0 --folds 0 --recipe small --hidden 5"
    assert written in page.sections["settings"]
    assert "--save" not in page.sections["settings"]
    assert "adam, learning rate 0.001, beta1 0.9, beta2 0.999" in page.sections["settings"]
    assert "<td>target</td><td>body_mass_g</td>" in Path("train.html").read_text(encoding="utf-8")
    assert "On the line the prediction is right".lower() in page.sections["outcome"].lower()


def test_a_model_without_a_training_record_says_so():
    X, y = pn.datasets.moons(60, noise=0.1, seed=1)
    net = pn.Network(pn.Dense(4, "tanh"), pn.Dense(2, "softmax"), input_size=2, seed=1)
    page = Page(report_html(of_arrays(net, X, y, title="Untrained")))
    assert list(page.sections) == SECTIONS
    assert "no training record" in page.sections["curves"]
    assert "no record of its gradients" in page.sections["distributions"]
    assert "pn.Dense(units=4, activation='tanh')" in page.sections["settings"]


def test_what_is_too_much_is_left_out_and_said():
    random = np.random.default_rng(1)
    X, y = random.normal(size=(150, 60)), random.integers(25, size=150)
    hidden = [pn.Dense(20, "relu") for _ in range(6)]
    net = pn.Network(*hidden, pn.Dense(25, "softmax"), input_size=60, seed=1)
    page = Page(report_html(of_arrays(net, X, y, title="Large")))
    assert "the 6 most important of 60" in page.sections["boundary"]
    assert "10 classes with a higher recall are not listed" in page.sections["outcome"]
    assert "40 more inputs are not listed" in page.sections["data"]
    assert "10 rarer classes are not listed" in page.sections["data"]
    assert "40 more columns are not shown" in page.sections["worst"]
    assert "The first 6 of 7 Dense layers" in page.sections["network"]


def test_the_hidden_units_of_many_layers_are_left_out_and_that_is_said():
    X, y = pn.datasets.moons(60, noise=0.1, seed=1)
    net = pn.Network(*(pn.Dense(3, "tanh") for _ in range(6)), pn.Dense(2, "softmax"), input_size=2, seed=1)
    page = Page(report_html(of_arrays(net, X, y, title="Deep")))
    assert "2 more hidden layers not drawn" in page.sections["units"]


@pytest.mark.parametrize("outputs", [1, 3])
def test_quantities(outputs):
    random = np.random.default_rng(1)
    X = random.normal(size=(50, 1))
    net = pn.Network(pn.Dense(outputs), input_size=1, seed=1)
    html = report_html(of_arrays(net, X, random.normal(size=(50, outputs)), title="A line & <more>"))
    page = Page(html)
    assert "units" not in page.sections  # there are none
    assert "Residuals" in page.sections["outcome"]
    assert ("The first of 3 outputs" in page.sections["outcome"]) == (outputs == 3)
    assert "RMSE, in units of target" in html
    assert "class" not in page.sections["outcome"] + page.sections["boundary"]


def line(rows=80):
    """One input, a quantity."""
    X = np.random.default_rng(1).normal(size=(rows, 1))
    net = pn.Network(pn.Dense(3, "tanh"), pn.Dense(1), input_size=1, seed=1)
    return net, X, X[:, 0] * 2, None


def table_of_xor():
    X, y = pn.datasets.xor()
    net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1)
    net.fit(X, y, loss="mse", optimizer=pn.SGD(1.0), epochs=6000, batch_size=None, report_every=1000)
    return net, X, y, ["off", "on"]


def two_of_five_inputs_decide():
    random = np.random.default_rng(1)
    X = random.normal(size=(200, 5))
    net = pn.Network(pn.Dense(2, "softmax"), input_size=5, seed=1)
    net.layers[0].weights = [[3, -3], [3, -3], [0, 0], [0, 0], [0, 0]]
    return net, X, (X[:, 0] + X[:, 1] < 0).astype(int), ["up", "down"]


def all_five_inputs_decide():
    net, X, _, classes = two_of_five_inputs_decide()
    net.layers[0].weights = [[3, -3]] * 5
    return net, X, (X.sum(axis=1) < 0).astype(int), classes


def nobody_decides():
    """Every row is of one class for the network, so that any map would agree with it."""
    net, X, y, classes = all_five_inputs_decide()
    net.layers[0].bias = [50, -50]
    return net, X, y, classes


@pytest.mark.parametrize(
    ("case", "said", "unsaid"),
    [
        (line, ["The prediction for each value of input 0"], ["Map", "class", "Importance", "two inputs"]),
        (table_of_xor, ["Map of two inputs", "several inputs together"], ["every other input"]),
        (two_of_five_inputs_decide, ["Map of two inputs", "in 100% of the rows"], ["several inputs together"]),
        (all_five_inputs_decide, ["the partial dependence on each"], ["Map"]),
        (nobody_decides, ["the prediction is almost the same for all rows"], ["Map", "together"]),
    ],
)
def test_what_the_network_predicts_is_shown_as_it_fits_the_case(case, said, unsaid):
    net, X, y, classes = case()
    section = Page(report_html(of_arrays(net, X, y, title="Case", classes=classes))).sections["boundary"]
    assert [words for words in said if words not in section] == []
    assert [words for words in unsaid if words in section] == []


def test_few_rows_are_all_listed_and_settings_that_nobody_chose_are_not():
    net, X, y, classes = table_of_xor()
    html = report_html(of_arrays(net, X, y, title="XOR", classes=classes))
    page = Page(html)
    assert "All rows, the lowest probability of the true class first" in page.sections["worst"]
    assert "weighted" not in page.sections["settings"]
    assert not re.search(r"<td>threads</td>\s*<td>none</td>", html)
    assert "<th></th>" not in html


def test_a_command_does_not_break_within_an_option():
    words = "plainnet train data.csv --target y --learning-rate 0.1"
    shown = command(words)
    assert re.sub(r"<.*?>", "", shown) == words  # what is copied is the command
    assert "<span>--learning-rate</span>" in shown
    assert "&lt;b&gt;" in command("train <b>")
    assert '<span class="option">--class-weight</span> balanced' in text("Try --class-weight balanced, or 3--4.")


def test_data_that_do_not_fit_are_refused(model, tmp_path, capsys):
    net = pn.load(model)
    with pytest.raises(InvalidValue, match="X has 2 columns"):
        of_arrays(net, [[1.0, 2.0]], [0], title="")
    table = tmp_path / "other.csv"
    table.write_text("species,island\nAdelie,Dream\n", encoding="utf-8")
    assert run(["report", str(model), str(table), "-o", str(tmp_path / "r.html")]) == 2
    assert "lacks the columns 'bill_length_mm'" in capsys.readouterr().err
    assert run(["report", str(model), str(PENGUINS), "-o", str(tmp_path / "no" / "r.html")]) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert run(["report", str(model), str(PENGUINS), "-o", str(tmp_path / "r.pdf")]) == 2
    assert ".html" in capsys.readouterr().err


def test_the_python_of_a_report_trains_the_same_network():
    X, y = pn.datasets.moons(60, noise=0.1, seed=1)
    net = pn.Network(pn.Dense(4, "tanh", l2=0.01), pn.Dense(2, "softmax"), input_size=2, seed=7)
    net.fit(X, y, loss="cross_entropy", optimizer=pn.SGD(0.1, momentum=0.9), epochs=5, batch_size=16, early_stopping=3)
    names = {"X": X, "y": y}
    exec(python(net), names)
    assert (names["net"].parameters == net.parameters).all()


def test_of_many_inputs_the_steepest_are_tried_and_that_is_said():
    random = np.random.default_rng(1)
    X = random.normal(size=(60, 300)).astype("float32")
    net = pn.Network(pn.Dense(1, "sigmoid"), input_size=300, seed=1)
    weights = np.full((300, 1), 0.001)
    weights[[7, 250]] = 3
    net.layers[0].weights = weights
    y = (X[:, 7] + X[:, 250] > 0).astype(int)[:, None]
    html = report_html(of_arrays(net, X, y, title="Wide"))
    assert "Of 300 inputs the 100 along which the prediction is steepest are tried" in html
    titles = re.findall(r"<h3>(.*?)</h3>", html)
    shown = titles[titles.index("Importance of the inputs") + 1 :]
    assert set(shown[:2]) == {"input 7", "input 250"} or shown[0] == "Map of two inputs"


@pytest.mark.parametrize("outputs", ["softmax", "sigmoid", "identity"])
def test_slopes_are_those_of_central_differences(outputs):
    units = 3 if outputs == "softmax" else 1
    net = pn.Network(pn.Dense(4, "tanh"), pn.Dense(units, outputs), input_size=2, seed=1, dtype="float64")
    X = np.random.default_rng(1).normal(size=(6, 2))
    labels = None if outputs == "identity" else np.array([0, 1, units - 1, 0, 1, 1]) % max(units, 2)

    def predicted(X):
        if labels is None:
            return net.predict(X).sum(axis=1)
        return class_scores(net.predict(X))[np.arange(6), labels]

    for j in range(2):
        step = np.eye(2)[j] * 1e-6
        measured = (predicted(X + step) - predicted(X - step)) / 2e-6
        assert np.allclose(slopes(net, X, labels)[:, j], measured, atol=1e-8)


def test_the_python_of_an_estimators_network_makes_the_estimator():
    X, y = pn.datasets.moons(60, noise=0.1, seed=1)
    fitted = MLPClassifier(hidden_layer_sizes=(4,), n_iter_no_change=5, tol=1.0, random_state=1).fit(X, y)
    names = {"X": X, "y": y}
    exec(python(fitted.network_), names)
    assert (names["net"].parameters == fitted.network_.parameters).all()


def test_dates_are_shown_as_dates(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(1)
    days = [date(2024, 1, 1) + timedelta(int(k)) for k in np.append(random.integers(1, 300, 118), [0, 300])]
    late = [float(day > date(2024, 6, 1)) + random.normal(0, 0.1) for day in days]
    pl.DataFrame({"day": days, "x": random.normal(size=120), "late": late}).write_csv("table.csv")
    assert (
        run(["train", "table.csv", "--target", "late", *SMALL, "--epochs", "40", "--save", "m.npz", "--no-progress"])
        == 0
    )
    assert run(["report", "m.npz", "table.csv", "-o", "r.html"]) == 0
    assert run(["show", "m.npz"]) == 0
    assert re.search(r"day +date +mean 2024-\d\d-\d\d, deviation \d\d\.\d+ days", capsys.readouterr().out)
    html = Path("r.html").read_text(encoding="utf-8")
    sections = Page(html).sections
    assert "2024-01-01 to 2024-10-27" in sections["data"]
    assert re.search(r"2024-\d\d-\d\d", sections["worst"])
    assert "daydate2024-01-01 to 2024-10-27" in sections["data"]
    assert len(re.findall(r">2024(?:-[A-Z][a-z]+)?</text>", html)) >= 2  # on the curve and on the map
    assert ">2023-12-31<" not in html  # where 32 bits have rounded a day
    assert not re.search(r">19,?[6-9]\d\d</text>", html)  # days since 1970


def test_large_numbers_are_written_in_digits(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(1)
    area = random.uniform(40, 400, 60).round(1)
    price = (area * 20_000 + random.normal(0, 1e6, 60)).round(-2)
    pl.DataFrame({"area": area, "income": (price / 4).round(2), "price": price}).write_csv("table.csv")
    options = [*SMALL, "--epochs", "3", "--no-progress", "--save", "m.npz", "--report", "r.html"]
    assert run(["train", "table.csv", "--target", "price", *options]) == 0
    assert not re.search(r"\de\+\d", capsys.readouterr().out)
    page = Page(Path("r.html").read_text(encoding="utf-8"))
    assert not re.search(r"\de\+\d", page.sections["outcome"] + page.sections["worst"] + page.sections["data"])
