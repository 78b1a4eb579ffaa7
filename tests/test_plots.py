"""The pictures show what the network computes, and say what they leave out."""

import itertools
import re
import sys
import warnings

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from sklearn import metrics as sklearn_metrics
from sklearn.inspection import partial_dependence as scikit_learns_dependence
from sklearn.metrics import confusion_matrix

import plainnet as pn
from plainnet import plots
from plainnet._base.pages import BLUE, QUIET, VERMILION
from plainnet.attribution import individual_dependence
from plainnet.errors import InvalidValue, MissingExtraError, PlainnetWarning
from plainnet.plots import drawing, fonts
from plainnet.plots.drawing import CLASS_COLORS, GRAY
from plainnet.plots.inline import page_style, svg
from plainnet.plots.readings import activity
from plainnet.sklearn import MLPClassifier, MLPRegressor


@pytest.fixture(scope="module")
def xor():
    X, y = pn.datasets.xor()
    net = pn.Network(pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid"), input_size=3, seed=1, dtype="float64")
    path = [net.parameters.copy()]
    options = {"optimizer": pn.SGD(1.0), "epochs": 8000, "batch_size": None, "report_every": 200}
    path += [net.parameters.copy() for _ in net.training(X, y, loss="mse", metrics=["accuracy"], **options)]
    return net, X, y, path


def wide(classes=30, inputs=40, units=70):
    """A network too large to draw whole, with data."""
    random = np.random.default_rng(1)
    net = pn.Network(pn.Dense(units, "relu"), pn.Dense(classes, "softmax"), input_size=inputs, seed=1)
    return net, random.normal(size=(300, inputs)), random.integers(classes, size=300)


def remark(axes):
    return axes.get_title(loc="left")


# ---- probabilities ----


@pytest.fixture
def judged():
    """Classes and probabilities of three classes, and of two of them with a weight for each example."""
    random = np.random.default_rng(5)
    outputs = random.dirichlet([1, 1, 1], 600)
    labels = (outputs.cumsum(axis=1) < random.random((600, 1))).sum(axis=1)
    p = outputs[:, :1]
    return labels, outputs, (random.random(600) < p[:, 0]).astype(int), p, random.random(600) + 0.1


def test_the_roc_curve_is_scikit_learns(judged):
    *_, labels, p, weights = judged
    axes = plots.roc_curve(labels, p, ["no", "yes"], sample_weight=weights, threshold=0.3)
    guessing, curve, point = (line.get_xydata() for line in axes.lines)
    places = sklearn_metrics.roc_curve(labels, p[:, 0], sample_weight=weights, drop_intermediate=False)[:2]
    theirs = set(zip(*(rate.round(9) for rate in places), strict=True))
    assert {tuple(place) for place in curve.round(9)} <= theirs
    assert 200 < len(curve) <= 401  # of 600
    assert guessing.tolist() == [[0, 0], [1, 1]]
    found = sklearn_metrics.recall_score(labels, p[:, 0] > 0.3, sample_weight=weights)
    wrong = 1 - sklearn_metrics.recall_score(1 - labels, p[:, 0] <= 0.3, sample_weight=weights)
    assert point[0] == pytest.approx([wrong, found])
    area = sklearn_metrics.roc_auc_score(labels, p[:, 0], sample_weight=weights)
    assert [t.get_text() for t in axes.get_legend().get_texts()][1:] == [f"AUC: {area:.3f}", "decides at 0.3"]


def test_the_curve_of_precision_and_recall_is_scikit_learns(judged):
    *_, labels, p, weights = judged
    axes = plots.precision_recall_curve(labels, p, sample_weight=weights, threshold=0.3)
    guessing, curve, point = (line.get_xydata() for line in axes.lines)
    assert guessing[:, 1] == pytest.approx(np.average(labels, weights=weights))
    precision, recall, _ = sklearn_metrics.precision_recall_curve(labels, p[:, 0], sample_weight=weights)
    theirs = set(zip(recall.round(9), precision.round(9), strict=True))
    assert {tuple(place) for place in curve[1:].round(9)} <= theirs
    assert point[0, 1] == pytest.approx(sklearn_metrics.precision_score(labels, p[:, 0] > 0.3, sample_weight=weights))
    area = sklearn_metrics.average_precision_score(labels, p[:, 0], sample_weight=weights)
    assert f"average precision: {area:.3f}" in [t.get_text() for t in axes.get_legend().get_texts()]


def test_of_more_classes_each_has_a_curve_against_the_rest(judged):
    labels, outputs, *_ = judged
    axes = plots.roc_curve(labels, outputs, ["a", "b", "c"])
    areas = [sklearn_metrics.roc_auc_score(labels == k, outputs[:, k]) for k in range(3)]
    legend = [t.get_text() for t in axes.get_legend().get_texts()]
    assert legend[1:] == [f"{name}: {area:.3f}" for name, area in zip("abc", areas, strict=True)]
    assert remark(axes) == f"Each class against the rest; mean of all: {np.mean(areas):.3f}"
    random = np.random.default_rng(1)
    many = plots.precision_recall_curve(random.integers(20, size=500), random.dirichlet(np.ones(20), 500))
    assert len(many.lines) == 12  # of six classes the curve and the guess
    assert remark(many).startswith("6 of 20 classes against the rest")
    with pytest.raises(InvalidValue, match="it takes two"):
        plots.roc_curve(labels, outputs, threshold=0.3)
    with pytest.raises(InvalidValue, match="one class alone"):
        plots.roc_curve(np.zeros(5, int), np.full((5, 3), 1 / 3))


def test_the_reliability_diagram_shows_confidence_and_accuracy(judged):
    labels, outputs, *_ = judged
    axes = plots.reliability_diagram(labels, outputs, bins=5)
    found = pn.metrics.reliability(labels, outputs, bins=5)
    held = found.share > 0
    points = axes.collections[-1].get_offsets()
    np.testing.assert_allclose(points, np.stack([found.confidence, found.accuracy], axis=1)[held])
    assert f"ECE {found.error:.3f}" in axes.get_legend().get_texts()[1].get_text()


# ---- over the input plane ----


def test_the_ground_has_the_color_of_the_predicted_class(xor):
    net, X, y, _ = xor
    axes = plots.decision_boundary(net, X, y)
    image = axes.images[0]
    left, right, bottom, top = image.get_extent()
    pixels = image.get_array()
    for row, target in zip(X, y[:, 0], strict=True):
        column = round((row[0] - left) / (right - left) * (pixels.shape[1] - 1))
        line = round((row[1] - bottom) / (top - bottom) * (pixels.shape[0] - 1))
        distances = [np.abs(pixels[line, column] - to_rgb(color)).sum() for color in (BLUE, VERMILION)]
        assert np.argmin(distances) == target


@pytest.mark.parametrize("threshold", [0.2, 0.9])
def test_the_border_of_two_classes_lies_where_the_probability_is_the_threshold(xor, threshold):
    net, X, y, _ = xor
    axes = plots.decision_boundary(net, X, y, threshold=threshold)
    border = np.concatenate([path.vertices for c in axes.collections for path in c.get_paths() if len(path) > 99])
    p = net.predict(np.hstack([border, np.full((len(border), 1), np.median(X[:, 2]))]))
    assert np.abs(p - threshold).max() < 0.05


def test_a_unit_is_shown_as_the_sigmoid_of_its_weighted_sum(xor):
    net, X, _, _ = xor
    axes = plots.hidden_units(net, X)
    assert len(axes.child_axes) == 4
    weights, bias = net.layers[0].weights, net.layers[0].bias
    for unit, tile in enumerate(axes.child_axes):
        left, right, bottom, top = tile.images[0].get_extent()
        values = np.asarray(tile.images[0].get_array())
        corners = {(0, 0): (left, bottom), (0, -1): (right, bottom), (-1, 0): (left, top), (-1, -1): (right, top)}
        for place, (x1, x2) in corners.items():
            expected = 1 / (
                1 + np.exp(-(x1 * weights[0, unit] + x2 * weights[1, unit] + weights[2, unit] + bias[unit]))
            )
            assert values[place] == pytest.approx(expected, abs=1e-12)


def test_standardized_inputs_and_targets_are_shown_in_their_own_units():
    X, y = np.random.default_rng(1).normal(size=(50, 2)), np.linspace(-1, 1, 50)
    net = pn.Network(pn.Dense(1), input_size=2, seed=1)
    axes = plots.decision_boundary(
        net, X, y, scales=[(100, 10), (5, 1)], names=["mass", "length"], target_scale=(50, 2)
    )
    assert axes.get_xlabel() == "mass"
    assert axes.get_xlim()[0] > 50
    shown = axes.collections[-1].get_offsets()
    assert np.allclose(shown, X * [10, 1] + [100, 5])
    assert np.allclose(axes.collections[-1].get_array(), y * 2 + 50)


@pytest.mark.parametrize(("output", "loss"), [(pn.Dense(1), "mse"), (pn.Dense(2, "softmax"), "cross_entropy")])
def test_one_input_gives_a_curve(output, loss):
    X = np.linspace(0, 1, 20)[:, None]
    net = pn.Network(pn.Dense(3, "tanh"), output, input_size=1, seed=1)
    y = (X[:, 0] > 0.5).astype(int)
    net.fit(X, y, loss=loss, epochs=1, batch_size=None)
    axes = plots.decision_boundary(net, X, y)
    line = axes.lines[0].get_xydata()
    middle = line[len(line) // 2]
    assert middle[1] == pytest.approx(net.predict([[middle[0]]])[0, 0], abs=1e-5)
    assert all(tile.lines for tile in plots.hidden_units(net, X).child_axes)


def test_of_several_outputs_the_first_is_drawn_and_it_says_so():
    X = np.linspace(0, 1, 20)[:, None]
    for inputs in (X, np.hstack([X, X[::-1]])):
        net = pn.Network(pn.Dense(2), input_size=inputs.shape[1], seed=1)
        axes = plots.decision_boundary(net, inputs, np.hstack([X, 1 - X]))
        assert axes.get_title(loc="left") == "The first of 2 outputs"


def test_pictures_of_the_plane_say_what_they_leave_out():
    net, X, y = wide()
    assert re.match(r"Gray, of 30 classes: class \d+", remark(plots.decision_boundary(net, X, y)))
    assert remark(plots.hidden_units(net, X)) == "The 16 of 70 units that vary most over the examples"
    many = np.tile(X, (5, 1))
    assert "1,000 of 1,500 examples" in remark(plots.decision_boundary(net, many, np.tile(y, 5)))


def test_what_does_not_fit_is_refused_as_everywhere(xor):
    net, X, y, _ = xor
    with pytest.raises(InvalidValue, match="X has 2 columns and the network takes 3"):
        plots.decision_boundary(net, X[:, :2], y)
    with pytest.raises(InvalidValue, match="y has 3 rows"):
        plots.decision_boundary(net, X, y[:3])
    with pytest.raises(InvalidValue, match="features"):
        plots.decision_boundary(net, X, y, features=(0, 3))
    with pytest.raises(InvalidValue, match="layer is 2"):
        plots.hidden_units(net, X, 2)


# ---- the network ----


def test_links_have_the_color_of_the_sign_and_the_width_of_the_weight(xor):
    net, _, _, _ = xor
    axes = plots.network_diagram(net)
    links = [part for part in axes.collections if isinstance(part, LineCollection)]
    for layer, drawn in zip(net.layers, links, strict=True):
        weights = np.sort(np.abs(layer.weights.ravel()))
        widths = np.array(drawn.get_linewidths())
        assert len(widths) == weights.size
        assert np.corrcoef(weights, widths)[0, 1] > 0.999
        blue = sum(np.allclose(color[:3], to_rgb(BLUE)) for color in drawn.get_colors())
        assert blue == (layer.weights > 0).sum()


def test_large_networks_are_drawn_as_matrices():
    net, _, _ = wide()
    axes = plots.network_diagram(net)
    assert [image.get_array().shape for image in axes.images] == [(40, 70), (70, 30)]
    assert "more than 16 units" in remark(axes)
    deep = pn.Network(*(pn.Dense(3, "tanh") for _ in range(9)), input_size=2, seed=1)
    assert remark(plots.network_diagram(deep)) == "The first 6 of 9 Dense layers"
    with pytest.raises(InvalidValue, match="no parameters yet"):
        plots.network_diagram(pn.Network(pn.Dense(1)))


def test_dead_and_saturated_units_are_counted():
    net = pn.Network(
        pn.Dense(3, "relu"), pn.Dropout(0.5), pn.Dense(4, "sigmoid"), pn.Dense(1), input_size=2, seed=1, dtype="float64"
    )
    net.layers[0].bias = [0, 0, -1e3]
    net.layers[2].weights = np.ones((3, 4)) * [0.01, 0.01, 0.01, 0.01]
    net.layers[2].bias = [0, 9, -9, 0]
    X = np.random.default_rng(1).normal(size=(100, 2))
    first, second, output = activity(net, X)
    assert (first.layer, first.dead, first.saturated) == (0, 1, None)
    assert (second.layer, second.dead, second.saturated) == (2, 0, 2)
    assert output.layer == 3
    labels = [label.get_text() for label in plots.activation_distributions(net, X).get_yticklabels()]
    assert "1 dead" in labels[0]
    assert "2 saturated" in labels[1]
    assert len(plots.weight_distributions(net).get_yticklabels()) == 3


# ---- outcomes ----


def test_confusion_matrix_has_scikit_learns_counts():
    random = np.random.default_rng(1)
    y, scores = random.integers(4, size=60), random.random((60, 4))
    axes = plots.confusion_matrix(y, scores, ["a", "b", "c", "d"])
    shown = np.zeros((4, 4), int)
    for text in axes.texts:
        column, row = text.get_position()
        shown[row, column] = int(text.get_text())
    assert (shown == confusion_matrix(y, scores.argmax(axis=1))).all()


def test_of_many_classes_the_most_confused_are_drawn():
    y = np.arange(40)
    scores = np.eye(40)
    scores[[3, 5]] = scores[[5, 3]]
    axes = plots.confusion_matrix(y, scores)
    assert {"3", "5"} <= {label.get_text() for label in axes.get_xticklabels()}
    assert remark(axes) == "The 12 of 40 classes with the most mistakes"


def test_an_input_without_weights_has_no_importance():
    random = np.random.default_rng(1)
    X = random.normal(size=(200, 3))
    net = pn.Network(pn.Dense(1), input_size=3, seed=1, dtype="float64")
    net.layers[0].weights = [[1], [0], [2]]
    y = X @ [1.0, 0, 2]
    found = plots.permutation_importance(net, X, y, seed=3)
    assert (found[1] == 0).all()
    expected = 2 * np.array([1, 0, 4])  # E (w x - w x')² = 2 w² for independent x, x' of variance 1
    assert np.allclose(found.mean(axis=1), expected, rtol=0.25)
    assert (found == plots.permutation_importance(net, X, y, seed=3)).all()
    bars = plots.importance(found, ["a", "b", "c"])
    assert [label.get_text() for label in bars.get_yticklabels()] == ["c", "a", "b"]
    together = plots.permutation_importance(net, X, y, inputs=[[0, 1, 2]])
    assert together.mean() == pytest.approx(10, rel=0.25)


def test_right_cells_have_another_hue_than_wrong_ones():
    y, predicted = np.array([0] * 10 + [1] * 10), np.array([0] * 10 + [0] * 10)  # it always says 0
    axes = plots.confusion_matrix(y, np.eye(2)[predicted])
    (right, _), (wrong, _) = axes.images[0].get_array()[..., :3]
    assert np.allclose(right, to_rgb(BLUE), atol=0.01)
    assert np.allclose(wrong, to_rgb(VERMILION), atol=0.01)
    for text in axes.texts:
        column, row = text.get_position()
        assert contrast(text.get_color(), axes.images[0].get_array()[row, column, :3]) >= 4.5


def test_one_odd_row_does_not_make_its_input_important():
    random = np.random.default_rng(1)
    X = random.normal(size=(200, 2))
    X[:, 1] = 0
    X[7] = 1, 40
    y = (X[:, 0] > 0).astype(int)
    net = pn.Network(pn.Dense(2, "softmax"), input_size=2, seed=1)
    net.layers[0].weights = [[-2, 2], [-2, 2]]
    of_the_loss = plots.permutation_importance(net, X, y).mean(axis=1)
    bounded = plots.permutation_importance(net, X, y, bounded=True)
    assert of_the_loss[1] > 0.1  # the loss of the row that gets the 40 is beyond all others
    assert bounded[1].max() <= 2 / 200  # no more than two rows can change, each by 1 at the most
    assert bounded[0].min() > 0.2


@pytest.mark.parametrize("outputs", [1, 2])
def test_bounded_importance_of_quantities_is_a_share_of_their_range(outputs):
    X = np.random.default_rng(1).uniform(size=(500, 2))
    net = pn.Network(pn.Dense(outputs), input_size=2, seed=1, dtype="float64")
    net.layers[0].weights = [[1] * outputs, [0] * outputs]
    found = plots.permutation_importance(net, X, np.repeat(X[:, :1], outputs, axis=1), bounded=True).mean(axis=1)
    assert found[0] == pytest.approx(1 / 3 / 0.9, rel=0.1)  # E |x - x'| of uniform x is 1/3; 90 % of the range is 0.9
    assert found[1] == 0


def test_predicted_against_true_draws_a_sample_of_many():
    values = np.arange(3000.0)
    axes = plots.predicted_against_true(values, values + 1)
    points = axes.collections[0].get_offsets()
    assert len(points) == 1000
    assert np.allclose(points[:, 1] - points[:, 0], 1)
    assert "1,000 of 3,000 examples" in remark(axes)


def test_residuals_are_true_minus_predicted():
    axes = plots.residuals([1.0, 2, 3], [1.5, 2, 2], name="price")
    assert axes.collections[0].get_offsets().tolist() == [[1.5, -0.5], [2, 0], [2, 1]]
    assert axes.get_xlabel() == "predicted price"


# ---- partial dependence ----


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_partial_dependence_is_scikit_learns(kind):
    random = np.random.default_rng(1)
    X = random.normal(size=(80, 3))
    y = (X[:, 0] * X[:, 1] > 0).astype(int) + (X[:, 2] > 1) if kind is MLPClassifier else X[:, 0] * X[:, 1]
    estimator = kind(hidden_layer_sizes=(6,), activation="tanh", n_iter_no_change=20, tol=1.0, random_state=1).fit(X, y)
    found = scikit_learns_dependence(estimator, X, [1], method="brute", grid_resolution=12)
    averages = plots.partial_dependence(estimator.network_, X, 1, found["grid_values"][0])
    assert np.ptp(averages) > 0.01
    assert np.allclose(averages.T, found["average"], atol=1e-6)


def test_the_columns_of_a_category_are_set_together():
    net = pn.Network(pn.Dense(1), input_size=3, seed=1, dtype="float64")
    net.layers[0].weights, net.layers[0].bias = [[1], [10], [100]], [0]
    X = [[2.0, 1, 0], [4, 0, 1]]
    averages = plots.partial_dependence(net, X, [1, 2], [[1, 0], [0, 1]])
    assert averages.tolist() == [[3 + 10], [3 + 100]]
    axes = plots.dependence(net, X, [1, 2], values=[[1, 0], [0, 1]], labels=["red", "blue"], name="color")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["red", "blue"]
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches]
    assert ends == [13, 103]
    assert {bar.get_x() for bar in axes.patches} == {(12 + 104) / 2}  # from the average prediction on


def test_a_number_gives_a_curve_in_its_own_units_with_the_examples_below():
    X = np.random.default_rng(1).normal(size=(50, 2))
    net = pn.Network(pn.Dense(3, "tanh"), pn.Dense(1), input_size=2, seed=1, dtype="float64")
    axes = plots.dependence(net, X, 1, name="mass", scale=(100, 10), target="price", target_scale=(5, 2))
    curve, rug = axes.lines
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("mass", "price")
    assert curve.get_xdata()[[0, -1]] == pytest.approx([X[:, 1].min() * 10 + 100, X[:, 1].max() * 10 + 100])
    middle = curve.get_xdata()[15]
    changed = X.copy()
    changed[:, 1] = (middle - 100) / 10
    assert curve.get_ydata()[15] == pytest.approx(net.predict(changed).mean() * 2 + 5)
    assert np.allclose(rug.get_xdata(), X[:, 1] * 10 + 100)


@pytest.mark.parametrize(("classes", "lines"), [(2, ["class 1"]), (3, ["class 0", "class 1", "class 2"]), (9, None)])
def test_each_class_has_a_line_and_probabilities_run_from_0_to_1(classes, lines):
    X = np.random.default_rng(1).normal(size=(50, 2))
    net = pn.Network(pn.Dense(classes, "softmax"), input_size=2, seed=1)
    axes = plots.dependence(net, X, 0)
    assert axes.get_ylim() == (0, 1)
    drawn = [line for line in axes.lines if not line.get_label().startswith("_")]
    if lines is None:
        assert remark(axes) == "The 6 of 9 that change most"
        assert len(drawn) == 6
    else:
        assert [line.get_label() for line in drawn] == lines
    assert all(line.get_color() == CLASS_COLORS[int(line.get_label()[6:])] for line in drawn)


def test_the_shade_of_a_curve_is_where_the_examples_have_their_own_curves_at_one_level():
    X = np.random.default_rng(1).normal(size=(200, 2))
    net = pn.Network(pn.Dense(1), input_size=2, seed=1, dtype="float64")
    axes = plots.dependence(net, X, 0)
    (shade,) = axes.collections
    ends = shade.get_paths()[0].vertices[:, 1]
    curve = axes.lines[0].get_ydata()
    assert set(np.round(ends, 9)) <= set(np.round(curve, 9))  # no interaction: all curves are parallel
    values = axes.lines[0].get_xdata()

    net = pn.Network(pn.Dense(4, "tanh"), pn.Dense(1), input_size=2, seed=1, dtype="float64")
    own = individual_dependence(net, X, 0, values)[:, :, 0]
    assert np.allclose(own.mean(axis=1), plots.partial_dependence(net, X, 0, values)[:, 0])
    moved = own - own.mean(axis=0) + own.mean()
    axes = plots.dependence(net, X, 0)
    ends = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert ends.max() == pytest.approx(np.percentile(moved, 90, axis=1).max())
    assert ends.min() == pytest.approx(np.percentile(moved, 10, axis=1).min())


def test_a_few_values_far_from_all_others_do_not_stretch_a_picture():
    random = np.random.default_rng(1)
    X = np.column_stack([random.normal(size=500), random.normal(size=500)])
    X[3, 0], X[4, 0] = 1000, -2000
    net = pn.Network(pn.Dense(3, "tanh"), pn.Dense(1), input_size=2, seed=1)
    axes = plots.dependence(net, X, 0)
    low, high = np.quantile(X[:, 0], (0.01, 0.99))
    assert low <= axes.lines[0].get_xdata().min() < axes.lines[0].get_xdata().max() <= high
    third = np.quantile(X[(X[:, 0] >= low) & (X[:, 0] <= high), 0], 1 / 3)
    assert np.abs(axes.lines[0].get_xdata() - third).min() < 1e-6
    axes = plots.decision_boundary(net, X, X[:, 0])
    assert np.ptp(axes.get_xlim()) < 2 * (high - low)
    assert "far from all others" in remark(axes).replace("\n", " ")


def test_partial_dependence_refuses_what_does_not_fit():
    net = pn.Network(pn.Dense(1), input_size=2, seed=1)
    with pytest.raises(InvalidValue, match="columns of X from 0 to 1"):
        plots.partial_dependence(net, [[1.0, 2]], 2, [1.0])
    with pytest.raises(InvalidValue, match=r"values has shape \(1, 1\)"):
        plots.partial_dependence(net, [[1.0, 2]], [0, 1], [[1.0]])
    with pytest.raises(InvalidValue, match="labels has 1 names; it takes 2"):
        plots.dependence(net, [[1.0, 2]], 0, values=[1, 2], labels=["a"])


# ---- over time ----


def test_curves_are_the_history(xor):
    history = xor[0].history
    assert list(plots.loss_curve(history).lines[0].get_ydata()) == history.loss
    assert list(plots.metric_curves(history).lines[0].get_ydata()) == history.metrics["accuracy"]
    norms = plots.gradient_norms(history)
    assert [line.get_label() for line in norms.lines] == ["layers[0]", "layers[1]"]
    assert list(norms.lines[1].get_ydata()) == history.layer_gradient_norms["layers[1]"]


def test_the_stopping_point_is_marked():
    X, y = pn.datasets.moons(80, noise=0.3, seed=1)
    net = pn.Network(pn.Dense(30, "tanh"), pn.Dense(2, "softmax"), input_size=2, seed=1)
    history = net.fit(X, y, loss="cross_entropy", optimizer=pn.Adam(0.05), epochs=500, validation=0.3, early_stopping=5)
    assert history.stopped == "early stopping"
    assert plots.loss_curve(history).texts[0].get_text() == f"best: epoch {history.best_epoch}"


def test_the_epoch_that_is_kept_is_marked_after_all_epochs_too():
    X, y = pn.datasets.moons(80, noise=0.3, seed=1)
    net = pn.Network(pn.Dense(30, "tanh"), pn.Dense(2, "softmax"), input_size=2, seed=1)
    options = {"loss": "cross_entropy", "optimizer": pn.Adam(0.05), "epochs": 40, "validation": 0.3}
    history = net.fit(X, y, early_stopping=40, **options)
    assert history.stopped == "all epochs"
    assert history.restored_epoch == int(np.argmin(history.validation_loss)) + 1 < 40
    assert plots.loss_curve(history).texts[0].get_text() == f"best: epoch {history.restored_epoch}"
    history = net.fit(X, y, **options)
    assert history.restored_epoch is None
    assert not plots.loss_curve(history).texts


def test_class_names_that_begin_alike_stay_apart():
    names = [f"Republic of the Islands of {name}" for name in ("Freedonia", "Gondal", "Jumanji")]
    axes = plots.confusion_matrix([0, 1, 2], np.eye(3), names)
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert len(set(labels)) == 3
    assert all(len(label) <= 14 for label in labels)


def test_tick_labels_of_small_pictures_do_not_meet():
    random = np.random.default_rng(0)
    X = random.uniform(20_000, 180_000, (60, 2))
    net = pn.Network(pn.Dense(8, "tanh"), pn.Dense(1), input_size=2, seed=1)
    axes = plots.hidden_units(net, X, axes=drawing.new_axes(3.7, 3))
    axes.figure.canvas.draw()
    for tile in axes.child_axes[-4:]:
        boxes = [label.get_window_extent() for label in tile.get_xticklabels() if label.get_text()]
        assert all(one.x1 < other.x0 for one, other in itertools.pairwise(boxes))


def test_a_history_without_what_is_asked_for_is_refused():
    with pytest.raises(InvalidValue, match="no reports"):
        plots.loss_curve(pn.History())
    with pytest.raises(InvalidValue, match="no metrics"):
        plots.metric_curves(pn.History(epoch=[1], loss=[1.0]))
    with pytest.raises(InvalidValue, match="no gradient norms"):
        plots.gradient_norms(pn.History(epoch=[1], loss=[1.0]))


# ---- the valley ----


def test_the_tangent_has_the_slope_of_the_curve(xor):
    net, X, y, path = xor
    at = path[2]
    axes = plots.loss_surface(net, X, y, loss="mse", at=at, along=["layers[0].weights[1,2]"])
    place = 1 * 4 + 2
    twin = net.copy()

    def loss(value):
        twin.parameters = np.concatenate([at[:place], [value], at[place + 1 :]])
        return twin.evaluate(X, y, loss="mse")["loss"]

    curve, tangent = (line.get_xydata() for line in axes.lines[:2])
    for k in (0, 77, 200):
        assert curve[k, 1] == pytest.approx(loss(curve[k, 0]), rel=1e-9)
    slope = (tangent[1, 1] - tangent[0, 1]) / (tangent[1, 0] - tangent[0, 0])
    assert slope == pytest.approx((loss(at[place] + 1e-5) - loss(at[place] - 1e-5)) / 2e-5, rel=1e-5)
    assert axes.get_xlabel() == "layers[0].weights[1, 2]"


def test_the_map_spans_the_plane_that_the_path_moves_in(xor):
    net, X, y, _ = xor
    start = net.parameters.copy()
    first, second = np.zeros((2, start.size))
    first[3], second[7] = 1, 1
    corner = [start + 3 * first, start + 2 * first + 0.5 * second, start]
    axes = plots.loss_surface(net, X, y, loss="mse", path=corner)
    shares = [int(re.search(r"(\d+)%", label)[1]) for label in (axes.get_xlabel(), axes.get_ylabel())]
    assert sum(shares) == 100
    drawn = axes.lines[0].get_xydata()
    assert np.allclose(drawn[-1], 0, atol=1e-12)
    assert np.linalg.norm(drawn[0]) == pytest.approx(3)  # distances in the plane are those of the parameters
    assert np.linalg.norm(drawn[1]) == pytest.approx(np.hypot(2, 0.5))
    assert (net.parameters == start).all()


def test_the_valley_in_three_dimensions(xor):
    net, X, y, path = xor
    axes = Figure().add_subplot(projection="3d")
    assert plots.loss_surface(net, X, y, loss="mse", path=path, axes=axes) is axes
    assert axes.get_zlabel() == "loss"


def test_a_valley_without_directions_is_refused(xor):
    net, X, y, path = xor
    with pytest.raises(InvalidValue, match=r"along=.*path="):
        plots.loss_surface(net, X, y, loss="mse")
    with pytest.raises(InvalidValue, match="does not move"):
        plots.loss_surface(net, X, y, loss="mse", path=[path[0], path[0]])
    with pytest.raises(InvalidValue, match="did you mean"):
        plots.loss_surface(net, X, y, loss="mse", along=["layers[0].weight[0, 0]"])
    with pytest.raises(InvalidValue, match="parameters 0 to 20"):
        plots.loss_surface(net, X, y, loss="mse", along=[21])
    with pytest.raises(InvalidValue, match="path has shape"):
        plots.loss_surface(net, X, y, loss="mse", path=[[1.0, 2.0]])


# ---- for every eye ----


def contrast(first, second):
    """The contrast of two colours, 1 to 21, as the Web Content Accessibility Guidelines 2.2 define it."""
    bright = []
    for color in (first, second):
        channels = np.array(to_rgb(color))
        linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
        bright.append(linear @ [0.2126, 0.7152, 0.0722] + 0.05)
    return max(bright) / min(bright)


@pytest.mark.parametrize("ground", ["#ffffff", "#14181c"])
@pytest.mark.parametrize("color", [*CLASS_COLORS, GRAY])
def test_lines_are_seen_on_the_light_and_on_the_dark_page(color, ground):
    assert contrast(color, ground) >= 3


def test_text_is_read_on_its_ground():
    assert contrast(QUIET, "white") >= 4.5
    assert contrast(drawing.DARK, drawing.PALE) >= 4.5
    assert len({*drawing.CLASS_COLORS}) == len(drawing.MARKERS) == 10


def test_a_class_has_one_colour_in_every_picture():
    X, y = pn.datasets.moons(80, noise=0.1, seed=1)
    y = np.where(X[:, 0] > 1.2, 2, y)
    net = pn.Network(pn.Dense(4, "tanh"), pn.Dense(3, "softmax"), input_size=2, seed=1)
    rows = {(round(float(x), 5), round(float(z), 5)): k for (x, z), k in zip(X, y, strict=True)}

    def colors_of(axes):
        found = set()
        for points in axes.collections:
            for place in points.get_offsets():
                key = tuple(round(float(value), 5) for value in place)
                if key in rows:
                    found.add((rows[key], tuple(points.get_facecolor()[0][:3])))
        return found

    expected = {(k, to_rgb(CLASS_COLORS[k])) for k in range(3)}
    assert colors_of(plots.decision_boundary(net, X, y)) == expected
    assert colors_of(plots.hidden_units(net, X, labels=y).child_axes[0]) == expected


def test_legends_cover_no_curve(xor):
    net, X, y, _ = xor
    history = pn.History(epoch=[1, 2, 3], loss=[3.0, 2.0, 1.0], validation_loss=[2.0, 3.0, 3.0], best_epoch=1)
    history.stopped = "early stopping"
    for axes in (
        plots.loss_curve(history),
        plots.gradient_norms(net.history),
        plots.decision_boundary(net, X, y),
        plots.predicted_against_true([1.0, 2], [1.0, 2]),
    ):
        axes.figure.draw_without_rendering()
        legend = axes.get_legend().get_window_extent()
        assert legend.y0 >= axes.get_window_extent().y1
        assert all(legend.y0 >= text.get_window_extent().y1 for text in axes.texts)


@pytest.mark.parametrize("ends", [(0.019, 0.036), (100_001, 103_000), (-1e-7, 3e-7), (0, 1), (1_234_567, 1_234_890)])
def test_tick_labels_do_not_meet(ends):
    axes = plots.predicted_against_true(ends, ends, plots.new_axes(3.7, 3))
    axes.figure.draw_without_rendering()
    low, high = axes.get_xlim()
    labels = [tick.label1 for tick in axes.xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.x0)
    assert len(boxes) >= 2
    assert all(left.x1 + 2 < right.x0 for left, right in itertools.pairwise(boxes))
    values = [float(label.get_text().replace(",", "")) for label in labels]
    assert values == pytest.approx(
        [tick.get_loc() for tick in axes.xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    )


@pytest.mark.parametrize("epochs", [1, 3, 7, 60, 10_000])
def test_epochs_are_whole(epochs):
    axes = plots.loss_curve(pn.History(epoch=list(range(1, epochs + 1)), loss=[1 / e for e in range(1, epochs + 1)]))
    axes.figure.draw_without_rendering()
    assert all(re.fullmatch(r"-?[\d,]+", label.get_text()) for label in axes.get_xticklabels())


def test_a_year_is_not_grouped_and_a_large_number_is():
    axes = plots.dependence(pn.Network(pn.Dense(1), input_size=1, seed=1), [[2007.0], [2008], [2009]])
    axes.figure.draw_without_rendering()
    shown = [label.get_text() for label in axes.get_xticklabels()]
    assert {"2007", "2008", "2009"} <= set(shown)
    assert drawing.in_digits(100_500) == "100,500"


STRANGE = ["$10-$20", "$_$", "a\nb", "_private", "50 % & <b>", "^_{", "x" * 60]


def test_names_are_drawn_as_they_are(tmp_path):
    """As classes all in one picture; as names of inputs two at a time, and where there is one, by itself."""
    X, y = pn.datasets.moons(30, noise=0.1, seed=1)
    net = pn.Network(pn.Dense(7, "softmax"), input_size=2, seed=1)
    wide = pn.Network(pn.Dense(7, "softmax"), input_size=7, seed=1)
    pictures = [
        plots.decision_boundary(net, X, y, names=STRANGE[:2], classes=STRANGE),
        plots.confusion_matrix(y, net.predict(X), STRANGE),
        plots.network_diagram(wide, names=STRANGE, classes=STRANGE),
        plots.importance([[float(i)] for i in range(7)], STRANGE),
        *(plots.hidden_units(net, X, names=names) for names in itertools.pairwise(STRANGE)),
        *(plots.dependence(net, X, 0, name=name, classes=STRANGE) for name in STRANGE),
        *(plots.residuals([1.0, 2], [1.0, 2], name=name) for name in STRANGE),
        *(plots.predicted_against_true([1.0, 2], [1.0, 2], name=name) for name in STRANGE),
    ]
    for axes in pictures:
        axes.figure.savefig(tmp_path / "picture.svg")
    legends = [axes.get_legend() for axes in pictures if axes.get_legend() is not None]
    of_classes = [legend.get_texts() for legend in legends if len(legend.get_texts()) == len(STRANGE)]
    assert of_classes
    for texts in of_classes:
        shown = [text.get_text().strip().replace("\\$", "$")[:4] for text in texts]
        assert shown == [" ".join(name.split())[:4] for name in STRANGE]


def test_letters_that_the_usual_font_lacks_come_from_another_one(tmp_path):
    letter = "\u2900"  # of matplotlib's own fonts: not in DejaVu Sans, but in DejaVu Serif
    assert fonts.lacks(letter) == {letter}
    assert fonts.fonts_for(frozenset(letter))
    axes = plots.confusion_matrix([0, 1], [[1, 0], [0, 1.0]], [letter, "b"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axes.figure.savefig(tmp_path / "picture.png")
    assert axes.get_yticklabels()[0].get_text() == letter


def test_letters_that_no_font_has_are_written_as_codes_with_a_word_on_it(tmp_path):
    letter = "\U0010fffd"  # for private use: no font has it but the one with a box for every letter
    with pytest.warns(PlainnetWarning, match="no font installed here has some letters"):
        axes = plots.confusion_matrix([0, 1], [[1, 0], [0, 1.0]], [letter, "b"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axes.figure.savefig(tmp_path / "picture.png")
    assert axes.get_yticklabels()[0].get_text() == "U+10FFFD"


def test_a_page_keeps_letters_that_no_font_here_has():
    cat = "\u732b"
    with page_style(), warnings.catch_warnings():
        warnings.simplefilter("error")
        kept = svg(plots.confusion_matrix([0, 1], [[1, 0], [0, 1.0]], [cat, "b"]), "Matrix")
    assert cat in kept  # the reader's browser has the font


def test_axes_given_are_drawn_on_and_returned(xor):
    net, X, y, path = xor
    history = net.history
    calls = [
        lambda axes: plots.loss_curve(history, axes),
        lambda axes: plots.metric_curves(history, axes),
        lambda axes: plots.gradient_norms(history, axes),
        lambda axes: plots.decision_boundary(net, X, y, axes=axes),
        lambda axes: plots.hidden_units(net, X, axes=axes),
        lambda axes: plots.network_diagram(net, axes),
        lambda axes: plots.weight_distributions(net, axes),
        lambda axes: plots.activation_distributions(net, X, axes),
        lambda axes: plots.confusion_matrix(y, net.predict(X), axes=axes),
        lambda axes: plots.predicted_against_true(y, net.predict(X), axes),
        lambda axes: plots.importance([[1.0], [2.0]], axes=axes),
        lambda axes: plots.residuals(y, net.predict(X), axes),
        lambda axes: plots.dependence(net, X, 0, axes),
        lambda axes: plots.loss_surface(net, X, y, loss="mse", path=path, axes=axes),
    ]
    for call in calls:
        axes = plots.new_axes()
        assert call(axes) is axes
        assert axes.has_data() or axes.child_axes


def test_a_notebook_shows_pictures(xor):
    net, X, y, path = xor
    for axes in (
        plots.decision_boundary(net, X, y),
        plots.hidden_units(net, X),
        plots.loss_surface(net, X, y, loss="mse", path=path),
        plots.dependence(net, X),
    ):
        assert isinstance(axes, Axes)
        for shown in (axes, axes.figure):
            assert shown._repr_png_().startswith(b"\x89PNG")


def test_a_notebook_shows_networks_and_histories(xor):
    net = xor[0]
    for shown in (net, net.history):
        assert "<svg" in shown._repr_html_()
        assert shown._repr_png_().startswith(b"\x89PNG")
    assert "Dense" in pn.Network(pn.Dense(1))._repr_html_()
    assert pn.Network(pn.Dense(1))._repr_png_() is None
    assert "no reports" in pn.History()._repr_html_()
    assert pn.History()._repr_png_() is None


def test_without_matplotlib_the_extra_is_named(xor, monkeypatch):
    for module in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"plainnet\[plots\]"):
        plots.network_diagram(xor[0])
    assert "<svg" not in xor[0]._repr_html_()
    assert "Dense" in xor[0]._repr_html_()
    assert xor[0].history._repr_png_() is None
