"""Layers beyond what holds for all of them: what begins how, and what is refused."""

import numpy as np
import pytest

import plainnet as pn

RANDOM = np.random.default_rng(0)


def network(*layers, **options):
    return pn.Network(*layers, **{"seed": 3, "dtype": "float64", **options})


def test_a_periodic_embedding_begins_as_the_paper_says():
    net = pn.Network(pn.PeriodicEmbedding(40, frequencies=64, deviation=0.3), input_size=40, seed=0, dtype="float64")
    layer = net.layers[0]
    assert layer.frequencies.std() == pytest.approx(0.3, rel=0.05)
    assert abs(layer.frequencies.mean()) < 0.02
    for array, limit in ((layer.phases, np.pi), (layer.weights, 1 / 8), (layer.bias, 1 / 8)):
        assert np.abs(array).max() == pytest.approx(limit, rel=0.05)
        assert array.std() == pytest.approx(limit / np.sqrt(3), rel=0.1)


def test_scale_and_parametric_activation_begin_as_if_they_were_not_there():
    X = RANDOM.normal(size=(7, 4))
    net = pn.Network(pn.Scale(), pn.ParametricActivation("selu"), input_size=4, dtype="float64")
    np.testing.assert_allclose(net.predict(X), pn.activations.Selu().value(X), rtol=1e-12)


def test_more_columns_than_inputs_are_refused():
    with pytest.raises(pn.errors.InvalidValue, match="columns is 5; with 3 inputs PeriodicEmbedding takes at most 3"):
        network(pn.PeriodicEmbedding(5), input_size=3)


@pytest.mark.parametrize(
    ("argument", "value"), [("columns", 0), ("frequencies", 0), ("width", 1), ("deviation", 0.0), ("deviation", "a")]
)
def test_settings_are_checked(argument, value):
    with pytest.raises((pn.errors.InvalidValue, pn.errors.InvalidType), match=f"^{argument} is"):
        pn.PeriodicEmbedding(**{"columns": 2, argument: value})


@pytest.mark.needs("exchange")
def test_a_layer_without_a_module_in_pytorch_is_refused_by_its_name(tmp_path):
    net = pn.Network(pn.Dense(3), pn.ParametricActivation("mish"), input_size=2)
    with pytest.raises(pn.errors.InvalidValue, match=r"layers\[1\], ParametricActivation, has no module in PyTorch"):
        net.export(tmp_path / "net.safetensors", layout="pytorch")


# ---- initialize_from_data ----


def test_sums_have_deviation_1_and_biases_lie_among_them():
    X = RANDOM.normal(3, [1, 10, 0.1], size=(500, 3))
    net = network(pn.PeriodicEmbedding(2), pn.Dense(300, "selu"), pn.Dropout(0.9), pn.Dense(200, "mish"), pn.Dense(4))
    pn.initialize_from_data(net, X)
    values = X
    for layer in net.layers:
        if isinstance(layer, pn.Dense):
            z = values @ layer.weights
            np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-10)
            assert (-layer.bias >= z.min(axis=0)).all()
            assert (-layer.bias <= z.max(axis=0)).all()
            shares = np.random.default_rng(0).dirichlet(np.ones(5), 100_000)  # of a mean of five examples
            expected = np.sqrt((shares**2).sum(axis=1).mean())
            if layer.units >= 200:
                assert (layer.bias + z.mean(axis=0)).std() == pytest.approx(expected, rel=0.15)
        values = layer.predict(values)


def test_each_unit_keeps_its_direction_drawn_from_the_normal_distribution():
    X = RANDOM.normal(size=(400, 50))
    net = network(pn.Dense(400), input_size=50)
    pn.initialize_from_data(net, X)
    directions = net.layers[0].weights / np.linalg.norm(net.layers[0].weights, axis=0)
    assert directions.mean() == pytest.approx(0, abs=0.005)
    assert (directions**4).mean() * 50**2 == pytest.approx(
        3 * 50 / 52, rel=0.05
    )  # a uniform direction in 50 dimensions


