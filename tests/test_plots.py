"""The pictures show what the network computes, and say what they leave out."""

import re
import sys

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix

import plainnet as pn
from plainnet import plots
from plainnet.errors import InvalidValue, MissingExtraError
from plainnet.plots.drawing import BLUE, VERMILION
from plainnet.plots.readings import activity


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


def test_predicted_against_true_draws_a_sample_of_many():
    values = np.arange(3000.0)
    axes = plots.predicted_against_true(values, values + 1)
    points = axes.collections[0].get_offsets()
    assert len(points) == 1000
    assert np.allclose(points[:, 1] - points[:, 0], 1)
    assert "1,000 of 3,000 examples" in remark(axes)


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


# ---- in general ----


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
        lambda axes: plots.loss_surface(net, X, y, loss="mse", path=path, axes=axes),
    ]
    for call in calls:
        axes = plots.new_axes()
        assert call(axes) is axes
        assert axes.has_data() or axes.child_axes


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
