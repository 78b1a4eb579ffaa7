"""Options: names of other libraries, defaults that suit, NumPy's numbers, and the line a warning points at."""

import dataclasses
import inspect
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import log_loss

import plainnet as pn
from plainnet.errors import InvalidType, InvalidValue, PlainnetWarning
from plainnet.training import options

rng = np.random.default_rng(7)
X = rng.normal(size=(40, 2))
Y = X[:, 0] - X[:, 1]
IRIS = load_iris(return_X_y=True)


def network(seed=1, **more):
    return pn.Network(pn.Dense(3, "tanh"), pn.Dense(1), seed=seed, **more)


CALLS = {
    "fit": lambda **given: network().fit(X, Y, loss="mse", **given),
    "training": lambda **given: network().training(X, Y, loss="mse", **given),
    "train_many": lambda **given: pn.train_many([network()], X, Y, loss="mse", **given),
    "compare": lambda **given: pn.compare({"a": network()}, X, Y, loss="mse", workers=1, **given),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("learning_rate", "optimizer=plainnet.Adam(learning_rate=0.01)"),
        ("lr", "optimizer=plainnet.Adam(learning_rate=0.01)"),
        ("verbose", "progress=True"),
        ("callbacks", "for report in net.training(X, y, ...)"),
        ("validation_split", "validation=0.2"),
        ("validation_data", "validation=(X, y)"),
        ("epoch", "epochs=100"),
        ("batchsize", "batch_size=32"),
        ("sample_weights", "sample_weight="),
        ("early_stoping", "did you mean 'early_stopping'?"),
    ],
)
def test_an_option_of_another_name_is_refused_with_what_to_write(call, name, instead):
    with pytest.raises(TypeError, match=f"{name}= is no option of .*{re.escape(instead)}"):
        call(**{name: 1})


def test_the_options_are_those_of_fit_and_each_is_documented_for_users():
    """Everything else takes its list of options from the fields of Options, and the defaults from fit."""
    fields = [field.name for field in dataclasses.fields(options.Options)]
    signature = inspect.signature(pn.Network.fit).parameters
    assert fields == [name for name in signature if name not in ("self", "X", "y", "progress", "unknown")]
    documented = re.findall(r"^ {12}(\w+): ", pn.Network.fit.__doc__, flags=re.MULTILINE)
    assert documented == [name for name in signature if name not in ("self", "X", "y", "unknown")]
    assert options.Options.of({}).epochs == signature["epochs"].default == 100


def test_every_advice_is_about_options_that_there_are():
    known = set(pn.Network.fit.__kwdefaults__)
    assert not known & (set(options.INSTEAD) - {"progress"})
    for advice in options.INSTEAD.values():
        assert set(re.findall(r"^(\w+)=", advice)) <= known, advice


@pytest.mark.parametrize(
    ("last", "usual"),
    [
        (pn.Dense(3, "softmax"), "cross_entropy"),
        (pn.Dense(1, "sigmoid"), "binary_cross_entropy"),
        (pn.Dense(1, "exponential"), "poisson"),
        (pn.Dense(1), "mse"),
    ],
)
def test_a_loss_that_is_missing_is_named(last, usual):
    net = pn.Network(last, input_size=2, seed=1)
    calls = [
        lambda: net.fit(X, Y),
        lambda: net.training(X, Y),
        lambda: net.evaluate(X, Y),
        lambda: pn.train_many([net], X, Y),
        lambda: pn.check_gradients(net, X, Y),
        lambda: pn.explain(net, X, Y),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=f"loss is missing; the usual one after .* is loss='{usual}'"):
            call()
    with pytest.raises(TypeError, match=f"variant 'a' has no loss; .* the usual one after .* is loss='{usual}'"):
        pn.compare({"a": net}, X, Y)


