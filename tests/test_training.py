"""Training as a user meets it: what it learns, reports, stops at, refuses and leaves behind."""

import numpy as np
import pytest

import plainnet as pn
from plainnet.errors import DivergenceError, InvalidType, InvalidValue, PlainnetWarning
from plainnet.training import prepare
from plainnet.training.options import Options

CORRECT_LOSSES = [
    0.2685760742,
    0.1760647554,
    0.1594529821,
    0.0027421212,
    0.0011732344,
    0.0007378411,
    0.000535959,
    0.0004199371,
]


def xor_network(**options):
    layers = pn.Dense(4, "sigmoid"), pn.Dense(1, "sigmoid")
    return pn.Network(*layers, **{"input_size": 3, "seed": 1, "dtype": "float64", **options})


def moons_network(*extra, units=16, **options):
    layers = pn.Dense(units, "relu"), *extra, pn.Dense(2, "softmax")
    return pn.Network(*layers, **{"input_size": 2, "seed": 3, **options})


MOONS = pn.datasets.moons(300, noise=0.15, seed=1)
TEST_MOONS = pn.datasets.moons(300, noise=0.15, seed=2)


def test_the_posts_network_trained_correctly_follows_the_measured_losses():
    """From the post's own initial weights: the figures of docs/learn/five-defects.md, to 1e-9."""
    random = np.random.RandomState(1)
    hidden_weights, output_weights = random.randn(3, 4), random.randn(4, 1)
    hidden_bias, output_bias = random.randn(4), random.randn(1)
    net = xor_network()
    arrays = hidden_weights, hidden_bias, output_weights, output_bias
    net.parameters = np.concatenate([array.ravel() for array in arrays])
    X, y = pn.datasets.xor()
    history = net.fit(X, y, loss="mse", optimizer=pn.SGD(learning_rate=1.0), epochs=7001, batch_size=None)
    np.testing.assert_allclose(history.loss[::1000], CORRECT_LOSSES, rtol=0, atol=1e-9)


def test_the_readme_example_learns_xor():
    X, y = pn.datasets.xor()
    net = xor_network()
    history = net.fit(X, y, loss="mse", optimizer=pn.SGD(learning_rate=1.0), epochs=10_000, batch_size=None)
    assert net.predict(X).shape == (4, 1)
    assert np.abs(net.predict(X) - y).max() < 0.1
    assert history.stopped == "all epochs"
    assert len(history.loss) == 10_000


@pytest.mark.parametrize(
    "optimizer", [pn.SGD(0.1, momentum=0.9), "rmsprop", pn.Adagrad(0.1), pn.Adam(0.01), pn.AdamW(0.01)]
)
def test_every_optimizer_learns_moons(optimizer):
    net = moons_network()
    net.fit(*MOONS, loss="cross_entropy", optimizer=optimizer, epochs=120)
    assert net.evaluate(*TEST_MOONS, loss="cross_entropy", metrics=["accuracy"])["accuracy"] > 0.95


@pytest.mark.parametrize("extra", [pn.Dropout(0.2), pn.BatchNorm(), pn.LayerNorm(), pn.Activation("tanh")])
def test_every_layer_learns_moons(extra):
    net = moons_network(type(extra)(**extra.settings()))
    net.fit(*MOONS, loss="cross_entropy", optimizer=pn.Adam(0.01), epochs=60)
    assert net.evaluate(*TEST_MOONS, loss="cross_entropy", metrics=["accuracy"])["accuracy"] > 0.93


def test_a_sine_is_learned():
    X, y = pn.datasets.sine(300, noise=0.0, seed=1)
    net = pn.Network(pn.Dense(32, "tanh"), pn.Dense(1), input_size=1, seed=1)
    net.fit(X, y, loss="mse", optimizer=pn.Adam(0.01), epochs=300)
    assert net.evaluate(X, y, loss="mse", metrics=["r2"])["r2"] > 0.99


