"""`train_many` against training one network after the other, in lanes and on threads."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import plainnet as pn
from plainnet.activations import ACTIVATIONS
from plainnet.errors import InvalidType, InvalidValue
from plainnet.training import many

ENGINES = ("numpy", pytest.param("compiled", marks=pytest.mark.needs("fast")))
RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(24, 3))
Y = np.column_stack([np.sin(X.sum(axis=1)), X[:, 0] > 0]).astype(float)
LABELS = (X[:, 0] > X[:, 1]).astype(int)
WEIGHT = RANDOM.random(24)


def networks(count=5, activation="tanh", output="identity", between=(), units=2, dtype="float64"):
    """Networks of one shape with other seeds and penalties."""
    return [
        pn.Network(
            pn.Dense(5, activation, l2=0.01 * (seed % 3), l1=0.002 * (seed % 2)),
            *(make() for make in between),
            pn.Dense(units, output, bias=seed >= 0),
            input_size=3,
            seed=seed,
            dtype=dtype,
        )
        for seed in range(count)
    ]


CASES = {
    "full batch": {"batch_size": None},
    "batches in order": {"batch_size": 7, "shuffle": False},
    "shuffled": {"batch_size": 7},
    "weights": {"batch_size": None, "sample_weight": WEIGHT},
    "pair": {"batch_size": None, "validation": (X[:9], Y[:9]), "early_stopping": 3, "metrics": ["rmse"]},
    "fraction": {"batch_size": None, "validation": 0.25, "early_stopping": True},
    "momentum": {"batch_size": None, "optimizer": pn.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01)},
    "adam": {"batch_size": None, "optimizer": pn.Adam(0.02, weight_decay=0.01)},
    "adamw": {"batch_size": None, "optimizer": pn.AdamW(pn.schedules.Cosine(0.02))},
    "rmsprop": {"batch_size": None, "optimizer": pn.RMSprop(0.01, momentum=0.5)},
    "adagrad": {"batch_size": None, "optimizer": pn.Adagrad(pn.schedules.ReduceOnPlateau(0.1, patience=0))},
    "clipped": {"batch_size": None, "optimizer": pn.SGD(0.5, clip_norm=0.1)},
}


def assert_same(history, alone, net, twin):
    assert history.stopped == alone.stopped
    assert history.epoch == alone.epoch
    assert history.best_epoch == alone.best_epoch
    for name in ("loss", "validation_loss", "gradient_norm", "learning_rate"):
        np.testing.assert_allclose(getattr(history, name), getattr(alone, name), rtol=1e-9, err_msg=name)
    assert history.layer_gradient_norms.keys() == alone.layer_gradient_norms.keys()
    for name, norms in alone.layer_gradient_norms.items():
        np.testing.assert_allclose(history.layer_gradient_norms[name], norms, rtol=1e-9)
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-8, atol=1e-12)
    assert net.history is history


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", CASES)
def test_many_are_trained_as_one_after_the_other(case, engine):
    options = {"loss": "mse", "optimizer": pn.SGD(0.3), "epochs": 40, "report_every": 3} | CASES[case]
    together, alone = networks(), networks()
    histories = pn.train_many(together, X, Y, **options, engine=engine, threads=2)
    for net, twin, history in zip(together, alone, histories, strict=True):
        assert_same(history, twin.fit(X, Y, **options, engine="numpy"), net, twin)


@pytest.mark.needs("fast")
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("loss", "output"), [("huber", "identity"), ("binary_cross_entropy", "sigmoid")])
def test_every_activation_and_loss_in_lanes(activation, loss, output):
    y = (Y > 0.5).astype(float)
    options = {"loss": loss, "optimizer": pn.SGD(0.05), "epochs": 20, "batch_size": None, "report_every": 20}
    together, alone = networks(3, activation, output), networks(3, activation, output)
    histories = pn.train_many(together, X, y, **options, engine="compiled")
    for net, twin, history in zip(together, alone, histories, strict=True):
        assert_same(history, twin.fit(X, y, **options, engine="numpy"), net, twin)


@pytest.fixture
def in_lanes(monkeypatch):
    """The sizes of the groups that share vector instructions."""
    sizes = []
    train = many._train_lanes

    def counted(code, group, stopped):
        sizes.append(len(group))
        train(code, group, stopped)

    monkeypatch.setattr(many, "_train_lanes", counted)
    return sizes


@pytest.mark.needs("fast")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("between", [(), (pn.BatchNorm, pn.Dropout), (pn.LayerNorm,)])
def test_layers_that_take_rows_and_random_numbers_in_lanes(between, dtype, in_lanes):
    options = {"loss": "cross_entropy", "epochs": 10, "batch_size": 7, "optimizer": pn.SGD(0.1, momentum=0.5)}
    made = [networks(12, "relu", "softmax", between, dtype=dtype) for _ in range(2)]
    histories = pn.train_many(made[0], X, LABELS, **options, engine="compiled", threads=2)
    assert in_lanes
    assert sum(in_lanes) == 12
    for net, twin, history in zip(*made, histories, strict=True):
        alone = twin.fit(X, LABELS, **options, engine="numpy")
        if dtype == "float64":
            assert_same(history, alone, net, twin)
        np.testing.assert_allclose(history.loss, alone.loss, rtol=1e-4)
        np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(net.statistics, twin.statistics, rtol=1e-3, atol=1e-4)
        again = net.dropout.random() == twin.dropout.random()
        assert again, "both streams stand at the same place"


@pytest.mark.needs("fast")
def test_what_lanes_cannot_hold_is_trained_all_the_same(in_lanes):
    def dropped():
        nets = networks(4, between=(pn.Dropout,))
        for i, net in enumerate(nets):
            net.layers[1].rate = 0.1 * i
        return nets

    options = {"loss": "mse", "epochs": 10, "batch_size": 8}
    made = [dropped() for _ in range(2)]
    histories = pn.train_many(made[0], X, Y, **options, engine="compiled")
    assert not in_lanes
    for net, twin, history in zip(*made, histories, strict=True):
        assert_same(history, twin.fit(X, Y, **options, engine="numpy"), net, twin)


@pytest.mark.needs("fast")
def test_functions_of_the_same_name_are_told_apart(in_lanes):
    def bent(factor):
        return lambda z: (factor * z, np.full_like(z, factor))

    options = {"loss": "mse", "epochs": 10, "batch_size": None}
    factors = (0.5, 1.0, 1.5, 2.0)
    made = [[networks(1, bent(factor))[0] for factor in factors] for _ in range(2)]
    histories = pn.train_many(made[0], X, Y, **options, engine="compiled")
    assert not in_lanes
    for net, twin, history in zip(*made, histories, strict=True):
        assert_same(history, twin.fit(X, Y, **options, engine="numpy"), net, twin)
    of_one = bent(0.5)
    made = [networks(6, of_one) for _ in range(2)]
    histories = pn.train_many(made[0], X, Y, **options, engine="compiled", threads=1)
    assert in_lanes == [6]
    for net, twin, history in zip(*made, histories, strict=True):
        assert_same(history, twin.fit(X, Y, **options, engine="numpy"), net, twin)


@pytest.mark.needs("fast")
def test_a_network_left_in_lanes_goes_on_as_one_left_alone(in_lanes):
    """Streams, optimizer and counts stand where training one by one leaves them, also of a network that diverged."""
    rates = [0.01, 0.02, 1e3, 0.03, 0.01]
    made = [networks(5, "relu", between=(pn.Dropout,)) for _ in range(2)]
    options = {"loss": "mse", "epochs": 15, "batch_size": 7, "early_stopping": 4, "validation": 0.2}
    histories = pn.train_many(
        made[0], X, Y, optimizer=[pn.SGD(rate, momentum=0.9) for rate in rates], **options, engine="compiled"
    )
    assert sum(in_lanes) == 5
    for net, twin, history, rate in zip(*made, histories, rates, strict=True):
        try:
            twin.fit(X, Y, optimizer=pn.SGD(rate, momentum=0.9), **options, engine="numpy")
        except pn.errors.DivergenceError:
            assert rate == 1e3
        assert_same(history, twin.history, net, twin)
        streams = [(own.dropout.random(), own.shuffling.random()) for own in (net, twin)]
        assert streams[0] == streams[1]


@pytest.mark.needs("fast")
def test_a_learning_rate_for_each_network():
    rates = [0.01, 0.05, 0.1, 0.2, 0.3]
    together, alone = networks(), networks()
    options = {"loss": "mse", "epochs": 30, "batch_size": None}
    histories = pn.train_many(together, X, Y, optimizer=[pn.SGD(rate) for rate in rates], **options, engine="compiled")
    for net, twin, history, rate in zip(together, alone, histories, rates, strict=True):
        assert_same(history, twin.fit(X, Y, optimizer=pn.SGD(rate), **options, engine="numpy"), net, twin)


@pytest.mark.parametrize("engine", ENGINES)
def test_one_that_diverges_does_not_stop_the_others(engine):
    nets = networks(3, "relu")
    optimizers = [pn.SGD(0.01), pn.SGD(1e4), pn.SGD(0.01)]
    options = {"loss": "mse", "epochs": 60, "batch_size": None}
    histories = pn.train_many(nets, X, Y, optimizer=optimizers, **options, engine=engine)
    assert [history.stopped for history in histories] == ["all epochs", "diverged", "all epochs"]
    assert np.isfinite(nets[1].parameters).all()
    twin = networks(3, "relu")[2]
    assert_same(histories[2], twin.fit(X, Y, optimizer=pn.SGD(0.01), **options, engine="numpy"), nets[2], twin)
    alone = networks(3, "relu")[1]
    with pytest.raises(pn.errors.DivergenceError):
        alone.fit(X, Y, optimizer=pn.SGD(1e4), **options, engine="numpy")
    assert histories[1].epoch == alone.history.epoch


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("between", [(), (lambda: pn.Dense(200),)], ids=["lanes", "alone"])
def test_ctrl_c_ends_all_of_them_at_whole_epochs(engine, between):
    nets = networks(6, between=between)
    main = threading.main_thread().ident
    threading.Timer(0.7, signal.pthread_kill, [main, signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt):
        pn.train_many(nets, X, Y, loss="mse", epochs=10**9, batch_size=None, report_every=10**8, engine=engine)
    assert {net.history.stopped for net in nets} == {"interrupted"}
    assert all(np.isfinite(net.parameters).all() for net in nets)


def test_an_interrupt_before_all_are_handed_out_ends_those_that_train(monkeypatch):
    class Interrupted(many.ThreadPoolExecutor):
        def submit(self, train, group, stopped):
            if group[0].job.network is nets[1]:
                raise KeyboardInterrupt
            return super().submit(train, group, stopped)

    monkeypatch.setattr(many, "ThreadPoolExecutor", Interrupted)
    nets = networks(2)
    with pytest.raises(KeyboardInterrupt):
        pn.train_many(nets, X, Y, loss="mse", epochs=30_000, batch_size=None, engine="numpy")
    assert nets[0].history.stopped == "interrupted"


@pytest.mark.needs("cluster")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("of_each", ["optimizer", "folds", "neither"])
def test_networks_trained_in_other_processes_are_as_if_trained_here(engine, of_each):
    import joblib

    options = {"loss": "mse", "epochs": 15, "batch_size": 7, "early_stopping": 4, "sample_weight": WEIGHT}
    if of_each == "optimizer":
        options |= {"optimizer": [pn.SGD(rate, momentum=0.9) for rate in (0.01, 0.02, 1e3, 0.03, 0.01)]}
    if of_each == "folds":
        rows = np.arange(24)
        options |= {"folds": [(rows[rows % 5 != k], rows[rows % 5 == k]) for k in range(5)]}
    else:
        options |= {"validation": 0.2}
    between = (pn.Dropout,) if of_each == "optimizer" else (pn.Dropout, pn.BatchNorm)  # which makes 1e3 chaotic
    there, here = (networks(5, "relu", between=between) for _ in range(2))
    before = [layer for net in there for layer in net.layers]
    with joblib.parallel_config(backend="loky", n_jobs=2):
        histories = pn.train_many(there, X, Y, engine=engine, **options)
    assert [layer for net in there for layer in net.layers] == before
    for net, twin, history, alone in zip(
        there, here, histories, pn.train_many(here, X, Y, engine=engine, **options), strict=True
    ):
        assert_same(history, alone, net, twin)
        assert history.settings == alone.settings
        np.testing.assert_allclose(net.statistics, twin.statistics, rtol=1e-9)
        assert np.shares_memory(net.parameters, net.layers[0].weights)
        streams = [(own.dropout.random(), own.shuffling.random()) for own in (net, twin)]
        assert streams[0] == streams[1]


@pytest.mark.needs("cluster")
def test_ctrl_c_ends_networks_in_other_processes(tmp_path):
    import joblib

    parent = os.getpid()

    def in_another_process(targets, predictions):
        if os.getpid() != parent:
            (tmp_path / "begun").touch()
        return 0.0

    def interrupt():
        while not (tmp_path / "begun").exists():
            time.sleep(0.02)
        signal.pthread_kill(main, signal.SIGINT)

    nets, main = networks(4), threading.main_thread().ident
    before = [net.parameters.copy() for net in nets]
    options = {"loss": "mse", "epochs": 10**9, "batch_size": None, "report_every": 10**6, "engine": "numpy"}
    threading.Thread(target=interrupt).start()
    with joblib.parallel_config(backend="loky", n_jobs=2), pytest.raises(KeyboardInterrupt):
        pn.train_many(nets, X, Y, metrics=[in_another_process], **options)
    assert {net.history.stopped for net in nets} == {"interrupted"}
    for net, own in zip(nets, before, strict=True):
        np.testing.assert_array_equal(net.parameters, own)


def test_networks_are_built_for_the_data():
    nets = [pn.Network(pn.Dense(4, "tanh"), pn.Dense(2), seed=seed) for seed in range(3)]
    pn.train_many(nets, X, Y, loss="mse", epochs=2, batch_size=8)
    assert [net.input_size for net in nets] == [3, 3, 3]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"networks": []}, InvalidValue, "networks is empty"),
        ({"networks": pn.Network(pn.Dense(2))}, InvalidType, "networks is Network"),
        ({"networks": ["net"]}, InvalidType, r"networks\[0\] is 'net'"),
        ({"optimizer": [pn.SGD()]}, InvalidValue, "optimizer has 1 entries for 3 networks"),
        ({"threads": 0}, InvalidValue, "threads"),
        ({"epochs": 0}, InvalidValue, "epochs"),
        ({"engine": "steam"}, InvalidValue, "engine"),
        ({"y": Y[:5]}, InvalidValue, "y"),
    ],
)
def test_refused_before_anything_is_trained(change, error, message):
    nets = [pn.Network(pn.Dense(4, "tanh"), pn.Dense(2), seed=seed) for seed in range(3)]
    arguments = {"networks": nets, "X": X, "y": Y, "loss": "mse", "epochs": 2, "batch_size": 8} | change
    with pytest.raises(error, match=message):
        pn.train_many(**arguments)
    assert not any(net.is_built for net in nets)


def test_other_shapes_and_the_same_network_twice_are_refused():
    first, second = networks(2)
    with pytest.raises(InvalidValue, match="stands twice"):
        pn.train_many([first, first], X, Y, loss="mse")
    other = pn.Network(pn.Dense(6, "tanh"), pn.Dense(2), input_size=3, dtype="float64")
    with pytest.raises(InvalidValue, match=r"differ in shape: layers\[0\].units was 5 and is 6"):
        pn.train_many([first, second, other], X, Y, loss="mse", batch_size=8)


@pytest.mark.needs("fast")
@pytest.mark.parametrize("of_a_module", [True, False])
def test_machine_code_is_shared_only_by_what_computes_the_same(of_a_module, monkeypatch):
    """Runs one after the other whose parts differ in one setting, or use a variable that has changed meanwhile."""
    monkeypatch.setattr(pn, "factor", 1.0, raising=False)

    def stretched(z):
        return pn.factor * z, np.full_like(z, pn.factor)

    def trained(engine, **changes):
        settings = {"l2": 0.0, "rate": 0.2, "activation": "tanh", "momentum": 0.5, "loss": "mse"} | changes
        net = pn.Network(
            pn.Dense(5, "tanh" if of_a_module else stretched, l2=settings["l2"]),
            pn.Dropout(settings["rate"]),
            pn.Dense(2, settings["activation"]),
            input_size=3,
            seed=1,
            dtype="float64",
        )
        optimizer = pn.SGD(0.01, momentum=settings["momentum"])
        net.fit(X, Y, loss=settings["loss"], optimizer=optimizer, epochs=3, batch_size=8, engine=engine)
        return net.parameters

    changes = [{}, {"l2": 0.3}, {"rate": 0.5}, {"activation": "sigmoid"}, {"momentum": 0.9}, {"loss": "huber"}, {}]
    for change in changes:
        np.testing.assert_allclose(trained("compiled", **change), trained("numpy", **change), rtol=1e-9, atol=1e-12)
    pn.factor = 2.0
    np.testing.assert_allclose(trained("compiled"), trained("numpy"), rtol=1e-9, atol=1e-12)