@pytest.mark.parametrize("rows", [2, 4, 31, 32, 40])
def test_the_default_batch_is_what_there_is(rows):
    net = network()
    history = net.fit(X[:rows], Y[:rows], loss="mse", epochs=2)
    assert history.settings["batch_size"] == min(32, rows)
    by_hand = network()
    by_hand.fit(X[:rows], Y[:rows], loss="mse", epochs=2, batch_size=min(32, rows))
    np.testing.assert_array_equal(net.parameters, by_hand.parameters)
    with pytest.raises(InvalidValue, match=f"batch_size is {rows + 1} and there are {rows} training examples"):
        network().fit(X[:rows], Y[:rows], loss="mse", batch_size=rows + 1)


def test_the_default_batch_after_a_split_and_for_many():
    assert network().fit(X, Y, loss="mse", epochs=1, validation=0.3).settings["batch_size"] == 28
    (history,) = pn.train_many([network()], X[:5], Y[:5], loss="mse", epochs=1)
    assert history.settings["batch_size"] == 5
    assert pn.compare({"a": network()}, X[:5], Y[:5], seeds=2, workers=1, loss="mse", epochs=1).runs[0].loss is not None
    with pytest.raises(InvalidValue, match="batch_size is 'all'; it takes a number of examples, 'auto' or None"):
        network().fit(X, Y, loss="mse", batch_size="all")


NUMBER = [np.float32, np.float64, np.float16, np.longdouble, np.array]


@pytest.mark.parametrize("number", NUMBER)
def test_numpy_numbers_in_any_setting_are_saved_and_resumed(number, tmp_path):
    """As a search over arrays hands them out."""
    half, whole = number(0.5), np.int64(3)
    layers = [
        pn.Dense(whole, "relu", l1=half, l2=half),
        pn.Dropout(half),
        pn.BatchNorm(momentum=half, epsilon=half),
        pn.Activation({"name": "leaky_relu", "slope": half}),
        pn.LayerNorm(epsilon=half),
        pn.Dense(np.int32(1), initializer={"name": "normal", "standard_deviation": half}, bias=np.bool(True)),
    ]
    net = pn.Network(*layers, input_size=np.int16(2), seed=np.uint8(1))
    schedule = pn.schedules.ReduceOnPlateau(
        half, factor=half, patience=np.int64(1), threshold=half, minimum=number(0.25)
    )
    optimizers = [
        pn.SGD(pn.schedules.LinearWarmup(schedule, warmup=whole, start=half), momentum=half, nesterov=np.bool(True)),
        pn.AdamW(half, half, half, half, half, half),
        pn.RMSprop(pn.schedules.Step(half, every=whole, factor=half), half, half, half, half, half),
        pn.Adagrad(pn.schedules.OneCycle(half, half, whole, whole), half, half, half),
        pn.Adam(pn.schedules.Exponential(half, half)),
    ]
    for i, optimizer in enumerate(optimizers):
        run = {
            "loss": {"name": "huber", "delta": half},
            "optimizer": optimizer,
            "epochs": np.int64(3),
            "batch_size": np.int32(8),
            "shuffle": np.bool(True),
            "validation": number(0.5),
            "early_stopping": pn.EarlyStopping(np.int64(5), minimum_improvement=half),
            "report_every": np.int64(1),
            "threads": np.int64(1),
            "checkpoint": tmp_path / f"{i}.npz",
            "checkpoint_every": np.int64(1),
        }
        twin = net.copy()
        twin.fit(X, Y, **run)
        json.dumps(twin.history.to_dict())
        json.dumps(twin.describe())
        again = net.copy()
        again.fit(X, Y, **{**run, "resume": np.bool(True)})
        np.testing.assert_array_equal(again.parameters, twin.parameters)
        twin.save(tmp_path / "model.npz")
        np.testing.assert_array_equal(pn.load(tmp_path / "model.npz").predict(X), twin.predict(X))