def test_the_input_size_comes_from_the_data():
    net = moons_network(input_size=None)
    net.fit(*MOONS, loss="cross_entropy", epochs=1)
    assert net.layers[0].weights.shape == (2, 16)


def test_reports_tell_what_happened():
    net = moons_network()
    reports = list(
        net.training(*MOONS, loss="cross_entropy", epochs=10, report_every=3, validation=0.2, metrics=["accuracy"])
    )
    assert [report.epoch for report in reports] == [3, 6, 9, 10]
    last = reports[-1]
    assert last.epochs == 10
    assert last.learning_rate == 0.001
    assert last.seconds >= reports[0].seconds > 0
    assert last.rows_per_second > 0
    history = net.history
    assert history.validation_loss == [report.validation_loss for report in reports]
    assert history.metrics["accuracy"][-1] == last.metrics["accuracy"]
    assert history.best_epoch == history.epoch[int(np.argmin(history.validation_loss))]
    assert history.settings["training_examples"] == 240
    assert history.settings["validation_examples"] == 60


def test_report_every_changes_only_the_reports():
    often, seldom = moons_network(), moons_network()
    often.fit(*MOONS, loss="cross_entropy", epochs=12)
    seldom.fit(*MOONS, loss="cross_entropy", epochs=12, report_every=5)
    np.testing.assert_array_equal(often.parameters, seldom.parameters)


def test_the_same_seed_gives_the_same_bits():
    def train(seed):
        net = moons_network(pn.Dropout(0.3), seed=seed)
        net.fit(*MOONS, loss="cross_entropy", epochs=5, validation=0.25)
        return net.parameters

    np.testing.assert_array_equal(train(7), train(7))
    assert not np.array_equal(train(7), train(8))


def test_validation_as_arrays_equals_evaluate():
    net = moons_network()
    net.fit(*MOONS, loss="cross_entropy", epochs=4, validation=TEST_MOONS, metrics=["accuracy"])
    result = net.evaluate(*TEST_MOONS, loss="cross_entropy", metrics=["accuracy"])
    assert net.history.validation_loss[-1] == pytest.approx(result["loss"], rel=1e-6)
    assert net.history.metrics["accuracy"][-1] == result["accuracy"]


def test_a_validation_fraction_keeps_the_classes_shares_and_stays_the_same_from_fit_to_fit():
    X = np.random.default_rng(0).normal(size=(100, 2))
    y = np.repeat([0, 1], [80, 20])
    seen = []

    def rare(targets, predictions):
        seen.append(targets.copy())
        return targets.mean()

    net = moons_network()
    for _ in range(2):
        net.fit(X, y, loss="cross_entropy", epochs=1, validation=0.25, metrics=[rare])
    assert np.bincount(seen[1]).tolist() == [20, 5]  # each fit first tries the metric on a few examples
    np.testing.assert_array_equal(seen[1], seen[3])


@pytest.mark.parametrize("shape", ["one-hot rows", "a column of 0 and 1"])
def test_other_forms_of_classes_are_split_class_by_class_too(shape):
    y = np.repeat([0, 1], [95, 5])
    X = np.random.default_rng(0).normal(size=(100, 2))
    held = []

    def rare(targets, predictions):
        held.append(targets[:, -1].sum())
        return 0.0

    if shape == "one-hot rows":
        net, targets, loss = moons_network(), np.eye(2)[y], "cross_entropy"
    else:
        net, targets, loss = pn.Network(pn.Dense(1, "sigmoid"), seed=1), y, "binary_cross_entropy"
    net.fit(X, targets, loss=loss, epochs=1, validation=0.2, metrics=[rare])
    assert held[1] == 1