def test_equal_rows_leave_finite_weights_of_the_usual_size():
    X = np.full((100, 20), 0.1, np.float32)
    net = network(pn.Dense(50, "relu"), pn.Dense(2), dtype="float32")
    pn.initialize_from_data(net, X)
    assert np.isfinite(net.parameters).all()
    assert net.layers[0].weights.std() == pytest.approx(1 / np.sqrt(20), rel=0.1)


def test_the_seed_decides_and_the_rows_of_the_data_may_be_many(monkeypatch):
    X = RANDOM.normal(size=(1000, 3))

    def made(seed=None, own_seed=3):
        net = network(pn.Dense(4, "tanh"), pn.Dense(1), input_size=3, seed=own_seed)
        before = net.copy()
        pn.initialize_from_data(net, X, seed)
        assert net.shuffling.bit_generator.state == before.shuffling.bit_generator.state
        return net.parameters

    assert np.array_equal(made(), made())
    assert np.array_equal(made(5), made(5, own_seed=4))
    assert not np.array_equal(made(), made(5))
    assert not np.array_equal(made(), made(own_seed=4))
    whole = made(5)
    monkeypatch.setattr("plainnet.network.initialization.MOST_NUMBERS", 4 * 300)
    assert not np.array_equal(whole, made(5))


def test_a_file_of_many_rows_is_sampled(tmp_path, monkeypatch):
    X = RANDOM.normal(size=(1000, 3)).astype(np.float32)
    path = tmp_path / "X.npy"
    np.save(path, X)
    monkeypatch.setattr("plainnet._base.pieces.BLOCK_BYTES", 1000)
    monkeypatch.setattr("plainnet.network.initialization.MOST_NUMBERS", 4 * 300)
    nets = [network(pn.Dense(4, "tanh"), pn.Dense(1)) for _ in range(2)]
    pn.initialize_from_data(nets[0], X)
    pn.initialize_from_data(nets[1], np.load(path, mmap_mode="r"))
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)


def test_layers_without_a_bias_and_normalizations_are_passed(monkeypatch):
    X = RANDOM.normal(5, 3, size=(100, 3))
    net = network(pn.Dense(8, bias=False), pn.BatchNorm(), pn.Activation("relu"), pn.Dense(2))
    pn.initialize_from_data(net, X)
    np.testing.assert_array_equal(net.layers[1].running_mean, 0)
    z = X @ net.layers[0].weights
    centred = np.maximum((z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-5), 0)
    np.testing.assert_allclose((centred @ net.layers[3].weights).std(axis=0), 1, rtol=1e-10)


def test_predictions_follow_new_weights():
    X = RANDOM.normal(size=(5, 3))
    net = network(pn.Dense(2), input_size=3)
    before = net.predict(X)
    pn.initialize_from_data(net, X)
    after = net.predict(X)
    assert not np.allclose(before, after)
    np.testing.assert_allclose(after, X @ net.layers[0].weights + net.layers[0].bias, rtol=1e-12)


# ---- PiecewiseLinearEmbedding ----


def test_a_piecewise_linear_embedding_begins_as_straight_lines():
    net = network(pn.PiecewiseLinearEmbedding([[-1, 0, 1], [0, 2]], width=64), input_size=3)
    x = np.linspace(-3, 3, 7)
    outputs = net.predict(np.column_stack([x, x, x]))
    assert outputs.shape == (7, 2 * 64 + 1)
    np.testing.assert_allclose(np.diff(outputs, n=2, axis=0), 0, atol=1e-12)
    np.testing.assert_array_equal(outputs[:, -1], x)
    assert np.abs(net.layers[0].slopes).max() == pytest.approx(1 / 8, rel=0.05)