def test_numpy_numbers_in_layers_of_ones_own_are_saved(tmp_path):
    class Scale(pn.Layer):
        def __init__(self, by=1.0, sizes=(), named=None):
            self.by, self.sizes, self.named = by, sizes, named

        def forward(self, inputs, training=None):
            return inputs * float(self.by), lambda gradient, gradients: gradient * float(self.by)

    made = Scale(np.longdouble(2.5), (np.int64(1), np.float16(0.5)), {"a": np.float32(0.5), "b": [np.bool(True)]})
    net = pn.Network(made, pn.Dense(1), input_size=2, seed=1)
    net.save(tmp_path / "model.npz")
    again = pn.load(tmp_path / "model.npz", custom=[Scale]).layers[0]
    assert (again.by, again.sizes, again.named) == (2.5, [1, 0.5], {"a": 0.5, "b": [True]})


def test_exported_source_holds_plain_numbers(tmp_path):
    net = pn.Network(pn.Dense(2, "relu", l2=np.float32(0.5)), pn.Dense(1), input_size=2, seed=1)
    net.fit(X, Y, loss="mse", epochs=2, optimizer=pn.Adam(np.float32(0.5)), batch_size=np.int64(8))
    for to in ("script", "trainer"):
        net.export(tmp_path / f"{to}.py", to=to)
        assert not re.search(r"np\.\w+\d+\([\d.]+\)", (tmp_path / f"{to}.py").read_text())


@pytest.mark.parametrize("value", ["no", 2, None, 0.5])
def test_flags_take_true_and_false_alone(value):
    for make in (lambda: pn.Dense(2, bias=value), lambda: pn.SGD(momentum=0.9, nesterov=value)):
        with pytest.raises(InvalidType, match=r"(bias|nesterov) is .*; it takes True or False"):
            make()
    assert pn.Dense(2, bias=0).has_bias is False
    assert pn.SGD(momentum=0.9, nesterov=np.bool(True)).nesterov is True


def surest_hit(targets, predictions):
    return float(predictions[targets == 2, 2].max())


@pytest.mark.parametrize("validation", [None, 0.2, IRIS], ids=["none", "fraction", "pair"])
def test_metrics_are_tried_on_the_rows_they_are_for(validation):
    """The first rows of iris are of one class, of which neither of these metrics can say anything."""
    net = pn.Network(pn.Dense(3, "softmax"), input_size=4, seed=1)
    history = net.fit(
        *IRIS, loss="cross_entropy", epochs=2, metrics=[log_loss, surest_hit, "roc_auc"], validation=validation
    )
    if validation != 0.2:
        assert history.metrics["log_loss"][-1] == pytest.approx(log_loss(IRIS[1], net.predict(IRIS[0])), rel=1e-5)
        assert history.metrics["surest_hit"][-1] == pytest.approx(surest_hit(IRIS[1], net.predict(IRIS[0])), rel=1e-5)


def test_what_a_metric_of_ones_own_raises_comes_through_before_the_training():
    class Mine(Exception):
        pass

    def failing(targets, predictions):
        raise Mine("no such rows")

    net = network(input_size=2)
    before = net.parameters.copy()
    with pytest.raises(Mine, match="no such rows") as caught:
        net.fit(X, Y, loss="mse", metrics=[failing])
    assert caught.value.__notes__ == ["raised by the metric 'failing'"]
    np.testing.assert_array_equal(net.parameters, before)
    with pytest.raises(InvalidType, match="metric 'many' returned array"):
        net.fit(X, Y, loss="mse", metrics=[many])


def many(targets, predictions):
    return predictions[:3]


def test_labels_stay_labels_on_validation_rows_that_have_one_each():
    """Outputs of 0.6 and 0.7 claim both labels, so of rows that have one label each none is right."""
    inputs, there = rng.normal(size=(30, 2)), np.tile([[1, 1], [0, 0], [1, 0]], (10, 1))
    net = pn.Network(pn.Dense(2, "sigmoid", initializer="zeros"), input_size=2, seed=1)
    net.layers[0].bias = np.log([0.6 / 0.4, 0.7 / 0.3])
    held = inputs[2::3], np.tile([[0, 1], [1, 0]], (5, 1))
    history = net.fit(
        inputs,
        there,
        loss="binary_cross_entropy",
        epochs=1,
        optimizer=pn.SGD(1e-6),
        validation=held,
        metrics=["accuracy", "recall", "precision"],
    )
    measured = {name: values[-1] for name, values in history.metrics.items()}
    assert measured == pytest.approx({"accuracy": 0.0, "recall": 1.0, "precision": 0.5})
    assert pn.metrics.accuracy(held[1], net.predict(held[0])) == 0.5, "taken as one-hot where nothing else is known"
    assert pn.metrics.accuracy(held[1], net.predict(held[0]), several_labels=True) == 0