def test_early_stopping_restores_the_best_parameters():
    X, y = MOONS
    noisy = np.where(np.random.default_rng(0).random(len(y)) < 0.3, 1 - y, y)
    net = moons_network(units=64)
    history = net.fit(
        X[:60],
        noisy[:60],
        loss="cross_entropy",
        optimizer=pn.Adam(0.02),
        epochs=2000,
        validation=TEST_MOONS,
        early_stopping=pn.EarlyStopping(patience=15, minimum_improvement=0.001),
    )
    assert history.stopped == "early stopping"
    assert history.epoch[-1] == history.best_epoch + 15
    best = history.validation_loss[history.best_epoch - 1]
    assert net.evaluate(*TEST_MOONS, loss="cross_entropy")["loss"] == pytest.approx(best, rel=1e-6)
    assert history.validation_loss[-1] > best - 0.001


def test_closing_the_iterator_early_leaves_the_best_parameters():
    net = moons_network(units=64)
    X, y = MOONS
    reports = net.training(
        X[:40],
        y[:40],
        loss="cross_entropy",
        optimizer="adam",
        epochs=500,
        validation=TEST_MOONS,
        early_stopping=400,
    )
    best = min(report.validation_loss for report in [next(reports) for _ in range(300)])
    reports.close()
    assert net.evaluate(*TEST_MOONS, loss="cross_entropy")["loss"] == pytest.approx(best, rel=1e-6)


def test_an_interrupt_in_the_middle_of_a_step_leaves_a_whole_epochs_parameters():
    net = pn.Network(pn.Dense(1), input_size=2, seed=1, dtype="float64")
    calls = []

    def interrupting(targets, predictions):
        calls.append(net.parameters.copy())
        if len(calls) == 8:  # four batches an epoch: the last batch of the second
            raise KeyboardInterrupt
        return (predictions - targets) ** 2, 2 * (predictions - targets)

    X = np.random.default_rng(0).normal(size=(8, 2))
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, X.sum(axis=1), loss=interrupting, epochs=5, batch_size=2)
    assert net.history.stopped == "interrupted"
    np.testing.assert_array_equal(net.parameters, calls[4])


def test_an_interrupt_in_an_epochs_first_batch_keeps_the_epoch_before(monkeypatch):
    net = pn.Network(pn.Dense(1), input_size=2, seed=1, dtype="float64")
    after = []

    def interrupting(targets, predictions):
        if len(after) == 3:
            raise KeyboardInterrupt
        return (predictions - targets) ** 2, 2 * (predictions - targets)

    X = np.random.default_rng(0).normal(size=(8, 2))
    reports = net.training(X, X.sum(axis=1), loss=interrupting, epochs=9, batch_size=None)
    with pytest.raises(KeyboardInterrupt):
        after.extend(net.parameters.copy() for _ in reports)
    np.testing.assert_array_equal(net.parameters, after[-1])
    assert net.history.epoch[-1] == 3


def test_closing_the_iterator_is_an_interrupt_and_running_out_is_not():
    net = moons_network()
    reports = net.training(*MOONS, loss="cross_entropy", epochs=3)
    next(reports)
    reports.close()
    assert net.history.stopped == "interrupted"
    for report in net.training(*MOONS, loss="cross_entropy", epochs=3):
        if report.epoch == 3:
            break
    assert net.history.stopped == "all epochs"


def test_a_refused_fit_leaves_the_network_unbuilt():
    net = moons_network(input_size=None)
    with pytest.raises(InvalidValue, match="epochs is 0"):
        net.fit(np.ones((40, 5)), np.arange(40) % 2, loss="cross_entropy", epochs=0)
    net.fit(*MOONS, loss="cross_entropy", epochs=1)
    assert net.input_size == 2