def test_edges_are_quantiles_and_no_column_is_without_a_bin():
    X = np.column_stack([RANDOM.exponential(size=1000), RANDOM.integers(0, 3, 1000), np.full(1000, 7)])
    first, second, third = pn.quantile_edges(X, bins=4)
    np.testing.assert_allclose(first, np.quantile(X[:, 0], [0, 0.25, 0.5, 0.75, 1]))
    assert second == [0, 1, 2]
    assert third == [6.5, 7.5]


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([], "edges is empty"),
        (3, "edges is 3; it takes a list"),
        ([[1]], r"edges\[0\] is \[1.0\]; it takes two or more growing numbers"),
        ([[0, 1], [1, 1]], r"edges\[1\] is \[1.0, 1.0\]; it takes two or more growing numbers"),
        ([[0, np.nan]], r"edges\[0\]\[1\] is nan"),
        ([[0, 1]] * 3, "edges has 3 columns and PiecewiseLinearEmbedding has 2 inputs"),
    ],
)
def test_edges_that_cannot_be_are_refused(edges, message):
    with pytest.raises((pn.errors.InvalidValue, pn.errors.InvalidType), match=f"^{message}"):
        network(pn.PiecewiseLinearEmbedding(edges), input_size=2)


# ---- Embedding ----

CODES = np.array([[0.5, 1, 3], [0.1, 0, 0], [0.2, 2, 3], [0.3, 1, 3]])
"""A number, then codes of 2 and of 3 categories, some of them several times."""


def test_an_embedding_looks_codes_up_and_takes_all_others_for_0():
    net = network(pn.Embedding([2, 3], width=2), input_size=3)
    table = net.layers[0].weights
    expected = [[x, *table[int(a)], *table[3 + int(b)]] for x, a, b in CODES]
    np.testing.assert_array_equal(net.predict(CODES), expected)
    strange = np.array([[1.0, -1, 4], [1, 1e30, -1e30], [1, 2.4, 2.6]])
    known = np.array([[1.0, 0, 0], [1, 0, 0], [1, 2, 3]])
    for engine in ("numpy", "auto"):
        np.testing.assert_array_equal(net.predict(strange, engine=engine), net.predict(known, engine=engine))


def test_codes_that_stand_several_times_add_their_gradients():
    net = network(pn.Embedding([2, 3], width=2), pn.Dense(1), input_size=3)
    assert pn.check_gradients(net, CODES, CODES[:, :1], loss="mse").passed
    layer = net.layers[0]
    _, backward = layer.forward(CODES)
    gradients = {"weights": np.full((7, 2), np.nan)}
    backward(np.ones((4, 5)), gradients)
    np.testing.assert_array_equal(gradients["weights"][:, 0], [1, 2, 1, 1, 0, 0, 3])


def test_an_embedding_of_many_categories_begins_standard_normal():
    net = network(pn.Embedding([5000, 100]), input_size=2)
    assert net.layers[0].weights.shape == (5102, 8)
    assert net.layers[0].weights.std() == pytest.approx(1, rel=0.02)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pn.Embedding([]), "categories is empty"),
        (lambda: pn.Embedding(3), "categories is 3; it takes a list"),
        (lambda: pn.Embedding([3, 0]), r"categories\[1\] is 0; it takes a whole number of at least 1"),
        (lambda: pn.Embedding([3], width=0), "width is 0"),
        (lambda: network(pn.Embedding([3, 3, 3]), input_size=2), "categories has 3 columns and Embedding has 2 inputs"),
    ],
)
def test_embeddings_that_cannot_be_are_refused(make, message):
    with pytest.raises((pn.errors.InvalidValue, pn.errors.InvalidType), match=f"^{message}"):
        make()


# ---- Average ----