SOFT = 0.9 * np.eye(3)[IRIS[1]] + 0.1 / 3


@pytest.mark.parametrize("name", ["accuracy", "precision", "recall", "f1", "roc_auc"])
def test_soft_rows_count_as_their_largest_entry(name):
    metric = pn.metrics.METRICS[name]
    predictions = rng.dirichlet(np.ones(3), 150)
    assert metric(SOFT, predictions) == metric(IRIS[1], predictions)
    one = rng.random((150, 1))
    assert metric(np.where(IRIS[1] == 1, 0.95, 0.05), one) == metric(IRIS[1] == 1, one)
    labels = (rng.random((150, 3)) > 0.4).astype(float)
    assert metric(0.9 * labels + 0.05, predictions) == metric(labels, predictions)
    if name == "accuracy":
        np.testing.assert_array_equal(
            pn.metrics.confusion_matrix(SOFT, predictions), pn.metrics.confusion_matrix(IRIS[1], predictions)
        )


def test_smoothed_labels_train_and_are_measured():
    net = pn.Network(pn.Dense(3, "softmax"), input_size=4, seed=1)
    options = {"optimizer": pn.Adam(0.05), "epochs": 20, "metrics": ["accuracy", "f1"], "validation": 0.2}
    history = net.fit(IRIS[0], SOFT, loss="cross_entropy", **options)
    assert history.metrics["accuracy"][-1] > 0.8
    assert net.evaluate(IRIS[0], SOFT, loss="cross_entropy", metrics=["accuracy"])["accuracy"] == pytest.approx(
        net.evaluate(*IRIS, loss="cross_entropy", metrics=["accuracy"])["accuracy"]
    )


WARNING_PROGRAM = """
import numpy as np
import plainnet as pn

X, y = np.c_[np.arange(8.0), np.full(8, 7.0)], np.arange(8.0)
def fit(net):
    return net.fit(X, y, loss="mse", epochs=1)  # line 7
fit(pn.Network(pn.Dense(1), seed=1))
for _ in pn.Network(pn.Dense(1), seed=1).training(X, y, loss="mse", epochs=1):  # line 9
    pass
pn.train_many([pn.Network(pn.Dense(1), seed=1)], X, y, loss="mse", epochs=1)  # line 11
pn.compare({"a": pn.Network(pn.Dense(1))}, X, y, loss="mse", epochs=1, seeds=2, workers=1)  # line 12
"""


def test_warnings_point_at_the_users_line(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(WARNING_PROGRAM)
    result = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    lines = re.findall(r"program\.py:(\d+): PlainnetWarning: column 1 of X", result.stderr)
    assert set(lines) == {"7", "9", "11", "12"}
    assert "plainnet/" not in result.stderr


def test_the_first_run_of_a_checkpoint_needs_no_file(tmp_path):
    network().fit(X, Y, loss="mse", epochs=1, checkpoint=tmp_path / "run.npz", resume=True)  # a warning is an error
    assert (tmp_path / "run.npz").exists()


def test_early_stopping_names_itself():
    with pytest.raises(InvalidValue, match="early_stopping=0: patience is 0"):
        network().fit(X, Y, loss="mse", early_stopping=0)
    with pytest.raises(InvalidType, match=r"early_stopping is 1\.5"):
        network().fit(X, Y, loss="mse", early_stopping=1.5)
    history = network().fit(X, Y, loss="mse", epochs=1, early_stopping=np.bool(True))
    assert history.settings["early_stopping"]["patience"] == 10
    with pytest.warns(PlainnetWarning, match="every target is the same"):
        network().fit(X, np.ones(40), loss="mse", epochs=1, early_stopping=np.bool(False))