def test_sample_weights_follow_their_examples_into_both_parts():
    X, y = MOONS
    net, seen = moons_network(), []

    class Recording(pn.losses.CrossEntropy):
        name = "cross_entropy"

        def value_and_gradient(self, targets, outputs, sample_weight=None, from_logits=False):
            if sample_weight is not None:
                seen.append((targets.copy(), sample_weight.copy()))
            return super().value_and_gradient(targets, outputs, sample_weight, from_logits)

    weight = 1.0 + y  # a weight that tells the label
    net.fit(X, y, loss=Recording(), epochs=1, validation=0.3, sample_weight=weight)
    assert sum(len(targets) for targets, _ in seen) == 300, "210 rows of training, 90 of validation"
    for targets, weights in seen:
        np.testing.assert_array_equal(weights, 1 + targets)


def test_class_and_sample_weights_multiply():
    y = MOONS[1]
    sample = np.linspace(0.5, 1.5, len(y))
    both, product = moons_network(), moons_network()
    both.fit(*MOONS, loss="cross_entropy", epochs=2, class_weight={0: 1.0, 1: 5.0}, sample_weight=sample)
    product.fit(*MOONS, loss="cross_entropy", epochs=2, sample_weight=np.where(y == 1, 5.0, 1.0) * sample)
    np.testing.assert_allclose(both.parameters, product.parameters, rtol=1e-4, atol=1e-6)


def test_a_small_fall_is_no_improvement():
    """With a minimum improvement that no epoch reaches, the first epoch stays the best."""
    net = moons_network()
    stopping = pn.EarlyStopping(patience=5, minimum_improvement=100.0)
    history = net.fit(*MOONS, loss="cross_entropy", epochs=50, validation=TEST_MOONS, early_stopping=stopping)
    assert (history.best_epoch, history.epoch[-1]) == (1, 6)
    assert history.validation_loss[-1] < history.validation_loss[0]


def test_a_warm_up_passes_what_it_sees_to_the_schedule_inside():
    schedule = pn.schedules.LinearWarmup(pn.schedules.ReduceOnPlateau(0.1, patience=0), warmup=1)
    memory = {}
    for _ in range(3):
        schedule.observe(1.0, memory)
    assert schedule.rate(5, 10, memory) == pytest.approx(0.001)


def test_batch_norm_refuses_batches_of_one_and_bears_a_last_one():
    X, y = MOONS[0][:33], MOONS[1][:33]
    with pytest.raises(InvalidValue, match="batches of 1 example are too small for BatchNorm"):
        pn.Network(pn.BatchNorm(), pn.Dense(2, "softmax")).fit(X, y, loss="cross_entropy", batch_size=1)
    net = pn.Network(pn.BatchNorm(), pn.Dense(2, "softmax"), seed=1)
    net.fit(X, y, loss="cross_entropy", epochs=200, batch_size=32)
    np.testing.assert_allclose(net.layers[0].running_variance, X.var(axis=0, ddof=1), rtol=0.1)


def test_divergence_stops_and_keeps_the_last_finite_parameters():
    X, y = pn.datasets.sine(100, seed=1)
    net = pn.Network(pn.Dense(8, "relu"), pn.Dense(1), input_size=1, seed=1)
    with pytest.raises(
        DivergenceError, match=r"diverged in epoch \d+.*last finite loss.*gradient norms.*\d.*Try a smaller"
    ):
        net.fit(1000 * X, 1000 * y, loss="mse", optimizer=pn.SGD(learning_rate=10.0), epochs=50)
    assert net.history.stopped == "diverged"
    assert np.isfinite(net.parameters).all()
    assert np.isfinite(net.evaluate(1000 * X, 1000 * y, loss="mse")["loss"])


def test_fit_never_changes_its_arrays():
    X, y = (array.copy() for array in MOONS)
    X, weight = X.astype("float32"), np.ones(len(X), "float32")
    given = X.copy(), y.copy(), weight.copy()
    net = moons_network(pn.BatchNorm(), pn.Dropout())
    net.fit(X, y, loss="cross_entropy", epochs=3, sample_weight=weight, class_weight="balanced", batch_size=None)
    for now, before in zip((X, y, weight), given, strict=True):
        np.testing.assert_array_equal(now, before)