def test_an_average_of_trained_networks_predicts_their_mean(tmp_path):
    X = RANDOM.normal(size=(60, 3))
    y = RANDOM.integers(0, 3, 60)
    nets = [
        network(pn.Dense(5, "relu"), pn.BatchNorm(), pn.Dropout(0.2), pn.Dense(3, "softmax"), input_size=3, seed=seed)
        for seed in range(3)
    ]
    pn.train_many(nets, X, y, loss="cross_entropy", epochs=5)
    ensemble = pn.averaged(nets)
    expected = np.mean([net.predict(X) for net in nets], axis=0)
    np.testing.assert_allclose(ensemble.predict(X), expected, rtol=1e-12)
    ensemble.save(tmp_path / "ensemble.npz")
    again = pn.load(tmp_path / "ensemble.npz")
    np.testing.assert_array_equal(again.predict(X), ensemble.predict(X))
    assert again.parameter_names()[0] == "layers[0].branches[0].layers[0].weights"
    loss = ensemble.evaluate(X, y, loss="cross_entropy")["loss"]
    assert loss == pytest.approx(-np.log(expected[np.arange(60), y]).mean(), rel=1e-9)
    nets[0].parameters *= 0
    np.testing.assert_allclose(ensemble.predict(X), expected, rtol=1e-12)  # it has copies


def test_the_layers_of_a_branch_are_views_into_the_vector_of_the_network():
    inner = pn.Dense(2, "tanh")
    net = network(pn.Average([pn.Average([inner], [pn.Dense(2)])], [pn.Dense(2)]), input_size=2)
    net.parameters = np.arange(18)
    np.testing.assert_array_equal(inner.weights, [[0, 1], [2, 3]])
    inner.bias = [7, 8]
    np.testing.assert_array_equal(net.parameters[4:6], [7, 8])
    np.testing.assert_array_equal(net.copy().layers[0].branches[0][0].branches[0][0].bias, [7, 8])


def test_averages_are_shown_shortly():
    both = pn.Average([pn.Dense(2, "tanh"), pn.Dense(1)], [pn.Dense(2, "tanh"), pn.Dense(1)])
    assert repr(both) == "Average(2 × [Dense(units=2, activation='tanh'), Dense(units=1)])"
    assert repr(pn.Average([pn.Scale()], [pn.Dense(1)])) == "Average([Scale()], [Dense(units=1)])"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: pn.Average(), "branches is empty"),
        (lambda: pn.Average(pn.Dense(1)), r"branches\[0\] is Dense\(units=1\); it takes a list of layers"),
        (lambda: pn.Average([pn.Dense(1)], []), r"branches\[1\] is empty"),
        (lambda: pn.Average([pn.Dense(1), 3]), r"branches\[0\]\[1\] is 3; it takes a layer"),
        (
            lambda: network(pn.Average([pn.Dense(1)], [pn.Dense(2)]), input_size=2),
            r"branches\[1\] gives outputs of shape \(2,\) and branches\[0\] \(1,\)",
        ),
        (lambda: network(pn.Average([layer := pn.Dense(1)], [layer])), "Dense.units=1. already belongs"),
        (lambda: pn.averaged([]), "networks is empty"),
        (lambda: pn.averaged([network(pn.Dense(1))]), r"networks\[0\] has no parameters yet"),
        (
            lambda: pn.averaged([network(pn.Dense(1), input_size=2), network(pn.Dense(1), input_size=3)]),
            r"networks\[1\] has another input_size than networks\[0\]",
        ),
    ],
)
def test_averages_that_cannot_be_are_refused(make, message):
    with pytest.raises((pn.errors.InvalidValue, pn.errors.InvalidType), match=f"^{message}"):
        make()


def test_data_driven_weights_reach_the_layers_of_each_branch():
    X = RANDOM.normal(3, 2, size=(300, 3))
    net = network(pn.Average([pn.Dense(4, "selu"), pn.Dense(1)], [pn.Dropout(0.9), pn.Dense(1)]))
    pn.initialize_from_data(net, X)
    for branch in net.layers[0].branches:
        z = X
        for layer in branch:
            if isinstance(layer, pn.Dense):
                np.testing.assert_allclose((z @ layer.weights).std(axis=0), 1, rtol=1e-10)
                z = layer.predict(z)