def test_class_weights_are_sample_weights():
    y = MOONS[1]
    by_class, by_sample = moons_network(), moons_network()
    by_class.fit(*MOONS, loss="cross_entropy", epochs=3, class_weight={0: 1.0, 1: 5.0})
    by_sample.fit(*MOONS, loss="cross_entropy", epochs=3, sample_weight=np.where(y == 1, 5.0, 1.0))
    np.testing.assert_array_equal(by_class.parameters, by_sample.parameters)


def test_balanced_class_weights_raise_the_recall_of_a_rare_class():
    X, y = pn.datasets.gaussians(600, classes=2, separation=1.5, seed=1)
    keep = np.flatnonzero((y == 0) | (np.cumsum(y) % 10 == 0))
    X, y = X[keep], y[keep]
    recall = {}
    for class_weight in (None, "balanced"):
        net = moons_network()
        net.fit(X, y, loss="cross_entropy", epochs=60, class_weight=class_weight)
        recall[class_weight] = ((net.predict(X)[:, 1] > 0.5) & (y == 1)).sum() / (y == 1).sum()
    assert recall["balanced"] > recall[None] + 0.2


def test_penalties_shrink_the_weights():
    def largest(**penalty):
        net = pn.Network(pn.Dense(16, "relu", **penalty), pn.Dense(2, "softmax"), input_size=2, seed=3)
        net.fit(*MOONS, loss="cross_entropy", optimizer=pn.Adam(0.01), epochs=60)
        return np.abs(net.layers[0].weights)

    plain = largest()
    assert largest(l2=0.05).sum() < 0.7 * plain.sum()
    assert (largest(l1=0.02) < 1e-2).sum() > (plain < 1e-2).sum() + 5


def test_clipping_bounds_the_step():
    net = pn.Network(pn.Dense(1), input_size=2, seed=1, dtype="float64")
    before = net.parameters.copy()
    X = np.array([[100.0, 90.0], [80.0, 70.0], [100.0, 110.0], [60.0, 90.0]])
    net.fit(X, 100 * X[:, 0], loss="mse", optimizer=pn.SGD(1.0, clip_norm=0.5), epochs=1, batch_size=None)
    assert np.linalg.norm(net.parameters - before) == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize(
    "schedule",
    [
        pn.schedules.Step(0.05, every=20),
        pn.schedules.Exponential(0.05, factor=0.97),
        pn.schedules.Cosine(0.05),
        pn.schedules.LinearWarmup(pn.schedules.Cosine(0.05), warmup=5),
        pn.schedules.OneCycle(0.05),
        pn.schedules.ReduceOnPlateau(0.05, patience=3),
        lambda epoch, epochs: 0.05 / (1 + epoch),
    ],
    ids=lambda schedule: type(schedule).__name__,
)
def test_every_schedule_trains_and_ends_lower(schedule):
    net = moons_network()
    history = net.fit(*MOONS, loss="cross_entropy", optimizer=pn.Adam(schedule), epochs=60, validation=TEST_MOONS)
    assert history.learning_rate[-1] < max(history.learning_rate)
    assert history.validation_loss[-1] < 0.2


def test_batches_cover_every_example_once_an_epoch_in_changing_orders():
    seen = []

    def recording(targets, predictions):
        seen.append(targets.ravel().copy())
        return predictions * 0, predictions * 0

    net = pn.Network(pn.Dense(1), input_size=1, seed=1, dtype="float64")
    net.fit(np.arange(10.0)[::-1].reshape(-1, 1), np.arange(10), loss=recording, epochs=2, batch_size=4)
    sizes = [len(batch) for batch in seen]
    assert sizes == [4, 4, 2, 4, 4, 2]
    first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    assert sorted(first) == sorted(second) == list(range(10))
    assert list(first) != list(second)


REFUSED = [
    ({"loss": "mse"}, InvalidValue, r"y has shape \(300,\)"),
    ({"loss": "cross_entropie"}, InvalidValue, "did you mean 'cross_entropy'"),
    ({"epochs": 0}, InvalidValue, "epochs is 0"),
    ({"epochs": 1.5}, InvalidType, "epochs is 1.5"),
    ({"batch_size": 301}, InvalidValue, "batch_size is 301 and there are 300"),
    ({"batch_size": 0}, InvalidValue, "batch_size is 0"),
    ({"optimizer": "adm"}, InvalidValue, "did you mean 'adam'"),
    ({"optimizer": 3}, InvalidType, "optimizer is 3"),
    ({"validation": 1.0}, InvalidValue, "validation is 1.0"),
    ({"validation": (MOONS[0],)}, InvalidValue, "validation has 1 parts"),
    ({"validation": (MOONS[0], MOONS[1][:5])}, InvalidValue, "validation y has 5 rows"),
    ({"early_stopping": "yes"}, InvalidType, "early_stopping is 'yes'"),
    ({"early_stopping": 0}, InvalidValue, "patience is 0"),
    ({"sample_weight": np.ones(299)}, InvalidValue, "sample_weight has 299 rows"),
    ({"sample_weight": -np.ones(300)}, InvalidValue, "sample_weight holds a negative"),
    ({"class_weight": {0: 1.0}}, InvalidValue, "class_weight lacks class 1"),
    ({"class_weight": "even"}, InvalidType, "class_weight is 'even'"),
    ({"metrics": ["accuracies"]}, InvalidValue, "did you mean 'accuracy'"),
    ({"metrics": ["r2"]}, InvalidValue, "metric 'r2' does not suit"),
    ({"metrics": 3}, InvalidType, "metrics is 3"),
    ({"metrics": ["accuracy", "accuracy"]}, InvalidValue, "each takes a name of its own"),
    ({"shuffle": "no"}, InvalidType, "shuffle is 'no'"),
    ({"class_weight": {0: 0, 1: 0}}, InvalidValue, "are all 0"),
    ({"optimizer": pn.Adam}, InvalidType, "optimizer is <class"),
    ({"report_every": 0}, InvalidValue, "report_every is 0"),
    ({"engine": "fast"}, InvalidValue, "engine is 'fast'"),
]


@pytest.mark.parametrize(("options", "error", "words"), REFUSED)
def test_bad_options_are_refused_at_the_call(options, error, words):
    net = moons_network()
    with pytest.raises(error, match=words):
        net.training(*MOONS, **{"loss": "cross_entropy", **options})


def test_nan_in_the_data_is_refused_with_its_place():
    X = MOONS[0].copy()
    X[17, 1] = np.nan
    with pytest.raises(InvalidValue, match="X holds nan at row 17, column 1"):
        moons_network().fit(X, MOONS[1], loss="cross_entropy")


def test_suspicious_data_get_a_warning_each():
    random = np.random.default_rng(0)
    X, y = random.normal(size=(20, 3)), random.normal(size=20)

    def warning(X, y, loss="mse", net=None):
        net = net or pn.Network(pn.Dense(1), seed=1)
        with pytest.warns(PlainnetWarning) as caught:
            net.fit(X, y, loss=loss, epochs=1, batch_size=None)
        assert len(caught) == 1
        return str(caught[0].message)

    assert warning(np.column_stack([X, np.full(20, 3.0)]), y).startswith("column 3 of X is the same value")
    assert warning(np.column_stack([X, y]), y).startswith("column 3 of X is equal to the target")
    assert warning(X, np.full(20, 2.0)).startswith("every target is the same")
    one_class = warning(X, np.zeros(20, int), "cross_entropy", pn.Network(pn.Dense(2, "softmax"), seed=1))
    assert one_class.startswith("every target is the same")


def test_a_column_of_ones_is_a_bias_and_no_reason_to_warn():
    net = pn.Network(pn.Dense(1), seed=1)
    net.fit(*pn.datasets.xor(), loss="mse", epochs=1, batch_size=None)


def test_a_long_runs_history_is_thinned_evenly(monkeypatch):
    monkeypatch.setattr("plainnet.history.MOST_REPORTS", 50)
    X, y = pn.datasets.xor()
    net = xor_network()
    history = net.fit(X, y, loss="mse", epochs=1000, batch_size=None, metrics=["rmse"], validation=(X, y))
    assert history.reports == 1000
    assert len(history.epoch) <= 51
    assert history.epoch[-1] == 1000
    assert set(np.diff(history.epoch[:-1])) == {32}
    lengths = {
        len(values) for values in (history.loss, history.validation_loss, history.seconds, *history.metrics.values())
    }
    assert lengths == {len(history.epoch)}


def reports_of(epochs, **options):
    """The epochs from report to report of a run of the XOR network."""
    X, y = pn.datasets.xor()
    given = {"loss": "mse", "epochs": epochs, "batch_size": None, "engine": "numpy", **options}
    return prepare(xor_network(), X, y, Options.of(given)).report_every


@pytest.mark.parametrize(
    ("epochs", "options", "every"),
    [
        (10_000, {}, 1),
        (100_000, {}, 100),
        (1_000_000, {}, 1000),
        (1_000_000, {"report_every": 1}, 1),
        (1_000_000, {"report_every": np.int64(7)}, 7),
        (1_000_000, {"early_stopping": 10_000}, 1),
        (1_000_000, {"optimizer": pn.SGD(pn.schedules.ReduceOnPlateau(1.0))}, 1),
        (1_000_000, {"optimizer": pn.SGD(pn.schedules.LinearWarmup(pn.schedules.ReduceOnPlateau(1.0)))}, 1),
        (1_000_000, {"optimizer": pn.SGD(pn.schedules.LinearWarmup(pn.schedules.Cosine(1.0)))}, 1000),
    ],
)
def test_only_long_runs_that_nothing_watches_report_less_often_than_each_epoch(epochs, options, every):
    assert reports_of(epochs, **options) == every


def test_long_epochs_are_reported_one_by_one():
    X = np.random.default_rng(1).normal(size=(2000, 50))
    net = pn.Network(pn.Dense(500, "relu"), pn.Dense(500, "relu"), pn.Dense(1), seed=1)
    options = Options.of({"loss": "mse", "epochs": 1_000_000, "engine": "numpy"})
    assert prepare(net, X, np.sin(X[:, 0]), options).report_every == 1


def test_report_every_takes_a_number_or_auto():
    with pytest.raises(InvalidValue, match="report_every is 'often'; it takes a number of epochs, or 'auto'"):
        reports_of(10, report_every="often")


def test_options_as_numpy_numbers_are_kept_as_numbers_that_a_file_holds(tmp_path):
    net = moons_network(seed=np.int32(3))
    options = {
        "epochs": np.int64(4),
        "batch_size": np.int32(8),
        "report_every": np.int16(2),
        "early_stopping": np.int64(3),
        "validation": np.float32(0.25),
        "shuffle": np.bool_(True),
        "optimizer": pn.SGD(np.float32(0.5), momentum=np.float64(0.9)),
        "checkpoint": tmp_path / "run.npz",
        "checkpoint_every": np.int64(2),
    }
    history = net.fit(*MOONS, loss="cross_entropy", **options)
    assert history.epoch == [2, 4]
    net.save(tmp_path / "model.npz")
    settings = pn.load(tmp_path / "model.npz").history.settings
    assert {name: settings[name] for name in ("epochs", "batch_size", "report_every", "shuffle")} == {
        "epochs": 4,
        "batch_size": 8,
        "report_every": 2,
        "shuffle": True,
    }
    assert settings["optimizer"]["learning_rate"] == 0.5
    assert settings["early_stopping"]["patience"] == 3
